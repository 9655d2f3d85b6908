import { execFile } from 'node:child_process'
import path from 'node:path'
import { installedVersion, NATIVE_PACKAGES } from './library.ts'

export type ProbeResult =
  | { readonly loads: true; readonly gpu: boolean }
  | { readonly loads: false; readonly reason: string }

/** Loading CUDA for the first time can take this long. */
const PATIENCE_MS = 120_000

const known = new Map<string, Promise<ProbeResult>>()

/**
 * Tries a native build once, in a process of its own: where a driver does not fit the library, loading it may take the
 * process down, and loading it here and again in a worker thread is not safe.
 */
export function probeNative(name: string): Promise<ProbeResult> {
  const found = known.get(name) ?? runProbe(name)
  known.set(name, found)
  return found
}

function runProbe(name: string): Promise<ProbeResult> {
  const script = path.join(import.meta.dirname, `probe-process${path.extname(import.meta.filename)}`)
  return new Promise((resolve) => {
    execFile(process.execPath, [script, name], { timeout: PATIENCE_MS }, (error, stdout) => {
      const answer = stdout.trimEnd().split('\n').at(-1)
      if (error === null && answer) return resolve(JSON.parse(answer) as ProbeResult)
      resolve({ loads: false, reason: `'${name}' ends the process that loads it (${error?.signal ?? error?.code})` })
    })
  })
}

/** Whether TensorFlow for GPUs is installed, loads and finds a GPU. */
export async function findsTensorflowGpu(): Promise<boolean> {
  const [name] = NATIVE_PACKAGES
  if (installedVersion(name) === undefined) return false
  const result = await probeNative(name)
  return result.loads && result.gpu
}
