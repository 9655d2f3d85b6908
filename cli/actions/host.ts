import { existsSync } from 'node:fs'
import { HOST_ID, hostFile } from '../../hardware-profiles/host/cache.ts'
import { busyNoteOf, MEASURE_AGAIN } from '../../hardware-profiles/host/round-times.ts'
import { loadProfile } from '../../hardware-profiles/load.ts'

const isHost = (name: string): boolean => name.trim() === HOST_ID || name.trim().startsWith(`${HOST_ID}@`)

/** Measures this computer where it is among the devices and was not measured before; says where that was done under load. */
export async function prepareHost(devices: readonly string[]): Promise<void> {
  if (!devices.some(isHost)) return
  if (!existsSync(hostFile('profile'))) {
    await (await import('./devices-bench-host.ts')).measureAndStore()
    return
  }
  const note = busyNoteOf(loadProfile(HOST_ID).notes)
  if (note !== undefined) process.stderr.write(`frugal: host: ${note} ${MEASURE_AGAIN}\n`)
}
