import { existsSync } from 'node:fs'
import type { ImportedModel } from '../../formats/import/imported-model.ts'
import type { InputShapes } from '../../formats/import/input-shapes.ts'
import { HOST_ID, type HostId, hostFile, isHostId } from '../../hardware-profiles/host/cache.ts'
import { busyNoteOf, measureAgain } from '../../hardware-profiles/host/round-times.ts'
import { loadProfile } from '../../hardware-profiles/load.ts'

/** Number format of this computer that a device name stands for; undefined for other devices. */
function hostIdOf(name: string): HostId | undefined {
  const id = name.trim().split('@')[0]!
  return isHostId(id) ? id : undefined
}

/** Measures this computer where it is among the devices and was not measured before; says where that was done under load. */
export async function prepareHost(devices: readonly string[]): Promise<void> {
  const ids = new Set(devices.map(hostIdOf).filter((id) => id !== undefined))
  for (const id of ids) {
    if (!existsSync(hostFile('profile', id))) {
      await (await import('./devices-bench-host.ts')).measureAndStore(id)
      continue
    }
    const note = busyNoteOf(loadProfile(id).notes)
    if (note !== undefined) process.stderr.write(`frugal: ${id}: ${note} ${measureAgain(id)}\n`)
  }
}

/**
 * A quantised ONNX file as this computer executes it, where the computer is among the devices; its integer kernels are then measured, too.
 * Undefined for other files and devices, and where nothing is computed in integers that are measured.
 */
export async function executedOnHost(
  devices: readonly string[],
  file: string,
  model: ImportedModel,
  shapes: InputShapes,
): Promise<ImportedModel | undefined> {
  if (!devices.some((name) => hostIdOf(name) === HOST_ID) || model.format !== 'onnx') return undefined
  if (model.dataType !== 'int8' && model.dataType !== 'uint8') return undefined
  const executed = await (await import('./host-integers.ts')).asExecuted(file, shapes)
  if (executed?.integers === undefined || !executed.integers.computes) return undefined
  await prepareHost([integerHost(model), ...(executed.integers.dequantised.size > 0 ? ['host-dequantised'] : [])])
  return executed
}

/** This computer as it runs the weights of a quantised file. */
export const integerHost = ({ dataType }: ImportedModel): HostId => (dataType === 'uint8' ? 'host-uint8' : 'host-int8')
