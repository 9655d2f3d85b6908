/** Processor seconds of this thread, or of the process where Node cannot tell threads apart. */
export function cpuSecondsNow(): number {
  const usage = process.threadCpuUsage?.() ?? process.cpuUsage()
  return (usage.user + usage.system) / 1e6
}
