import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import { UserError } from './errors.ts'

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
    throw error
  }
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
