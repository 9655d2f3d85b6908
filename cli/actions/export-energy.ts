import { JOULES_PER_WATT_HOUR } from '../../evaluators/energy/counter.ts'
import { openMeter } from '../../evaluators/energy/meter.ts'
import { trainsAlone } from '../../evaluators/training/engines.ts'
import type { PassEnergy } from '../../export/training-energy.ts'
import type { SearchEnergy } from '../../results/search-energy.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { stagesOf } from './ladder.ts'
import { formatWattHours, tellLost } from './search-energy.ts'
import type { SearchSettings } from './settings.ts'

/** What an export used. */
export interface ExportEnergy {
  readonly wattHours: number
  readonly basis: 'measured' | 'estimated' | 'partly measured'
  readonly sources: readonly string[]
}

/**
 * Meters an export: training, fine-tuning, quantising and running the files. The figure is told and not kept: it is
 * another one each time, and files of one export are the same each time.
 */
export async function meterExport(settings: SearchSettings, work: () => Promise<void>): Promise<ExportEnergy> {
  const meter = await openMeter(trainsAlone(settings), tellLost)
  try {
    const open = meter.begin('export', 0)
    await work()
    const { measuredJoules, estimatedJoules } = meter.end(open)
    const basis = estimatedJoules === 0 ? 'measured' : measuredJoules === 0 ? 'estimated' : 'partly measured'
    return { wattHours: (measuredJoules + estimatedJoules) / JOULES_PER_WATT_HOUR, basis, sources: meter.sources }
  } finally {
    meter.close()
  }
}

/** The energy of an export in a line. */
export const exportEnergyText = ({ wattHours, basis, sources }: ExportEnergy): string =>
  `Energy of this run: ${formatWattHours(wattHours * JOULES_PER_WATT_HOUR)} (${basis}; ${sources.join('; ')})`

interface Searched {
  readonly settings: SearchSettings
  readonly trials: readonly TrialRecord[]
  readonly energy: SearchEnergy
}

/**
 * What one pass over the training part took of a network, by the meter of the search that trained it: the same at every
 * export. Undefined where the search has not trained it itself.
 */
export function energyOfPass({ settings, trials, energy }: Searched, archId: string): PassEnergy | undefined {
  const joulesOf = new Map(energy.trials.map(({ trial, joules }) => [trial, joules]))
  const stages = stagesOf(settings)
  let joules = 0
  let passes = 0
  for (const record of trials) {
    if (record.archId !== archId) continue
    joules += joulesOf.get(record.trial) ?? 0
    const { epochs, dataFraction, resolution = 1 } = stages[record.rung]!
    passes += epochs * dataFraction * resolution ** 2
  }
  if (joules === 0 || passes === 0) return undefined
  return {
    joules: joules / passes,
    source: `what the search counted (${energy.basis}) for this network's passes over the training part, by the passes of the full training`,
  }
}
