import { messageOf, UserError } from '../../lib/errors.ts'

/** A float32 tensor, row-major. */
export interface StoredTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** The key of the header that holds texts instead of a tensor. */
const METADATA = '__metadata__'
const LENGTH_BYTES = 8
const FLOAT_BYTES = 4
/** A longer header than this is refused, as other readers of the format do. */
const MAX_HEADER_BYTES = 100_000_000

/**
 * Writes named tensors in the safetensors format: the length of a JSON header as a 64-bit number, the header, the data,
 * all little-endian. The same tensors in the same order give the same bytes.
 */
export function encodeTensors({ tensors, metadata }: TensorFile): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length === 0 ? [] : [[METADATA, metadata]]
  let end = 0
  for (const [name, { shape, data }] of tensors) {
    const start = end
    end += data.length * FLOAT_BYTES
    entries.push([name, { dtype: 'F32', shape, data_offsets: [start, end] }])
  }
  // Written by hand: an object would put names that look like numbers first.
  const text = `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
  const unpadded = new TextEncoder().encode(text).length
  const header = new TextEncoder().encode(text + ' '.repeat((LENGTH_BYTES - (unpadded % LENGTH_BYTES)) % LENGTH_BYTES))
  const file = new Uint8Array(LENGTH_BYTES + header.length + end)
  const view = new DataView(file.buffer)
  view.setBigUint64(0, BigInt(header.length), true)
  file.set(header, LENGTH_BYTES)
  let at = LENGTH_BYTES + header.length
  for (const { data } of tensors.values()) {
    for (const value of data) {
      view.setFloat32(at, value, true)
      at += FLOAT_BYTES
    }
  }
  return file
}

/** Reads a safetensors file of float32 tensors. @throws UserError with one sentence for anything else. */
export function decodeTensors(file: Uint8Array): TensorFile {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const headerBytes = file.length < LENGTH_BYTES ? Number.NaN : Number(view.getBigUint64(0, true))
  const start = LENGTH_BYTES + headerBytes
  if (!(headerBytes <= MAX_HEADER_BYTES && start <= file.length)) {
    throw new UserError('the file is no safetensors file: its header does not fit into it')
  }
  const header = parseHeader(file.subarray(LENGTH_BYTES, start))
  const tensors = new Map<string, StoredTensor>()
  let metadata: Record<string, string> = {}
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) metadata = textsOf(entry)
    else tensors.set(name, tensorOf(name, entry, view, start))
  }
  return { tensors, metadata }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new UserError(`the header of the file is not JSON: ${messageOf(error)}`)
  }
  if (!isRecord(value)) throw new UserError('the header of the file is no JSON object')
  return value
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function textsOf(value: unknown): Record<string, string> {
  const texts = isRecord(value) ? Object.entries(value) : []
  if (!isRecord(value) || texts.some(([, text]) => typeof text !== 'string')) {
    throw new UserError(`'${METADATA}' in the header of the file must hold texts`)
  }
  return Object.fromEntries(texts) as Record<string, string>
}

const isCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0)

function tensorOf(name: string, entry: unknown, view: DataView, start: number): StoredTensor {
  if (!isRecord(entry) || entry['dtype'] !== 'F32') throw new UserError(`tensor '${name}' is not of type F32`)
  const { shape, data_offsets: offsets } = entry
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw new UserError(`tensor '${name}' lacks a shape or two offsets`)
  }
  const [from, to] = offsets as readonly [number, number]
  const elements = shape.reduce((product, length) => product * length, 1)
  if (to - from !== elements * FLOAT_BYTES || start + to > view.byteLength) {
    throw new UserError(`tensor '${name}' does not lie inside the file, or not with the size of its shape`)
  }
  const data = new Float32Array(elements)
  for (let i = 0; i < elements; i++) data[i] = view.getFloat32(start + from + i * FLOAT_BYTES, true)
  return { shape, data }
}
