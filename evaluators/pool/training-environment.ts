/**
 * What the allocator of the C library (glibc) is told by the environment of a process that trains; others ignore it. Left
 * to itself it raises the size from which blocks are mapped, and given back when freed, up to 32 MB, and keeps smaller ones
 * for each thread: after a few large networks that is most of what a long search takes. Bytes.
 */
const SETTINGS = { MALLOC_MMAP_THRESHOLD_: '4194304', MALLOC_TRIM_THRESHOLD_: '16777216' }

const isOfAllocator = (name: string): boolean => name.startsWith('MALLOC_') || name === 'GLIBC_TUNABLES'

/** The environment for a process that trains. What users tell the allocator themselves counts alone. */
export const trainingEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.keys(env).some(isOfAllocator) ? env : { ...env, ...SETTINGS }

/**
 * Starts this program once more, in its place and with the same process id, where the allocator has not been told how to
 * work: it reads its environment when a process begins, and never again. To be called before anything else is done. Does
 * nothing on other systems than Linux, and where the process may not be replaced.
 */
export function enterTrainingEnvironment(): void {
  if (process.platform !== 'linux' || process.execve === undefined || process.connected) return
  const env = trainingEnvironment(process.env)
  if (env === process.env) return
  try {
    process.execve(process.execPath, [process.argv0, ...process.execArgv, ...process.argv.slice(1)], env)
  } catch {
    // Node's permission model forbids it: trainings take more memory, and nothing else changes.
  }
}
