import type { EnergyCounter } from './counter.ts'

/**
 * Power of one busy core where nothing measures it: the value for an unknown processor in the table of Green Algorithms
 * (Lannelongue, Grealey, Inouye 2021; TDP_cpu.csv, row "Any"). Processors in that table have 3.8 to 23.8 W per core.
 */
export const WATTS_PER_CORE = 12

export const ESTIMATE_SOURCE =
  `processor seconds x ${WATTS_PER_CORE} W per core (Green Algorithms' value for any processor; 3.8 to 23.8 W in its table); ` +
  'memory, cooling and idle parts are left out'

export const estimatedJoules = (cpuSeconds: number): number => cpuSeconds * WATTS_PER_CORE

/** Processor time of this process, all its threads included, at a stated power per core. */
export function openEstimate(): EnergyCounter {
  const start = process.cpuUsage()
  return {
    source: ESTIMATE_SOURCE,
    measured: false,
    joules: () => {
      const { user, system } = process.cpuUsage(start)
      return estimatedJoules((user + system) / 1e6)
    },
    close: () => undefined,
  }
}
