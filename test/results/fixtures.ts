import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExecutionContext } from 'ava'
import type { NewExperiment } from '../../results/store.ts'
import type { DeviceCosts, TrialHead, TrialRecord } from '../../search/journal.ts'

/** A folder of its own for a test, removed afterwards. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'frugal-results-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const DEVICES = ['mcu', 'gpu']

export const experiment = (changes: Partial<NewExperiment> = {}): NewExperiment => ({
  name: 'digits',
  settings: { seed: 7, space: 'mobilenet' },
  environment: { node: 'v22', nested: { cpu: ['a', 'b'] } },
  datasetDigest: 'digest',
  devices: DEVICES,
  objectives: ['accuracy', 'latencyMs', 'peakRamBytes'],
  references: { mcu: [0.9, 100, 65536], gpu: [0.9, 10, 65536] },
  budget: 50,
  rungs: 1,
  ...changes,
})

export const costsOf = (device: string, changes: Partial<DeviceCosts> = {}): DeviceCosts => ({
  device,
  latencyMs: 12.5,
  energyMj: 0.75,
  peakRamBytes: 20480,
  flashBytes: 65536,
  violation: 0,
  objectives: [0.25, 12.5, 20480],
  basis: { exact: 0.75, interpolated: 0.25 },
  ...changes,
})

export const completed = (trial: number, changes: Partial<TrialRecord> = {}): TrialRecord => ({
  trial,
  genome: [trial, 1, 0],
  archId: `arch-${trial}`,
  rung: 0,
  continues: undefined,
  inherits: undefined,
  macs: 1_000_000 + trial,
  params: 5000 + trial,
  result: { ok: true, accuracy: 0.75, testAccuracy: 0.7, loss: 0.5, cpuSeconds: 2, wallSeconds: 3 },
  costs: DEVICES.map((device) => costsOf(device)),
  ...changes,
})

export const failed = (trial: number): TrialRecord =>
  completed(trial, {
    result: { ok: false, code: 'diverged', message: 'the loss became NaN in step 3' },
    costs: DEVICES.map((device) => costsOf(device, { objectives: undefined })),
  })

export const asked = (trial: number): TrialHead => ({
  trial,
  genome: [trial, 1, 0],
  archId: `arch-${trial}`,
  rung: 0,
  continues: undefined,
  inherits: undefined,
})
