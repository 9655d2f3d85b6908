import { crc32, inflateRawSync } from 'node:zlib'
import { messageOf } from '../../lib/errors.ts'
import { badFile, MAX_BYTES } from './input-file.ts'

const END_SIGNATURE = 0x06054b50
const ENTRY_SIGNATURE = 0x02014b50
const LOCAL_SIGNATURE = 0x04034b50
const END_SIZE = 22
const MAX_COMMENT = 0xffff
const STORED = 0
const DEFLATED = 8

/** One file inside a zip archive, not yet decompressed. */
export interface ZipEntry {
  readonly name: string
  /** Size after decompression, as the archive announces it. */
  readonly size: number
  /** Decompresses and checks the checksum. @throws UserError when the data is damaged or longer than announced. */
  readonly read: () => Uint8Array
}

const again = 'copy or write the file again'

function endRecordOffset(file: string, view: DataView): number {
  const last = view.byteLength - END_SIZE
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at
  }
  throw badFile(file, 'is no intact zip archive (its directory is missing)', again)
}

/** Names are only ever compared, never used as paths; an archive with such names was still not made by NumPy. */
const leavesFolder = (name: string): boolean => /^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\0/.test(name)

/**
 * Lists a zip archive: no zip64, encryption or split archives. Nothing is decompressed before `read`, which never
 * produces more than the entry announces; all entries together may announce 2 GiB at most.
 * The zlib of Node is used, because checksums and a hard limit on the output are needed.
 * @throws UserError when the directory is damaged, too large or holds names that climb out of a folder.
 */
export function readZip(file: string, bytes: Uint8Array): readonly ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = bytes.length < END_SIZE ? 0 : endRecordOffset(file, view)
  if (bytes.length < END_SIZE) throw badFile(file, `has only ${bytes.length} bytes`, 'a zip archive is expected')
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  let total = 0
  const entries: ZipEntry[] = []
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== ENTRY_SIGNATURE) {
      throw badFile(file, 'has a damaged zip directory', again)
    }
    const nameLength = view.getUint16(at + 28, true)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    if (leavesFolder(name)) {
      throw badFile(
        file,
        `holds the unsafe name ${JSON.stringify(name)}`,
        'numpy.savez writes plain names such as x.npy',
      )
    }
    const entry = {
      name,
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      checksum: view.getUint32(at + 16, true),
      packedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    }
    total += entry.size
    if (total > MAX_BYTES)
      throw badFile(file, `decompresses to ${total} bytes or more`, `at most ${MAX_BYTES} are read`)
    entries.push({ name, size: entry.size, read: () => readEntry(file, bytes, view, entry) })
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return entries
}

interface DirectoryEntry {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly checksum: number
  readonly packedSize: number
  readonly size: number
  readonly offset: number
}

function readEntry(file: string, bytes: Uint8Array, view: DataView, entry: DirectoryEntry): Uint8Array {
  const where = `${file}/${entry.name}`
  const { offset, packedSize, size } = entry
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== LOCAL_SIGNATURE) {
    throw badFile(where, 'is not where the zip directory says', again)
  }
  if ((entry.flags & 1) !== 0 || (entry.method !== STORED && entry.method !== DEFLATED)) {
    throw badFile(where, 'is encrypted or packed in an unknown way', 'write it with numpy.savez or savez_compressed')
  }
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true)
  const packed = bytes.subarray(start, start + packedSize)
  let data = packed
  if (entry.method === DEFLATED) {
    try {
      data = inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) })
    } catch (error) {
      throw badFile(where, `cannot be decompressed to the ${size} bytes it announces (${messageOf(error)})`, again)
    }
  }
  if (data.length !== size || crc32(data) !== entry.checksum) {
    throw badFile(where, 'is damaged (size or checksum differ)', again)
  }
  return data
}
