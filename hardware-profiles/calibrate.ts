import type { KernelKind } from '../network/schedule.ts'
import { ACTIVATION_KINDS, type NetworkGraph } from '../network/types.ts'
import { withoutStream } from './calibration/without-stream.ts'
import {
  type Comparison,
  type ErrorSummary,
  expectedError90,
  summariseCases,
  withIntervals,
} from './cases/statistics.ts'
import { createCostModel } from './cost-model.ts'
import { fitNonNegative } from './least-squares.ts'
import { type Profile, ROW_LENGTH, type TableModel } from './profile.ts'
import { withMoreWork } from './work-variants.ts'

/** A whole network that was timed on the user's device. */
export interface Sample {
  readonly name: string
  readonly graph: NetworkGraph
  readonly latencyMs: number
  readonly energyMj?: number
}

export interface Calibration {
  readonly profile: Profile
  /** Errors on samples that were left out of the fit, a few at a time. */
  readonly error: ErrorSummary
}

const ACTIVATIONS: ReadonlySet<KernelKind> = new Set(ACTIVATION_KINDS)
const POOLING: ReadonlySet<KernelKind> = new Set(['averagePool', 'maxPool', 'globalAveragePool'])
/** 1×1 and other convolutions, depthwise ones, dense layers, activations, pooling, the rest; then a kernel, an inference. */
const GROUPS = 9
const PER_KERNEL = 7
const PER_INFERENCE = 8

function groupOf(kind: KernelKind, pointwise: boolean): number {
  if (kind === 'conv2d') return pointwise ? 0 : 1
  if (kind === 'depthwiseConv2d') return 2
  if (kind === 'dense') return 3
  if (ACTIVATIONS.has(kind)) return 4
  return POOLING.has(kind) ? 5 : 6
}

/** How strongly groups are held together: few samples cannot tell them apart, many can. */
const RIDGES: readonly number[] = [0.001, 0.01, 0.1, 1]
const MAX_FOLDS = 10

/** Time of each group in ms under the base profile; a kernel counts one unit, and so does an inference. */
function designOf(base: Profile, samples: readonly Sample[]): readonly (readonly number[])[] {
  const model = createCostModel(base)
  return samples.map(({ graph }) => {
    const row = new Array<number>(GROUPS).fill(0)
    const { kernels } = model.schedule(graph)
    model.price(graph, { layers: true }).layers.forEach(({ kind, latencyMs }, i) => {
      const { op } = kernels[i]!
      row[groupOf(kind, op.kind === 'conv2d' && op.kernel[0] * op.kernel[1] === 1)]! += latencyMs
      row[PER_KERNEL]!++
    })
    row[PER_INFERENCE] = 1
    return row
  })
}

/** Scales of the groups, and ms a kernel and an inference. */
function fitGroups(
  design: readonly (readonly number[])[],
  measured: readonly number[],
  chosen: readonly number[],
  ridge: number,
): readonly number[] {
  const rows = chosen.map((i) => design[i]!)
  const targets = chosen.map((i) => measured[i]!)
  const ratios = rows
    .map((row, i) => targets[i]! / Math.max(sum(row.slice(0, PER_KERNEL)), 1e-12))
    .sort((a, b) => a - b)
  const common = ratios[Math.floor(ratios.length / 2)]!
  const pulls = Array.from({ length: PER_KERNEL }, (_, group) => unit(group))
  return fitNonNegative(
    [...rows, ...pulls],
    [...targets, ...pulls.map(() => common)],
    [...rows.map(() => 1), ...pulls.map(() => ridge)],
  )
}

const unit = (at: number): number[] => Array.from({ length: GROUPS }, (_, i) => (i === at ? 1 : 0))
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((value, i) => value * b[i]!))

function leftOutCases(
  design: readonly (readonly number[])[],
  samples: readonly Sample[],
  ridge: number,
): readonly Comparison[] {
  const measured = samples.map(({ latencyMs }) => latencyMs)
  const folds = Math.min(MAX_FOLDS, samples.length)
  return samples.map(({ name, latencyMs }, i) => {
    const kept = samples.flatMap((_, j) => (j % folds === i % folds ? [] : [j]))
    return { name, measured: latencyMs, predicted: dot(design[i]!, fitGroups(design, measured, kept, ridge)) }
  })
}

/**
 * Adapts a profile to a device from whole networks that were timed on it: one scale for each group of kernels, one cost a
 * kernel and one an inference, with the strength that predicts left-out samples best. Needs at least three samples.
 */
