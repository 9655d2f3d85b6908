import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { withFloatInterface } from '../../formats/tflite/float-interface.ts'
import { readTflite } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { randomStream } from '../../lib/random.ts'
import { shapeText, sizeOf } from '../../network/shapes.ts'
import { findLiteRt } from '../litert/run-litert.ts'
import { runInLiteRt } from '../litert/verify-litert.ts'
import { referenceOutputs } from '../quantise/run-reference.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'
import { type NormalisationName, prepareData } from './calibration-data.ts'
import type { ConversionSamples, ConversionSource, ConvertedFile } from './conversion.ts'
import { floatChecks, type ModelKind, quantisedSource } from './convert-float.ts'
import { inputNodeOf } from './float-builder.ts'
import { FLOAT_WRITERS } from './float-writers.ts'
import { isFloat, readFloatTflite } from './read-float.ts'
import { readFloatOnnx } from './read-onnx-float.ts'
import { type ReadNetwork, readQuantisedTflite } from './read-quantised.ts'
import { WRITERS } from './writers.ts'

type FloatFormat = keyof typeof FLOAT_WRITERS
type Int8Format = keyof typeof WRITERS
export type ConversionFormat = FloatFormat | Int8Format

const INT8_FORMATS = Object.keys(WRITERS) as readonly Int8Format[]
const FLOAT_FORMATS = Object.keys(FLOAT_WRITERS) as readonly FloatFormat[]
const inFloat = (format: ConversionFormat): format is FloatFormat => format in FLOAT_WRITERS

/** Formats from a list of ids with commas between. @throws UserError for an unknown one, naming the nearest. */
export function parseConversionFormats(text: string): readonly ConversionFormat[] {
  const known: readonly ConversionFormat[] = [...INT8_FORMATS, ...FLOAT_FORMATS]
  const ids = new Set(text.split(',').map((id) => id.trim()))
  for (const id of ids) {
    if (!known.some((format) => format === id)) throw new UserError(unknownName('format', id, known))
  }
  return known.filter((format) => ids.has(format))
}

export interface Conversion {
  /** What was read and made, in a line. */
  readonly summary: string
  readonly files: ReadonlyMap<string, string | Uint8Array>
  readonly findings: readonly string[]
}

export interface ConversionJob {
  readonly bytes: Uint8Array
  readonly kind: ModelKind
  readonly formats: readonly ConversionFormat[]
  readonly name: string
  /** Run every file and compare. */
  readonly verify: boolean
  /** Samples for a float network: calibration of int8, and what files are compared on. */
  readonly data?: { readonly dataset: Dataset; readonly normalisation: NormalisationName }
}

const SAMPLES = 128

/**
 * Reads a TFLite or ONNX file of any origin and writes it in other formats, checked by running them: networks in int8 as they are,
 * float ones as floats or quantised. The same job gives the same bytes.
 * @throws UserError for files that cannot be converted; OperationalError when a written file does something else.
 */
export const convertModel = (job: ConversionJob): Promise<Conversion> =>
  job.kind === 'onnx' || isFloat(readTflite(job.bytes)) ? convertFloat(job) : convertInt8(job)

async function convertInt8({ bytes, formats, name, verify, data }: ConversionJob): Promise<Conversion> {
  const float = formats.find(inFloat)
  if (float !== undefined)
    throw new UserError(`the network is in int8, which --format ${float} cannot hold: give ${INT8_FORMATS.join(', ')}`)
  if (data !== undefined) throw new UserError('the network is in int8 already: --data is for float networks')
  const read = readQuantisedTflite(bytes)
  const checks = verify ? await samplesFor(read, bytes) : undefined
  const title = `Network converted from TFLite by Frugal, ${read.network.kernels.length} kernels`
  const written = await writeInt8({ ...read, name, title, checks }, formats)
  return collected(read.network, int8Lines(read.network), [], written)
}

