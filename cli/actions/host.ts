import { existsSync } from 'node:fs'
import { HOST_ID, hostFile } from '../../hardware-profiles/host/cache.ts'

const isHost = (name: string): boolean => name.trim() === HOST_ID || name.trim().startsWith(`${HOST_ID}@`)

/** Measures this computer where it is among the devices and was not measured before. */
export async function prepareHost(devices: readonly string[]): Promise<void> {
  if (!devices.some(isHost) || existsSync(hostFile('profile'))) return
  await (await import('./devices-bench-host.ts')).measureAndStore()
}