export function calibrate(
  base: Profile,
  timed: readonly Sample[],
  identity: { id: string; title: string },
): Calibration {
  const samples = withoutStream(base, timed)
  const design = designOf(base, samples)
  const tried = RIDGES.map((ridge) => ({ ridge, cases: leftOutCases(design, samples, ridge) }))
  const errorOf = (cases: readonly Comparison[]): number => summariseCases(cases).mape
  const best = tried.reduce((a, b) => (errorOf(b.cases) < errorOf(a.cases) ? b : a))
  const scales = fitGroups(
    design,
    samples.map(({ latencyMs }) => latencyMs),
    samples.map((_, i) => i),
    best.ridge,
  )
  const error90 = expectedError90(best.cases.map(({ measured, predicted }) => measured / predicted - 1))
  const profile = scaledProfile(base, scales, samples, identity, error90)
  return { profile, error: summariseCases(withIntervals(best.cases)) }
}

const ONE_BY_ONE: [number, number] = [1, 1]

function scaledProfile(
  base: Profile,
  scales: readonly number[],
  samples: readonly Sample[],
  { id, title }: { id: string; title: string },
  error90: number,
): Profile {
  const unitsPerMs = base.latencyUnit === 'cycles' ? base.clockHz / 1000 : 1000
  const digits = (value: number): number => Number(value.toPrecision(6))
  const source = `${base.id} adapted to ${samples.length} networks timed on the device`
  const launch = digits(scales[PER_KERNEL]! * unitsPerMs)
  const scaleModel = (model: TableModel, scale: number): TableModel => {
    const scaled = (terms: TableModel['terms']) =>
      terms.map(({ feature, coefficient }) => ({ feature, coefficient: digits(coefficient * scale) }))
    const { terms, floor, compute, memory } = model
    return {
      ...model,
      terms: [...scaled(terms), ...(launch > 0 ? [{ feature: 'one' as const, coefficient: launch }] : [])],
      ...(floor === undefined ? {} : { floor: scaled(floor) }),
      ...(compute === undefined ? {} : { compute: scaled(compute) }),
      ...(memory === undefined ? {} : { memory: scaled(memory) }),
      provenance: { kind: 'measured', source: `${source}; ${model.provenance.source}`.slice(0, 2000) },
    }
  }
  return {
    ...base,
    id,
    title,
    inferenceOverhead: digits(scales[PER_INFERENCE]! * unitsPerMs),
    systematicError90: Math.min(Math.max(error90, 0.01), 10),
    tables: base.tables.map(({ kernel, models, rows }) => {
      const scaleOf = (pointwise: boolean): number => scales[groupOf(kernel, pointwise)]!
      // 1×1 convolutions have a scale of their own, and so a model of their own.
      const pointwise =
        kernel === 'conv2d'
          ? models
              .filter(({ when }) => (when?.kernelArea?.[0] ?? 1) <= 1)
              .map((model) => ({
                ...scaleModel(model, scaleOf(true)),
                when: { ...model.when, kernelArea: ONE_BY_ONE },
              }))
          : []
      return {
        kernel,
        models: [...pointwise, ...models.map((model) => scaleModel(model, scaleOf(false)))].slice(0, 8),
        // Rows that cost nothing would say nothing about their neighbours.
        ...(rows === undefined || scaleOf(true) === 0 || scaleOf(false) === 0
          ? {}
          : {
              rows: rows.map((value, i) => {
                if (i % ROW_LENGTH !== ROW_LENGTH - 1) return value
                const area = rows[i - ROW_LENGTH + 5]! * rows[i - ROW_LENGTH + 6]!
                return digits(value * scaleOf(area === 1) + launch)
              }),
            }),
      }
    }),
    energy: energyFrom(base, samples),
    operatingPoints: [],
    validation: [],
    notes: [`${source}. Memory is that of ${base.id}.`],
  }
}

/** Power from what the samples took; the base's where none was measured. */
export function energyFrom(base: Profile, samples: readonly Sample[]): Profile['energy'] {
  const powers = samples.flatMap(({ energyMj, latencyMs }) =>
    energyMj === undefined ? [] : [(energyMj / latencyMs) * 1000],
  )
  if (powers.length === 0) return base.energy
  return {
    ...base.energy,
    activePowerMw: Number((sum(powers) / powers.length).toPrecision(6)),
    provenance: {
      kind: 'measured',
      source: `mean of energy ÷ latency of ${powers.length} networks on the device`,
    },
  }
}

/** The profile, of those given and their variants, that adapts best to the samples. */
export function nearestProfile(profiles: readonly Profile[], samples: readonly Sample[]): Profile {
  const candidates = profiles.flatMap(withMoreWork)
  const errors = candidates.map((profile) => {
    const design = designOf(profile, samples)
    return Math.min(...RIDGES.map((ridge) => summariseCases(leftOutCases(design, samples, ridge)).mape))
  })
  return candidates[errors.indexOf(Math.min(...errors))]!
}
