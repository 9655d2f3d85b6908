import { execFile } from 'node:child_process'
import path from 'node:path'
import { installedVersion, NATIVE_PACKAGES } from './library.ts'

/** Loading CUDA for the first time can take this long. */
const PATIENCE_MS = 120_000

/**
 * Whether TensorFlow for GPUs is installed, loads and finds a GPU. It is tried in a process of its own: a driver that
 * does not fit the library may take the process down.
 */
export async function findsTensorflowGpu(): Promise<boolean> {
  if (installedVersion(NATIVE_PACKAGES[0]) === undefined) return false
  const probe = path.join(import.meta.dirname, `gpu-probe${path.extname(import.meta.filename)}`)
  return new Promise((resolve) => {
    execFile(process.execPath, [probe], { timeout: PATIENCE_MS }, (error, stdout) =>
      resolve(error === null && stdout.trimEnd().endsWith('true')),
    )
  })
}
