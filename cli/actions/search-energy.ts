import { JOULES_PER_WATT_HOUR } from '../../evaluators/energy/counter.ts'
import { openMeter } from '../../evaluators/energy/meter.ts'
import { type MeteredEvaluator, meterEvaluator } from '../../evaluators/energy/metered-evaluator.ts'
import type { Evaluator } from '../../evaluators/evaluator.ts'
import { trainsAlone } from '../../evaluators/training/engines.ts'
import { UserError } from '../../lib/errors.ts'
import { formatGrams, formatNumber, parseQuantity } from '../../lib/units.ts'
import { atEnergyLimit, gramsOf, type SearchEnergy } from '../../results/search-energy.ts'
import type { Experiment, Store } from '../../results/store.ts'
import { numberWithin } from '../commands/shared.ts'
import { databaseFlag, say } from './output.ts'
import type { SearchSettings } from './settings.ts'

/** Flags that count and limit a search's energy; they decide nothing about its results. */
export interface EnergyArguments {
  readonly 'max-search-energy'?: string | undefined
  readonly 'carbon-intensity'?: number | undefined
}

interface EnergyFlags {
  readonly limitJoules: number | undefined
  readonly gramsPerKwh: number | undefined
}

/** No grid is dirtier than a plant that burns lignite, at about 1,100 g/kWh. */
const MOST_GRAMS_PER_KWH = 5000

/** @throws UserError for a limit without a unit, or an intensity that no grid has. */
export function energyFlags(args: EnergyArguments): EnergyFlags {
  const { 'max-search-energy': limit, 'carbon-intensity': gramsPerKwh } = args
  return {
    limitJoules: limit === undefined ? undefined : parseQuantity(limit, 'joules', '--max-search-energy'),
    gramsPerKwh:
      gramsPerKwh === undefined ? undefined : numberWithin(gramsPerKwh, '--carbon-intensity', 0, MOST_GRAMS_PER_KWH),
  }
}

/**
 * The flags of a resumed search take the place of those from before, each for itself.
 * @throws UserError when the search has more to do and has used what it may.
 */
export function keptFlags(
  given: EnergyFlags,
  before: SearchEnergy,
  { id, status }: Pick<Experiment, 'id' | 'status'>,
): EnergyFlags {
  const flags = {
    limitJoules: given.limitJoules ?? before.limitJoules,
    gramsPerKwh: given.gramsPerKwh ?? before.gramsPerKwh,
  }
  const ended = status === 'done' || status === 'exhausted'
  if (ended || !atEnergyLimit({ ...before, ...flags })) return flags
  throw new UserError(
    `experiment ${id} has used ${formatWattHours(before.joules)}, its limit is ${formatWattHours(flags.limitJoules!)}: give a higher one, such as --max-search-energy ${higherLimit(before.joules)}`,
  )
}

interface EnergyJob {
  readonly store: Store
  readonly experiment: number
  readonly settings: SearchSettings
  readonly flags: EnergyFlags
  readonly evaluator: Evaluator
  readonly onLimit: () => void
}

/** Says that a counter of energy was lost. */
export const tellLost = (sentence: string): void => say(process.stderr, `frugal: ${sentence}`)

/** Counts the energy of a run of a search and keeps it in the store. */
export async function meterSearch(job: EnergyJob): Promise<MeteredEvaluator> {
  const { store, experiment, flags } = job
  const before = store.energy(experiment)
  const meter = await openMeter(trainsAlone(job.settings), (sentence) => {
    tellLost(sentence)
    keepPlan()
  })
  const keepPlan = (): void => {
    const sources = before.joules > 0 ? [...new Set([...before.sources, ...meter.sources])] : meter.sources
    store.setEnergyPlan(experiment, { ...flags, sources })
  }
  keepPlan()
  return meterEvaluator(job.evaluator, meter, {
    record: (use) => store.recordEnergy(experiment, use),
    spentJoules: before.joules,
    limitJoules: flags.limitJoules ?? Number.POSITIVE_INFINITY,
    onLimit: job.onLimit,
  })
}

export const formatWattHours = (joules: number): string => {
  const wattHours = joules / JOULES_PER_WATT_HOUR
  if (wattHours >= 1000) return `${formatNumber(wattHours / 1000)} kWh`
  return wattHours >= 0.1 || wattHours === 0 ? `${formatNumber(wattHours)} Wh` : `${formatNumber(wattHours * 1000)} mWh`
}

/** Twice what was used, as a flag's value. */
const higherLimit = (joules: number): string => `${Number(((2 * joules) / JOULES_PER_WATT_HOUR).toPrecision(2))}Wh`

const BASIS: Readonly<Record<SearchEnergy['basis'], (energy: SearchEnergy) => string>> = {
  measured: () => 'measured',
  estimated: () => 'estimated',
  'partly measured': ({ measuredJoules }) => `${formatWattHours(measuredJoules)} of it measured, the rest estimated`,
}

/** One line about the energy of a search. */
export function energyLine(energy: SearchEnergy): string {
  const { joules, overheadJoules, gramsPerKwh, limitJoules, basis } = energy
  const grams =
    gramsPerKwh === undefined ? '' : `, ${formatGrams(gramsOf(joules, gramsPerKwh))} at ${gramsPerKwh} g/kWh`
  const limit = limitJoules === undefined ? '' : `, limit ${formatWattHours(limitJoules)}`
  const overhead = `${formatWattHours(overheadJoules)} of it outside finished trials`
  return `Energy: ${formatWattHours(joules)} (${BASIS[basis](energy)}; ${overhead})${grams}${limit}`
}

/** How a search that its limit stopped goes on. */
export const limitLine = (energy: SearchEnergy, experiment: number, db: string): string =>
  `Stopped by its limit of energy; continue with: frugal resume ${experiment}${databaseFlag(db)} --max-search-energy ${higherLimit(energy.joules)}`

/** The energy of a search for machines, in watt-hours. */
export function energyJson(energy: SearchEnergy) {
  const { joules, measuredJoules, overheadJoules, gramsPerKwh, limitJoules, basis, sources, trials } = energy
  const wattHours = (value: number): number => value / JOULES_PER_WATT_HOUR
  return {
    wattHours: wattHours(joules),
    measuredWattHours: wattHours(measuredJoules),
    overheadWattHours: wattHours(overheadJoules),
    basis,
    sources,
    ...(limitJoules === undefined ? {} : { limitWattHours: wattHours(limitJoules), atLimit: atEnergyLimit(energy) }),
    ...(gramsPerKwh === undefined ? {} : { gramsPerKwh, gramsCo2e: gramsOf(joules, gramsPerKwh) }),
    trials: trials.map(({ trial, joules }) => ({ trial, wattHours: wattHours(joules) })),
  }
}
