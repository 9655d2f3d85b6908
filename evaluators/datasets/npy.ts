import { sizeOf } from '../../network/shapes.ts'
import { badFile } from './input-file.ts'

export type NpyValues = Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array

/** One NumPy array in C order. */
export interface NpyArray {
  readonly shape: readonly number[]
  readonly values: NpyValues
}

interface ElementType {
  readonly bytes: number
  readonly view: (buffer: ArrayBuffer) => NpyValues
}

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  '|u1': { bytes: 1, view: (buffer) => new Uint8Array(buffer) },
  '|i1': { bytes: 1, view: (buffer) => new Int8Array(buffer) },
  '<i2': { bytes: 2, view: (buffer) => new Int16Array(buffer) },
  '<i4': { bytes: 4, view: (buffer) => new Int32Array(buffer) },
  '<i8': { bytes: 8, view: (buffer) => new BigInt64Array(buffer) },
  '<f4': { bytes: 4, view: (buffer) => new Float32Array(buffer) },
  '<f8': { bytes: 8, view: (buffer) => new Float64Array(buffer) },
}
const READABLE = 'save it as uint8, int8, int16, int32, int64, float32 or float64 (little-endian)'

/** `\x93NUMPY` */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** The header's text and where the values start. */
function readHeader(where: string, bytes: Uint8Array): { readonly header: string; readonly start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes[6]
  if (
    !MAGIC.every((byte, i) => bytes[i] === byte) ||
    version === undefined ||
    version < 1 ||
    version > 3 ||
    bytes.length < 12
  ) {
    throw badFile(where, 'is no NumPy array', 'write the file with numpy.savez')
  }
  const prefix = version === 1 ? 10 : 12
  const start = prefix + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (start > bytes.length) throw badFile(where, 'ends inside its header', 'copy or write it again')
  return { header: new TextDecoder('latin1').decode(bytes.subarray(prefix, start)), start }
}

/**
 * Reads a `.npy` array (format versions 1 to 3). Pickled objects, structures, other byte orders and Fortran order are refused.
 * @param where names the array in errors.
 * @throws UserError saying what is wrong with it.
 */
export function readNpy(where: string, bytes: Uint8Array): NpyArray {
  const { header, start } = readHeader(where, bytes)
  const description = /'descr'\s*:\s*'([^']+)'/.exec(header)?.[1]
  const dimensions = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1]
  if (description?.endsWith('O')) {
    throw badFile(where, 'holds pickled Python objects', `they are never loaded; ${READABLE}`)
  }
  if (description === undefined || dimensions === undefined) {
    throw badFile(where, 'has a header that cannot be read', READABLE)
  }
  const type = Object.hasOwn(ELEMENT_TYPES, description) ? ELEMENT_TYPES[description] : undefined
  if (type === undefined) {
    const right = /^.?[US]/.test(description)
      ? `${READABLE}; of text, numpy.unique(y, return_inverse=True)[1]`
      : READABLE
    throw badFile(where, `has element type '${description}'`, right)
  }
  if (!/'fortran_order'\s*:\s*False/.test(header)) {
    throw badFile(where, 'is in Fortran order', 'apply numpy.ascontiguousarray before saving')
  }
  const shape = dimensions
    .split(',')
    .filter((text) => text.trim() !== '')
    .map(Number)
  const expected = sizeOf(shape) * type.bytes
  if (bytes.length - start !== expected) {
    const right = `shape (${shape.join(', ')}) of '${description}' needs ${expected}`
    throw badFile(where, `holds ${bytes.length - start} bytes of values`, right)
  }
  // A copy: views of more than one byte need an aligned start.
  return { shape, values: type.view(new Uint8Array(bytes.subarray(start)).buffer) }
}
