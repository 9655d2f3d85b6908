/** Exit code of a command that Ctrl-C stopped. */
export const INTERRUPTED = 130

/** Ctrl-C, what stops a service, and a terminal that closes. */
export const STOPPED_BY = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What is being done gets this long to come to an end by itself. */
const PATIENCE_MS = 500

/**
 * Runs work that Ctrl-C stops: its signal is aborted, and what it then throws is no error. A second Ctrl-C, or work that
 * does not end soon, ends the process at once: files are written whole or not at all.
 * @param farewell what to say to whoever stopped it; called once.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>, farewell: () => void): Promise<void> {
  const stop = new AbortController()
  const leave = (): never => {
    farewell()
    process.exit(INTERRUPTED)
  }
  let patience: NodeJS.Timeout | undefined
  const interrupt = (): void => {
    if (stop.signal.aborted) leave()
    patience = setTimeout(leave, PATIENCE_MS)
    stop.abort()
  }
  for (const signal of STOPPED_BY) process.on(signal, interrupt)
  try {
    await work(stop.signal)
  } catch (error) {
    if (!stop.signal.aborted) throw error
    farewell()
    process.exitCode = INTERRUPTED
  } finally {
    clearTimeout(patience)
    for (const signal of STOPPED_BY) process.off(signal, interrupt)
  }
}
