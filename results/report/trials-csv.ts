import type { DeviceCosts, TrialRecord } from '../../search/journal.ts'
import { field } from './front-csv.ts'

type Value = string | number | undefined

/** Columns of a trial, then those of its costs on a device. Of a failed trial the measured ones are empty. */
const TRIAL: Readonly<Record<string, (trial: TrialRecord) => Value>> = {
  trial: ({ trial }) => trial,
  archId: ({ archId }) => archId,
  genome: ({ genome }) => genome.join(' '),
  rung: ({ rung }) => rung,
  continues: (trial) => trial.continues,
  inherits: (trial) => trial.inherits,
  macs: ({ macs }) => macs,
  params: ({ params }) => params,
  accuracy: ({ result }) => (result.ok ? result.accuracy : undefined),
  crossEntropy: ({ result }) => (result.ok ? result.crossEntropy : undefined),
  testAccuracy: ({ result }) => (result.ok ? result.testAccuracy : undefined),
  loss: ({ result }) => (result.ok ? result.loss : undefined),
  cpuSeconds: ({ result }) => (result.ok ? result.cpuSeconds : undefined),
  wallSeconds: ({ result }) => (result.ok ? result.wallSeconds : undefined),
  failure: ({ result }) => (result.ok ? undefined : result.code),
}
const COSTS: Readonly<Record<string, (costs: DeviceCosts) => Value>> = {
  device: ({ device }) => device,
  latencyMs: ({ latencyMs }) => latencyMs,
  energyMj: ({ energyMj }) => energyMj,
  peakRamBytes: ({ peakRamBytes }) => peakRamBytes,
  flashBytes: ({ flashBytes }) => flashBytes,
  violation: ({ violation }) => violation,
}

export const TRIALS_CSV_HEADER = [...Object.keys(TRIAL), ...Object.keys(COSTS), 'onFront'].join(',')

/**
 * The lines of a trial, one for each device; numbers in full.
 * @param isOnFront whether a trial is on the front of a device, the last column (1 or 0)
 */
export function trialCsvLines(
  trial: TrialRecord,
  isOnFront: (device: string, trial: number) => boolean,
): readonly string[] {
  const own = Object.values(TRIAL).map((read) => field(read(trial)))
  return trial.costs.map((costs) => {
    const priced = Object.values(COSTS).map((read) => field(read(costs)))
    return [...own, ...priced, isOnFront(costs.device, trial.trial) ? 1 : 0].join(',')
  })
}
