/** Processor seconds of this thread, or of the process where Node cannot tell threads apart. */
export function cpuSecondsNow(): number {
  const usage = process.threadCpuUsage?.() ?? process.cpuUsage()
  return (usage.user + usage.system) / 1e6
}

/** What one of `open` shares has counted since the thread began. */
let shared = 0
let open = 0
let settledAt = 0

/** Splits what passed since the last call evenly among the shares that were open. */
function settle(): void {
  const now = cpuSecondsNow()
  if (open > 0) shared += (now - settledAt) / open
  settledAt = now
}

/**
 * Begins to count processor seconds. What passes while several shares are open on this thread, as for networks whose
 * steps run together, counts for each of them in equal parts.
 * @returns ends the share and gives its seconds; later calls give the same.
 */
export function openCpuShare(): () => number {
  settle()
  const began = shared
  open++
  let seconds: number | undefined
  return () => {
    if (seconds === undefined) {
      settle()
      open--
      seconds = shared - began
    }
    return seconds
  }
}
