import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import type { Fold, NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { systematicErrorOf } from '../../hardware-profiles/cases/intervals.ts'
import { percentile90Of } from '../../hardware-profiles/cases/statistics.ts'
import { compareSuite, foldProfile } from '../../hardware-profiles/cases/validate.ts'
import { coefficientsOf } from '../../hardware-profiles/coefficients.ts'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import type { Profile, ProfileTable } from '../../hardware-profiles/profile.ts'
import { coverSeen } from './seen-kernels.ts'

export interface MeasuredNetwork {
  /** As `caseNetwork` reads it. */
  readonly network: string
  /** Networks of one family are left out together. */
  readonly family: string
  readonly latencyMs: number
  readonly energyMj?: number
}

/**
 * Which coefficients are scaled together. What an inference costs once is asked for as kernel `inference`, and only where
 * the template has such a cost.
 */
export type Grouping = (kernel: string, model: number, feature: string) => number

export interface NetworkFit {
  readonly scales: readonly number[]
  readonly profile: Profile
}

/** The template with each group's coefficients multiplied by its scale; measured rows do not survive scaling. */
function scaled(template: Profile, grouping: Grouping, scales: readonly number[]): Profile {
  const digits = (value: number): number => Number(value.toPrecision(5))
  const { inferenceOverhead } = template
  return {
    ...template,
    inferenceOverhead:
      inferenceOverhead > 0 ? digits(inferenceOverhead * scales[grouping('inference', 0, 'one')]!) : inferenceOverhead,
    tables: template.tables.map(({ kernel, models }) => ({
      kernel,
      models: models.map((model, at) => ({
        ...model,
        terms: model.terms.map(({ feature, coefficient }) => ({
          feature,
          coefficient: digits(coefficient * scales[grouping(kernel, at, feature)]!),
        })),
      })),
    })),
  }
}

/**
 * Scales groups of a template's coefficients so that whole networks agree with their measurements: least squares of the
 * relative errors, drawn towards `prior` times one common factor by `ridge` (few networks cannot tell many groups apart).
 */
export function fitScales(
  template: Profile,
  grouping: Grouping,
  groups: number,
  networks: readonly MeasuredNetwork[],
  ridge: number,
  prior: readonly number[] = Array.from({ length: groups }, () => 1),
): NetworkFit {
  const models = Array.from({ length: groups }, (_, group) =>
    createCostModel(
      scaled(
        template,
        grouping,
        prior.map((_, other) => (other === group ? 1 : 0)),
      ),
    ),
  )
  const design = networks.map(({ network }) => {
    const graph = caseNetwork(network)
    return models.map((model) => model.price(graph).latencyMs)
  })
  const measured = networks.map(({ latencyMs }) => latencyMs)
  const ratios = design
    .map((row, i) => measured[i]! / row.reduce((sum, value, group) => sum + value * prior[group]!, 0))
    .sort((a, b) => a - b)
  const common = ratios[Math.floor(ratios.length / 2)]!
  const rows = [...design]
  const targets = [...measured]
  const weights = networks.map(() => 1)
  for (let group = 0; group < groups; group++) {
    rows.push(prior.map((_, other) => (other === group ? 1 : 0)))
    targets.push(common * prior[group]!)
    weights.push(ridge)
  }
  const scales = fitNonNegative(rows, targets, weights)
  return { scales, profile: scaled(template, grouping, scales) }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Power that measured energies imply, in mW; undefined where none was measured. */
export function meanPowerMw(networks: readonly MeasuredNetwork[]): number | undefined {
  const powers = networks.flatMap(({ energyMj, latencyMs }) =>
    energyMj === undefined ? [] : [(energyMj / latencyMs) * 1000],
  )
  return powers.length === 0 ? undefined : Number(mean(powers).toPrecision(4))
}

export interface CrossFit {
  readonly profile: Profile
  readonly suites: readonly NetworkSuite[]
}

/**
 * Fits a profile to whole networks, and each of its folds (one family left out) for the validation cases. The profile's
 * systematic error becomes what 90 % of the left-out cases stay within.
 */
export function crossFit(
  template: Profile,
  options: {
    readonly name: string
    readonly source: string
    readonly networks: readonly MeasuredNetwork[]
    readonly grouping: Grouping
    readonly groups: number
    readonly ridge: number
    readonly prior?: readonly number[]
    readonly method: string
    /** Whether a network's power counts for the profile's. Default: all do. */
    readonly countsForPower?: (network: MeasuredNetwork) => boolean
  },
): CrossFit {
  const { grouping, groups, ridge, prior, countsForPower = () => true } = options
  const withPower = (base: Profile, used: readonly MeasuredNetwork[]): Profile => ({
    ...base,
    energy: {
      ...base.energy,
      activePowerMw: meanPowerMw(used.filter(countsForPower)) ?? base.energy.activePowerMw,
    },
  })
  return crossFitWith(options, (used) =>
    withPower(fitScales(template, grouping, groups, used, ridge, prior).profile, used),
  )
}

/** Powers of the kinds that have one of their own. */
const ownPowers = (tables: readonly ProfileTable[]): Pick<Fold, 'powersMw'> => {
  const own = tables.flatMap(({ kernel, models: [model] }) =>
    model?.powerMw === undefined ? [] : [[kernel, model.powerMw] as const],
  )
  return own.length === 0 ? {} : { powersMw: Object.fromEntries(own) }
}

/** The same with a fit of one's own: the profile that some of the networks lead to. */
export function crossFitWith(
  options: Pick<Parameters<typeof crossFit>[1], 'name' | 'source' | 'networks' | 'method'>,
  fitOn: (used: readonly MeasuredNetwork[]) => Profile,
): CrossFit {
  const { networks, name, source, method } = options
  const families = [...new Set(networks.map(({ family }) => family))]
  const folds: Fold[] = families.map((family) => {
    const kept = fitOn(networks.filter((network) => network.family !== family))
    const { tables, energy, inferenceOverhead } = kept
    const powers = ownPowers(tables)
    return { coefficients: coefficientsOf(tables), inferenceOverhead, activePowerMw: energy.activePowerMw, ...powers }
  })
  const foldOf = ({ family }: MeasuredNetwork): number => families.indexOf(family)
  const shared = { kind: 'networks', source, method, leftOut: true, folds } as const
  const latency: NetworkSuite = {
    ...shared,
    name,
    quantity: 'latency',
    cases: networks.map((network) => [network.network, network.latencyMs, foldOf(network)]),
  }
  const energy: NetworkSuite = {
    ...shared,
    name: `${name}: energy`,
    quantity: 'energy',
    cases: networks.flatMap((network) =>
      network.energyMj === undefined ? [] : [[network.network, network.energyMj, foldOf(network)]],
    ),
  }
  const fitted = fitOn(networks)
  const errors = compareSuite(fitted, latency).map(({ measured, predicted }) => measured / predicted - 1)
  const profile = withTableErrors(fitted, percentile90Of(errors), networks)
  const models = folds.map((fold) => createCostModel(foldProfile(profile, fold)))
  const systematicError90 = systematicErrorOf(
    networks.map((network) => ({
      network: network.network,
      measuredMs: network.latencyMs,
      model: models[foldOf(network)]!,
    })),
  )
  return {
    profile: { ...profile, systematicError90: Math.max(systematicError90, 0.02) },
    suites: energy.cases.length > 0 ? [latency, energy] : [latency],
  }
}

/** The tables' own errors are set to half of what whole networks showed; the rest is shared by all kernels. */
const withTableErrors = (profile: Profile, error90: number, networks: readonly MeasuredNetwork[]): Profile =>
  coverSeen(
    { ...profile, systematicError90: 0 },
    networks.map(({ network }) => network),
    Math.max(Number((error90 / 2).toPrecision(3)), 0.02),
  )
