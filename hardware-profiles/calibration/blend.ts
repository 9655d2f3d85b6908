import type { KernelKind } from '../../network/schedule.ts'
import { energyFrom, type Sample } from '../calibrate.ts'
import { type Comparison, expectedError90, withIntervals } from '../cases/statistics.ts'
import { coefficientsOf, withCoefficients } from '../coefficients.ts'
import { createCostModel } from '../cost-model.ts'
import { FEATURES } from '../features.ts'
import type { Profile, ProfileTable, TableModel } from '../profile.ts'
import { type Design, designOf, FEATURES_PER_CLASS } from './design.ts'
import { CLASS_FEATURES } from './kernel-classes.ts'
import type { KnownDevice } from './known-devices.ts'
import { posteriorOf } from './posterior.ts'
import { priorOf } from './prior.ts'
import { withoutStream } from './without-stream.ts'

export interface Blend {
  readonly profile: Profile
  /** What networks would be predicted as by the others. */
  readonly leftOut: readonly Comparison[]
}

const MAX_MODELS = 8
/** Least error of kernels that no timed network had: another device's, scaled. */
const SCALED_ERROR = 0.3
const digits = (value: number): number => Number(value.toPrecision(6))

/**
 * A profile between all devices that are known, by whole networks that were timed: each class of kernels gets the
 * coefficients that are most probable, given how known devices differ. Kinds that no network had are the base's, scaled;
 * so are memory, energy and what its runtime fuses.
 */
export function blend(
  base: Profile,
  profiles: readonly Profile[],
  known: readonly KnownDevice[],
  timed: readonly Sample[],
  { id, title }: { id: string; title: string },
): Blend {
  const samples = withoutStream(base, timed)
  const design = designOf(
    samples.map(({ graph }) => graph),
    base.fusedActivations,
  )
  const { coefficients, leftOut } = posteriorOf(
    priorOf(design, profiles, known),
    design.rows,
    samples.map(({ latencyMs }) => latencyMs),
  )
  const cases = leftOut.map(({ at, predicted }): Comparison => {
    const { name, latencyMs } = samples[at]!
    return { name, measured: latencyMs, predicted: Math.max(predicted, 0) }
  })
  const error90 = Math.min(
    Math.max(expectedError90(cases.map(({ measured, predicted }) => measured / predicted - 1)), 0.01),
    10,
  )
  const source = `${profiles.length} profiles and ${known.length} known devices blended to fit ${samples.length} networks timed on the device`
  const model = createCostModel(base)
  const ratios = samples.map(({ graph, latencyMs }) => latencyMs / model.price(graph).latencyMs).sort((a, b) => a - b)
  const unitsPerMs = base.latencyUnit === 'cycles' ? base.clockHz / 1000 : 1000
  const models = classModels(design, coefficients, unitsPerMs, error90, source)
  const profile: Profile = {
    ...base,
    id,
    title,
    core: `your device (what was not timed is as on ${base.core})`,
    inferenceOverhead: digits(coefficients[coefficients.length - 1]! * unitsPerMs),
    systematicError90: error90,
    tables: tablesOf(base, models, ratios[Math.floor(ratios.length / 2)]!, error90, source),
    energy: energyFrom(base, samples),
    operatingPoints: [],
    validation: [],
    notes: [`${source}. Memory is that of ${base.id}.`],
  }
  return { profile, leftOut: withIntervals(cases) }
}

function classModels(
  design: Design,
  coefficients: readonly number[],
  unitsPerMs: number,
  error90: number,
  source: string,
): ReadonlyMap<KernelKind, readonly TableModel[]> {
  const models = new Map<KernelKind, TableModel[]>()
  design.classes.forEach(({ kind, when }, at) => {
    const own = design.distinct.filter((kernel) => kernel.at === at)
    const rangeOf = (feature: 'macs' | 'outputs'): [number, number] => {
      const values = own.map(({ facts }) => FEATURES[feature](facts))
      return [Math.min(...values), Math.max(...values)]
    }
    const terms = CLASS_FEATURES.flatMap((feature, i) => {
      const column = at * FEATURES_PER_CLASS + i
      const coefficient = digits((coefficients[column]! / design.scales[column]!) * unitsPerMs)
      return coefficient > 0 ? [{ feature, coefficient }] : []
    })
    const model: TableModel = {
      ...(Object.keys(when).length === 0 ? {} : { when: writable(when) }),
      terms,
      coverage: { macs: rangeOf('macs'), outputs: rangeOf('outputs') },
      error90,
      provenance: { kind: 'measured', source },
    }
    models.set(kind, [...(models.get(kind) ?? []), model])
  })
  return models
}

type When = NonNullable<TableModel['when']>
const writable = (when: Readonly<Record<string, readonly [number, number]>>): When =>
  Object.fromEntries(Object.entries(when).map(([name, [low, high]]) => [name, [low, high]]))

function tablesOf(
  base: Profile,
  models: ReadonlyMap<KernelKind, readonly TableModel[]>,
  scale: number,
  error90: number,
  source: string,
): ProfileTable[] {
  const scaled = withCoefficients(
    base.tables.map(({ kernel, models: own }) => ({ kernel, models: own })),
    coefficientsOf(base.tables).map((value) => digits(value * scale)),
  )
  return scaled.map(({ kernel, models: own }) => ({
    kernel,
    models: [
      ...(models.get(kernel) ?? []),
      ...own.map((model) => ({
        ...model,
        coverage: {},
        error90: Math.max(model.error90, error90, SCALED_ERROR),
        provenance: {
          kind: 'derived' as const,
          source: `${source}; none was like this: scaled from ${base.id}. ${model.provenance.source}`.slice(0, 2000),
        },
      })),
    ].slice(0, MAX_MODELS),
  }))
}
