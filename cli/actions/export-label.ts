import { JOULES_PER_WATT_HOUR } from '../../evaluators/energy/counter.ts'
import type { LabelOptions } from '../../export/energy-label.ts'
import type { ModelCard } from '../../export/model-card.ts'
import { parseQuantity } from '../../lib/units.ts'
import { gramsOf, type SearchEnergy } from '../../results/search-energy.ts'
import { type EnergyArguments, energyFlags } from './search-energy.ts'

export interface LabelArguments extends EnergyArguments {
  /** One inference every so often, such as 10s. */
  readonly duty: string
}

interface LabelFlags {
  readonly periodSeconds: number
  readonly gramsPerKwh: number | undefined
}

/** @throws UserError for a period without a unit, or an intensity that no grid has. */
export const labelFlags = (args: LabelArguments): LabelFlags => ({
  periodSeconds: parseQuantity(args.duty, 'durationS', '--duty'),
  gramsPerKwh: energyFlags(args).gramsPerKwh,
})

/** The flags, with the grid of the search where no other is named. */
export const labelOptions = (flags: LabelFlags, { gramsPerKwh }: SearchEnergy): LabelOptions => ({
  ...flags,
  gramsPerKwh: flags.gramsPerKwh ?? gramsPerKwh,
})

/** What the search used, as the card says it. */
export function searchEnergyOf(energy: SearchEnergy, { gramsPerKwh }: LabelOptions): ModelCard['search']['energy'] {
  const { joules, measuredJoules, basis, sources } = energy
  return {
    wattHours: joules / JOULES_PER_WATT_HOUR,
    measuredWattHours: measuredJoules / JOULES_PER_WATT_HOUR,
    basis,
    sources,
    ...(gramsPerKwh === undefined ? {} : { gramsPerKwh, gramsCo2e: gramsOf(joules, gramsPerKwh) }),
  }
}
