import type { Profile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { cFormat } from './c.ts'
import type { ExportFormat } from './format.ts'
import { onnxFormat } from './onnx.ts'
import { onnxInt8Format, onnxIntegerFormat } from './onnx-int8.ts'
import { tfliteFormat } from './tflite.ts'

/** In the order in which they are written. */
export const EXPORT_FORMATS: readonly ExportFormat[] = [
  onnxFormat,
  onnxInt8Format,
  onnxIntegerFormat,
  tfliteFormat,
  cFormat,
]

const DEFAULTS: Readonly<Record<Profile['family'], readonly ExportFormat[]>> = {
  'cortex-m': [onnxFormat, tfliteFormat, cFormat],
  npu: [onnxFormat, tfliteFormat],
  gpu: [onnxFormat],
  cpu: [onnxFormat],
}

/** What the devices of a family run. */
export const defaultFormats = (family: Profile['family']): readonly ExportFormat[] => DEFAULTS[family]

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
