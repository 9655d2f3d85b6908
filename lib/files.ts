import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import { OperationalError, UserError } from './errors.ts'

/** Writes a file whole or not at all: a temporary neighbour is synced, then renamed over the target. */
export function writeFileAtomic(file: string, data: string | Uint8Array): void {
  mkdirSync(path.dirname(file), { recursive: true })
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
