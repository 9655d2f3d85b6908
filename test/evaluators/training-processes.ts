import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Whether processes can be listed here. */
export const LISTS_PROCESSES = existsSync('/proc/self/status')

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
const parentOf = (pid: number): number => Number(/^PPid:\t(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? 0)
const descendsFromHere = (pid: number): boolean => pid === process.pid || (pid > 1 && descendsFromHere(parentOf(pid)))

/** Processes that train for this one or for one that it started. */
export const trainingProcesses = (): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && read(pid, 'cmdline').includes('training-process') && descendsFromHere(pid))

const PATIENCE_MS = 60_000

/** Sends a signal to all of them once there are so many: SIGABRT is what a failed assertion in native code does. */
export async function signalTrainingProcesses(count: number, signal: NodeJS.Signals): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (trainingProcesses().length < count) {
    if (performance.now() > until) throw new Error(`no ${count} processes that train after ${PATIENCE_MS} ms`)
    await delay(20)
  }
  for (const pid of trainingProcesses()) process.kill(pid, signal)
}
