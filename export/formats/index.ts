import type { Profile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { WeightBitsMode } from '../quantise/weight-bits.ts'
import { cFormat } from './c.ts'
import type { ExportFormat } from './format.ts'
import { onnxFormat } from './onnx.ts'
import { onnxFloat16Format } from './onnx-float16.ts'
import { onnxInt8Format, onnxIntegerFormat } from './onnx-int8.ts'
import { tfliteFormat } from './tflite.ts'
import { tfliteFloat16Format, tfliteFloat32Format } from './tflite-float.ts'

/** In the order in which they are written. */
const EXPORT_FORMATS: readonly ExportFormat[] = [
  onnxFormat,
  onnxFloat16Format,
  onnxInt8Format,
  onnxIntegerFormat,
  tfliteFormat,
  tfliteFloat16Format,
  tfliteFloat32Format,
  cFormat,
]

const DEFAULTS: Readonly<Record<Profile['family'], readonly ExportFormat[]>> = {
  'cortex-m': [onnxFormat, tfliteFormat, cFormat],
  npu: [onnxFormat, tfliteFormat],
  gpu: [onnxFormat, onnxFloat16Format],
  cpu: [onnxFormat],
}

/** What the devices of a family run. */
export const defaultFormats = (family: Profile['family']): readonly ExportFormat[] => DEFAULTS[family]

/**
 * The formats of a list that a device's runtime opens.
 * @throws UserError naming the formats and the device where none is left, or where some are not and `some` is not allowed.
 */
export function formatsFor(
  formats: readonly ExportFormat[],
  { id, family, runtime, dataType }: Profile,
  { some }: { readonly some: boolean },
): readonly ExportFormat[] {
  const fitting = formats.filter(({ families }) => families?.includes(family) ?? true)
  if (fitting.length === formats.length || (some && fitting.length > 0)) return fitting
  const others = formats.filter((format) => !fitting.includes(format)).map((format) => format.id)
  throw new UserError(
    `${id} does not run ${others.join(', ')}: it runs ${dataType} with ${runtime}; leave --format out, or choose of ${idsFor(family).join(', ')}`,
  )
}

const idsFor = (family: Profile['family']): readonly string[] =>
  EXPORT_FORMATS.filter(({ families }) => families?.includes(family) ?? true).map(({ id }) => id)

/**
 * How many bits the weights may have for a device.
 * @throws UserError where the device's runtime, or no format, takes 4-bit weights; with `some` they have 8 bits there.
 */
export function weightBitsFor(
  mode: WeightBitsMode,
  formats: readonly ExportFormat[],
  profile: Profile,
  { some }: { readonly some: boolean },
): WeightBitsMode {
  if (mode === '8') return mode
  const quantised = formats.filter(({ needsInt8 }) => needsInt8)
  const refusing = quantised.find((format) => format.fourBitProblem?.(profile) !== undefined)
  if (quantised.length > 0 && refusing === undefined) return mode
  if (some) return '8'
  const why =
    refusing?.fourBitProblem?.(profile) ?? `${formats.map(({ id }) => id).join(', ')} holds no quantised weights`
  const others = EXPORT_FORMATS.filter(
    (format) =>
      format.needsInt8 && idsFor(profile.family).includes(format.id) && format.fourBitProblem?.(profile) === undefined,
  )
  throw new UserError(
    `--weights-bits ${mode} for ${profile.id}: ${why}; choose --format of ${others.map(({ id }) => id).join(', ')}, or 8 bits`,
  )
}

/** Formats from a list of ids with commas between. @throws UserError for an unknown one, naming the nearest. */
export function parseFormats(text: string): readonly ExportFormat[] {
  const ids = new Set(text.split(',').map((id) => id.trim()))
  const known = EXPORT_FORMATS.map(({ id }) => id)
  for (const id of ids) {
    if (id === '') throw new UserError(`--format '${text}' has an empty name: write for example --format onnx,c`)
    if (!known.includes(id)) throw new UserError(unknownName('format', id, known))
  }
  return EXPORT_FORMATS.filter(({ id }) => ids.has(id))
}
