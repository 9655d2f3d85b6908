import { emptyFacts, FEATURES, type KernelFacts } from './features.ts'
import { Neighbours } from './neighbours.ts'
import { type FeatureRanges, type ProfileTable, ROW_LENGTH, type TableModel, type Terms } from './profile.ts'

/**
 * How an answer was found: a measured row of the same kernel; the model between measured rows; the model outside
 * what was measured; or the host core's rate for what the accelerator cannot run.
 */
export type Basis = 'exact' | 'interpolated' | 'extrapolated' | 'fallback'

export interface LookupAnswer {
  /** In the profile's latency unit. */
  readonly cost: number
  readonly basis: Basis
  /** Relative half-width of the 90 % interval. */
  readonly error90: number
  /** Share of the cost that computing and moving data take (1 for a model that does not tell). */
  readonly utilisation: number
  readonly powerMw: number | undefined
}

/** Repeated measurement of the same kernel agrees to about this. */
const EXACT_ERROR90 = 0.02
/** Growth of the error with the distance outside the coverage, per factor of e in one feature. */
const ERROR_PER_LOG_DISTANCE = 0.1

type Evaluate = (facts: KernelFacts) => number

function sumOf(terms: Terms | undefined): Evaluate {
  const compiled = (terms ?? []).filter(({ coefficient }) => coefficient > 0)
  const features = compiled.map(({ feature }) => FEATURES[feature])
  const coefficients = compiled.map(({ coefficient }) => coefficient)
  return (facts) => {
    let sum = 0
    for (let i = 0; i < features.length; i++) sum += coefficients[i]! * features[i]!(facts)
    return sum
  }
}

/** Sum over the features of how far, in natural-log units, they lie outside their ranges; 0 inside. */
function distanceOutside(ranges: FeatureRanges | undefined): Evaluate {
  const entries = Object.entries(ranges ?? {}) as [keyof typeof FEATURES, readonly [number, number]][]
  return (facts) => {
    let distance = 0
    for (const [name, [low, high]] of entries) {
      const value = FEATURES[name](facts)
      if (value > high) distance += Math.log((value + 1) / (high + 1))
      else if (value < low) distance += Math.log((low + 1) / (value + 1))
    }
    return distance
  }
}

/** A parametric model ready to run. */
export class CompiledModel {
  readonly spec: TableModel
  readonly #base: Evaluate
  readonly #floor: Evaluate
  readonly #compute: Evaluate
  readonly #memory: Evaluate
  readonly #outsideCase: Evaluate
  readonly #outsideCoverage: Evaluate
  readonly #covered: boolean

  constructor(spec: TableModel) {
    this.spec = spec
    this.#base = sumOf(spec.terms)
    this.#floor = sumOf(spec.floor)
    this.#compute = sumOf(spec.compute)
    this.#memory = sumOf(spec.memory)
    this.#outsideCase = distanceOutside(spec.when)
    this.#outsideCoverage = distanceOutside(spec.coverage)
    this.#covered = Object.keys(spec.coverage).length > 0
  }

  applies = (facts: KernelFacts): boolean => this.#outsideCase(facts) === 0

  /** The parametric cost, without local correction. */
  cost = (facts: KernelFacts): number => this.#base(facts) + Math.max(this.#floor(facts), this.#work(facts))

  #work = (facts: KernelFacts): number => Math.max(this.#compute(facts), this.#memory(facts))

  answer(facts: KernelFacts, neighbours: Neighbours | undefined): LookupAnswer {
    const { spec } = this
    const model = this.cost(facts)
    const roofline = spec.compute !== undefined || spec.memory !== undefined
    const distance = this.#outsideCoverage(facts)
    const inside = this.#covered && distance === 0
    return {
      cost: neighbours === undefined ? model : model * neighbours.correction(facts),
      basis: spec.fallback === true ? 'fallback' : inside ? 'interpolated' : 'extrapolated',
      error90: spec.error90 + (inside ? 0 : ERROR_PER_LOG_DISTANCE * distance),
      utilisation: roofline && model > 0 ? this.#work(facts) / model : 1,
      powerMw: spec.powerMw,
    }
  }
}

/** The facts that tell measured kernels of one kind apart, in the order of a profile's rows. */
export const rowKey = (f: KernelFacts): string =>
  `${f.inHeight},${f.inWidth},${f.inChannels},${f.outChannels},${f.kernelHeight},${f.kernelWidth},${f.strideHeight},${f.strideWidth},${f.same},${f.operands}`

/** Facts of a kernel given as a profile's row (the cost is not read). */
export function factsOfRow(kind: KernelFacts['kind'], row: readonly number[]): KernelFacts {
  const [
    inHeight,
    inWidth,
    inChannels,
    outChannels,
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    same,
    operands,
  ] = row as [number, number, number, number, number, number, number, number, number, number]
  const pooled = kind === 'globalAveragePool'
  const out = (length: number, kernel: number, stride: number): number =>
    pooled ? 1 : same === 1 ? Math.ceil(length / stride) : Math.floor((length - kernel) / stride) + 1
  const outHeight = out(inHeight, kernelHeight, strideHeight)
  const outWidth = out(inWidth, kernelWidth, strideWidth)
  const outputs = outHeight * outWidth * outChannels
  const inputs = inHeight * inWidth * inChannels * operands
  const area = kernelHeight * kernelWidth
  const weightElements =
    kind === 'conv2d' || kind === 'dense'
      ? area * inChannels * outChannels
      : kind === 'depthwiseConv2d'
        ? area * outChannels
        : 0
  const macs = weightElements === 0 ? 0 : outHeight * outWidth * weightElements
  return {
    ...emptyFacts(),
    ...{ kind, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels },
    ...{ kernelHeight, kernelWidth, strideHeight, strideWidth, same, operands },
    ...{ inputs, outputs, macs, weightElements, biasElements: weightElements === 0 ? 0 : outChannels },
  }
}

/** One operator's table: exact row, else the first model that applies, corrected by the measured rows near it. */
export class CompiledTable {
  readonly #models: readonly CompiledModel[]
  readonly #neighbours: readonly (Neighbours | undefined)[]
  readonly #rows = new Map<string, number>()

  constructor(table: ProfileTable) {
    this.#models = table.models.map((spec) => new CompiledModel(spec))
    const { rows = [] } = table
    const near = this.#models.map(() => ({ kernels: [] as KernelFacts[], logRatios: [] as number[] }))
    for (let start = 0; start < rows.length; start += ROW_LENGTH) {
      const facts = factsOfRow(table.kernel, rows.slice(start, start + ROW_LENGTH))
      const measured = rows[start + ROW_LENGTH - 1]!
      this.#rows.set(rowKey(facts), measured)
      const at = this.#models.findIndex((model) => model.applies(facts))
      if (at === -1) continue
      near[at]!.kernels.push(facts)
      near[at]!.logRatios.push(Math.log(measured / this.#models[at]!.cost(facts)))
    }
    this.#neighbours = near.map(({ kernels, logRatios }) =>
      kernels.length === 0 ? undefined : new Neighbours(kernels, logRatios),
    )
  }

  /** Undefined when no model applies: the kernel is not supported. */
  lookup(facts: KernelFacts): LookupAnswer | undefined {
    const at = this.#models.findIndex((model) => model.applies(facts))
    if (at === -1) return undefined
    const answer = this.#models[at]!.answer(facts, this.#neighbours[at])
    const measured = this.#rows.get(rowKey(facts))
    if (measured === undefined) return answer
    return { ...answer, cost: measured, basis: 'exact', error90: EXACT_ERROR90 }
  }
}