async function convertFloat({ bytes, kind, formats, name, verify, data }: ConversionJob): Promise<Conversion> {
  const read = kind === 'onnx' ? readFloatOnnx(bytes) : readFloatTflite(bytes)
  const shape = inputNodeOf(read.graph).shape
  const prepared = data === undefined ? undefined : prepareData(data.dataset, data.normalisation, shape)
  const title = `Network converted from ${kind === 'onnx' ? 'ONNX' : 'TFLite'} by Frugal, ${read.graph.nodes.length} nodes`
  const checks = verify ? await floatChecks(read, { bytes, kind }, prepared) : undefined
  const source = { ...read, title, checks }
  const quantised = formats.every(inFloat) ? undefined : await quantisedSource(source, prepared, name)
  const written: ConvertedFile[] = quantised === undefined ? [] : await writeInt8(quantised.source, formats)
  for (const format of formats) if (inFloat(format)) written.push(await FLOAT_WRITERS[format](source))
  const lines = [`- float network: ${shapeText(shape)} to ${shapeText(read.graph.nodes.at(-1)!.shape)}`]
  if (quantised !== undefined) lines.push(...int8Lines(quantised.source.network))
  return collected(quantised?.source.network, lines, quantised?.findings ?? [], written)
}

async function writeInt8(source: ConversionSource, formats: readonly ConversionFormat[]): Promise<ConvertedFile[]> {
  const written: ConvertedFile[] = []
  for (const format of formats) if (!inFloat(format)) written.push(await WRITERS[format](source))
  return written
}

function collected(
  network: QuantisedNetwork | undefined,
  lines: readonly string[],
  before: readonly string[],
  written: readonly ConvertedFile[],
): Conversion {
  const findings = [...before, ...written.flatMap((file) => file.findings)]
  const files = new Map(written.flatMap((file) => [...file.files]))
  files.set(
    'README.md',
    readme(
      lines,
      findings,
      written.map(({ instructions }) => instructions),
    ),
  )
  const shape = (tensor: number): string => shapeText(network!.tensors[tensor]!.shape)
  const summary =
    network === undefined
      ? lines[0]!.replace('- ', '')
      : `${network.kernels.length} kernels, int8 ${shape(network.input)} to ${shape(network.output)}`
  return { summary, files, findings }
}

async function samplesFor({ network }: ReadNetwork, bytes: Uint8Array): Promise<ConversionSamples> {
  const size = sizeOf(network.tensors[network.input]!.shape)
  const random = randomStream(1, 'conversion')
  const inputs = Int8Array.from({ length: SAMPLES * size }, () => random.int(256) - 128)
  const expected = referenceOutputs(network, inputs, SAMPLES)
  const installation = findLiteRt()
  const original =
    installation === undefined ? undefined : await runInLiteRt(installation, withFloatInterface(bytes), network, inputs)
  return { count: SAMPLES, kind: 'random', inputs, expected, original }
}

function int8Lines(network: QuantisedNetwork): readonly string[] {
  const line = (label: string, tensor: number): string => {
    const { shape, quantisation } = network.tensors[tensor]!
    return `- ${label}: int8 ${shapeText(shape)}, real = ${quantisation.scale} · (q − ${quantisation.zeroPoint})`
  }
  const { mean, standardDeviation } = network.normalisation
  const raw = mean.every((value) => value === 0) && standardDeviation.every((value) => value === 1)
  return [
    line('input', network.input),
    line('output', network.output),
    ...(raw ? [] : [`- real = (raw − [${mean.join(', ')}]) ÷ [${standardDeviation.join(', ')}] for each channel`]),
  ]
}

const readme = (
  lines: readonly string[],
  findings: readonly string[],
  instructions: readonly string[],
): string => `# A converted network

${lines.join('\n')}

## Verification

${findings.length === 0 ? '- not verified: --no-verify' : findings.map((finding) => `- ${finding}`).join('\n')}

## Build and run

${instructions.join('\n\n')}
`
