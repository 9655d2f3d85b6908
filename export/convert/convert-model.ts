import { withFloatInterface } from '../../formats/tflite/float-interface.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { randomStream } from '../../lib/random.ts'
import { shapeText, sizeOf } from '../../network/shapes.ts'
import { findLiteRt } from '../litert/run-litert.ts'
import { runInLiteRt } from '../litert/verify-litert.ts'
import { createInterpreter } from '../quantise/reference/interpreter.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'
import type { ConversionSamples, ConversionSource } from './conversion.ts'
import { type ReadNetwork, readQuantisedTflite } from './read-quantised.ts'
import { WRITERS } from './writers.ts'

export type ConversionFormat = keyof typeof WRITERS

/** Formats from a list of ids with commas between. @throws UserError for an unknown one, naming the nearest. */
export function parseConversionFormats(text: string): readonly ConversionFormat[] {
  const known = Object.keys(WRITERS) as readonly ConversionFormat[]
  const ids = new Set(text.split(',').map((id) => id.trim()))
  for (const id of ids) {
    if (!known.some((format) => format === id)) throw new UserError(unknownName('format', id, known))
  }
  return known.filter((format) => ids.has(format))
}

export interface Conversion {
  readonly network: QuantisedNetwork
  readonly files: ReadonlyMap<string, string | Uint8Array>
  readonly findings: readonly string[]
}

export interface ConversionJob {
  /** A TFLite file in int8. */
  readonly bytes: Uint8Array
  readonly formats: readonly ConversionFormat[]
  readonly name: string
  /** Run every file on random samples and compare. */
  readonly verify: boolean
}

const SAMPLES = 128

/**
 * Reads an int8 TFLite file of any origin and writes it in other formats, checked by running them. The same job gives the
 * same bytes.
 * @throws UserError for files that cannot be converted; OperationalError when a written file does something else.
 */
export async function convertModel({ bytes, formats, name, verify }: ConversionJob): Promise<Conversion> {
  const read = readQuantisedTflite(bytes)
  const checks = verify ? await samplesFor(read, bytes) : undefined
  const title = `Network converted from TFLite by Frugal, ${read.network.kernels.length} kernels`
  const source: ConversionSource = { ...read, name, title, checks }
  const files = new Map<string, string | Uint8Array>()
  const findings: string[] = []
  const instructions: string[] = []
  for (const format of formats) {
    const written = await WRITERS[format](source)
    for (const [file, data] of written.files) files.set(file, data)
    findings.push(...written.findings)
    instructions.push(written.instructions)
  }
  files.set('README.md', readme(read, findings, instructions))
  return { network: read.network, files, findings }
}

async function samplesFor({ network }: ReadNetwork, bytes: Uint8Array): Promise<ConversionSamples> {
  const size = sizeOf(network.tensors[network.input]!.shape)
  const random = randomStream(1, 'conversion')
  const inputs = Int8Array.from({ length: SAMPLES * size }, () => random.int(256) - 128)
  const width = sizeOf(network.outputShape)
  const expected = new Int8Array(SAMPLES * width)
  const run = createInterpreter(network)
  for (let i = 0; i < SAMPLES; i++) expected.set(run(inputs.subarray(i * size, (i + 1) * size)), i * width)
  const installation = findLiteRt()
  const original =
    installation === undefined ? undefined : await runInLiteRt(installation, withFloatInterface(bytes), network, inputs)
  return { count: SAMPLES, inputs, expected, original }
}

function readme({ network }: ReadNetwork, findings: readonly string[], instructions: readonly string[]): string {
  const line = (label: string, tensor: number): string => {
    const { shape, quantisation } = network.tensors[tensor]!
    return `- ${label}: int8 ${shapeText(shape)}, real = ${quantisation.scale} · (q − ${quantisation.zeroPoint})`
  }
  return `# A converted network

${line('input', network.input)}
${line('output', network.output)}

## Verification

${findings.length === 0 ? '- not verified: --no-verify' : findings.map((finding) => `- ${finding}`).join('\n')}

## Build and run

${instructions.join('\n\n')}
`
}
