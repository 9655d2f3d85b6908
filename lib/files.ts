import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import { OperationalError, UserError } from './errors.ts'

/**
 * Makes a folder, and those around it that are missing. Step by step: Node's own recursion never ends where a file system
 * takes no folders, such as /proc.
 * @throws what the file system says: EEXIST or ENOTDIR where a file is in the way.
 */
export function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  const outer = path.dirname(path.resolve(folder))
  if (outer !== path.resolve(folder)) makeFolder(outer)
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have been faster.
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

/**
 * Writes a file whole or not at all: a temporary neighbour is synced, then renamed over the target. A device or a pipe,
 * such as `/dev/stdout`, is written to: a file in its place would be the end of it.
 */
export function writeFileAtomic(file: string, data: string | Uint8Array): void {
  makeFolder(path.dirname(file))
  const found = statSync(file, { throwIfNoEntry: false })
  if (found !== undefined && !found.isFile() && !found.isDirectory()) {
    writeFileSync(file, data)
    return
  }
  const temporary = `${file}.${process.pid}-${threadId}.tmp`
  try {
    const handle = openSync(temporary, 'w')
    try {
      writeFileSync(handle, data)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    // A full disk is told without the file's name.
    if (error instanceof Error && !('path' in error)) Object.assign(error, { path: file })
    throw error
  }
}

const DISK_FULL: readonly string[] = ['ENOSPC', 'EDQUOT']
const FORBIDDEN: readonly string[] = ['EACCES', 'EPERM', 'EROFS']

/** What the file system refused, as one sentence that says what to do; undefined for any other error. */
export function fileSystemTrouble(error: unknown): OperationalError | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, syscall, path: file, message } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined || /^(spawn|connect|listen|getaddrinfo)/.test(syscall))
    return undefined
  const what = file === undefined ? 'a file' : `'${file.replace(/\.\d+-\d+\.tmp$/, '')}'`
  const said = DISK_FULL.includes(code)
    ? `the disk is full: ${what} cannot be written; free some space, then run the same command again`
    : FORBIDDEN.includes(code)
      ? `${what} cannot be written or read (${code === 'EROFS' ? 'read-only file system' : 'permission denied'}): change its permissions, or name another place`
      : `${what} cannot be written or read (${message}): check the path and the disk`
  return new OperationalError(said, { cause: error })
}

/**
 * Joins a name that came from a file or a user to a folder, refusing to leave it.
 * @throws UserError when the name is absolute, climbs out of the folder or holds a NUL byte.
 */
export function pathInside(folder: string, name: string): string {
  const root = path.resolve(folder)
  const target = path.resolve(root, name)
  if (name.includes('\0') || path.isAbsolute(name) || !target.startsWith(root + path.sep)) {
    throw new UserError(`the name '${name}' leaves the folder '${folder}': give a plain file name`)
  }
  return target
}
