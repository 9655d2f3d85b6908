import { type Costs, energyPerHourMj, type Profile } from '../hardware-profiles/index.ts'
import type { ModelCard } from './model-card.ts'

/** How a device is used, for the label. */
export interface LabelOptions {
  /** One inference every so many seconds. */
  readonly periodSeconds: number
  /** Grams of CO2 equivalent per kilowatt-hour of the grid; undefined: not asked for. */
  readonly gramsPerKwh: number | undefined
}

const MILLIJOULES_PER_WATT_HOUR = 3.6e6
const MILLIJOULES_PER_KWH = 3.6e9
const DAYS_PER_YEAR = 365

/** What an inference costs in energy, and a day of them; from the profile's latency and power. */
export function energyLabel(costs: Costs, profile: Profile, options: LabelOptions): ModelCard['energy'] {
  const { energyMj, latencyMs, latencyLowMs, latencyHighMs } = costs
  const { periodSeconds, gramsPerKwh } = options
  const microjoules = 1000 * energyMj
  const fits = latencyMs <= 1000 * periodSeconds
  const dayMj = fits ? 24 * energyPerHourMj(costs, profile, 1000 * periodSeconds) : null
  const { kind, source } = profile.energy.provenance
  return {
    microjoulesPerInference: microjoules,
    microjoulesLow: (microjoules * latencyLowMs) / latencyMs,
    microjoulesHigh: (microjoules * latencyHighMs) / latencyMs,
    inferencesPerWattHour: MILLIJOULES_PER_WATT_HOUR / energyMj,
    duty: {
      periodSeconds,
      joulesPerDay: dayMj === null ? null : dayMj / 1000,
      ...(gramsPerKwh === undefined || dayMj === null
        ? {}
        : { gramsCo2ePerYear: (dayMj * DAYS_PER_YEAR * gramsPerKwh) / MILLIJOULES_PER_KWH }),
    },
    ...(gramsPerKwh === undefined
      ? {}
      : { gramsPerKwh, gramsCo2ePerMillionInferences: (1e6 * energyMj * gramsPerKwh) / MILLIJOULES_PER_KWH }),
    source: `power, ${kind}: ${source}`,
  }
}
