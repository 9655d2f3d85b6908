import { closeSync, openSync, readdirSync, readFileSync, readSync, type Stats, statSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync, constants as zlib } from 'node:zlib'
import { messageOf, UserError } from '../../lib/errors.ts'
import { nearestName } from '../../lib/nearest-name.ts'

/** No file, and nothing a file decompresses to, may be larger: a guard against bombs and wrong files. */
export const MAX_BYTES = 2 ** 31 - 1

/** A sentence about one file: what is wrong with it and what would be right. */
export const badFile = (file: string, wrong: string, right: string): UserError =>
  new UserError(`'${file}' ${wrong}: ${right}`)

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** Turns what the file system says into a sentence for the user. */
export function unreadable(file: string, error: unknown): UserError {
  const code = codeOf(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const folder = path.dirname(file)
    if (listNames(folder).includes(path.basename(file)))
      return badFile(file, 'is a link that leads nowhere', 'mend it or remove it')
    const near = nearestName(path.basename(file), listNames(folder))
    const hint = near === undefined ? 'check the path' : `did you mean '${path.join(folder, near)}'?`
    return badFile(file, 'does not exist', hint)
  }
  if (code === 'EACCES' || code === 'EPERM') return badFile(file, 'may not be read', 'grant read permission')
  if (code === 'EISDIR') return badFile(file, 'is a folder', 'a file is expected here')
  return badFile(file, `cannot be read (${messageOf(error)})`, 'check the disk and the path')
}

/** Sorted names in a folder without the hidden ones; empty when it is no readable folder. */
export function listNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
  } catch {
    return []
  }
}

/** @throws UserError when nothing is there or it may not be looked at. */
export function assertExists(target: string): void {
  try {
    statSync(target)
  } catch (error) {
    throw unreadable(target, error)
  }
}

/** What is at a path, links followed; undefined for nothing, for devices, and for what may not be looked at. */
export function kindOfPath(target: string): 'file' | 'folder' | undefined {
  try {
    const found = statSync(target)
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : undefined
  } catch {
    return undefined
  }
}

/** Reading a pipe or a device could wait for ever. */
function regularFile(file: string): Stats {
  const found = statSync(file)
  if (found.isFile() || found.isDirectory()) return found
  throw badFile(file, 'is a pipe or a device', 'a regular file is expected here')
}

/**
 * Reads a whole file.
 * @throws UserError when it is missing, unreadable, empty or larger than `maxBytes`.
 */
export function readInputFile(file: string, maxBytes = MAX_BYTES): Uint8Array {
  try {
    const { size } = regularFile(file)
    if (size > maxBytes) throw badFile(file, `has ${size} bytes`, `at most ${maxBytes} can be read`)
    const bytes = readFileSync(file)
    if (bytes.length === 0) throw badFile(file, 'is empty', 'copy or download it again')
    return bytes
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(file, error)
  }
}

/** Up to `length` bytes from the start of a file. @throws UserError when it cannot be read. */
export function readFileStart(file: string, length: number): Uint8Array {
  try {
    regularFile(file)
    const handle = openSync(file, 'r')
    try {
      const bytes = new Uint8Array(length)
      return bytes.subarray(0, readSync(handle, bytes, 0, length, 0))
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(file, error)
  }
}

/**
 * Decompresses gzip data whose size follows from its own first bytes, never producing more than that.
 * @param sizeOf reads the expected size from (at least the first 64 bytes of) the decompressed data.
 * @throws UserError when the data is no gzip, damaged, cut short, or longer than announced.
 */
export function gunzipExactly(file: string, bytes: Uint8Array, sizeOf: (start: Uint8Array) => number): Uint8Array {
  try {
    const start = gunzipSync(bytes.subarray(0, 4096), { finishFlush: zlib.Z_SYNC_FLUSH })
    return gunzipSync(bytes, { maxOutputLength: sizeOf(start) })
  } catch (error) {
    if (error instanceof UserError) throw error
    const code = codeOf(error)
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw badFile(file, 'decompresses to more than its header announces', 'copy or download it again')
    }
    const wrong = code === 'Z_BUF_ERROR' ? 'is cut short' : `is no intact gzip file (${messageOf(error)})`
    throw badFile(file, wrong, 'copy or download it again')
  }
}
