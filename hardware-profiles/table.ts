import { windowOutput } from '../network/shapes.ts'
import { emptyFacts, FEATURES, type KernelFacts } from './features.ts'
import { addPosition, Neighbours } from './neighbours.ts'
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
/** Added where the window has gaps or the channels are split into groups, and nothing of the kind was measured. */
const UNUSUAL_ERROR = 0.3

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

const isDilated = (facts: KernelFacts): boolean => facts.dilation > 1
const isGrouped = (facts: KernelFacts): boolean => FEATURES.grouped(facts) === 1

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
  readonly #knowsGroups: boolean
  readonly #knowsGaps: boolean

  constructor(spec: TableModel) {
    this.spec = spec
    this.#base = sumOf(spec.terms)
    this.#floor = sumOf(spec.floor)
    this.#compute = sumOf(spec.compute)
    this.#memory = sumOf(spec.memory)
    this.#outsideCase = distanceOutside(spec.when)
    this.#outsideCoverage = distanceOutside(spec.coverage)
    this.#covered = Object.keys(spec.coverage).length > 0
    const terms = [spec.terms, spec.floor ?? [], spec.compute ?? []].flat()
    this.#knowsGroups = terms.some(({ feature }) => feature === 'grouped')
    this.#knowsGaps = terms.some(({ feature }) => feature === 'dilation')
  }

  applies = (facts: KernelFacts): boolean => this.#outsideCase(facts) === 0

  /** The parametric cost, without local correction. */
  cost = (facts: KernelFacts): number => this.#base(facts) + Math.max(this.#floor(facts), this.#work(facts))

  #work = (facts: KernelFacts): number => Math.max(this.#compute(facts), this.#memory(facts))

  /** Cost with what is known of the weights over that of usual ones, which measured kernels have. */
  changeByWeights = (facts: KernelFacts): number =>
    facts.weightBits === 0 ? 1 : this.cost(facts) / this.cost({ ...facts, weightBits: 0 })

  answer(facts: KernelFacts, neighbours: Neighbours | undefined): LookupAnswer {
    const { spec } = this
    const model = this.cost(facts)
    const roofline = spec.compute !== undefined || spec.memory !== undefined
    const distance = this.#outsideCoverage(facts)
    const unusual = (isDilated(facts) && !this.#knowsGaps) || (isGrouped(facts) && !this.#knowsGroups)
    const inside = this.#covered && distance === 0 && !unusual
    return {
      cost: neighbours === undefined ? model : model * neighbours.correction(facts),
      basis: spec.fallback === true ? 'fallback' : inside ? 'interpolated' : 'extrapolated',
      error90: spec.error90 + ERROR_PER_LOG_DISTANCE * distance + (unusual ? UNUSUAL_ERROR : 0),
      utilisation: roofline && model > 0 ? this.#work(facts) / model : 1,
      powerMw: spec.powerMw,
    }
  }
}

/** The facts that tell measured kernels of one kind apart, in the order of a profile's rows. */
export const rowKey = (f: KernelFacts): string =>
  `${f.inHeight},${f.inWidth},${f.inChannels},${f.outChannels},${f.kernelHeight},${f.kernelWidth},${f.strideHeight},${f.strideWidth},${f.same},${f.operands}`

const isRow = (f: KernelFacts, rows: readonly number[], start: number): boolean =>
  rows[start + 3] === f.outChannels &&
  rows[start + 2] === f.inChannels &&
  rows[start] === f.inHeight &&
  rows[start + 1] === f.inWidth &&
  rows[start + 4] === f.kernelHeight &&
  rows[start + 5] === f.kernelWidth &&
  rows[start + 6] === f.strideHeight &&
  rows[start + 7] === f.strideWidth &&
  rows[start + 8] === f.same &&
  rows[start + 9] === f.operands

/** Facts of a kernel given as a profile's row, which begins at `start` (the cost is not read). */
export function factsOfRow(kind: KernelFacts['kind'], row: readonly number[], start = 0): KernelFacts {
  const facts = emptyFacts()
  readRow(kind, row, start, facts)
  return facts
}

/** Whether a row holds all that tells kernels of a kind apart: it has no room for functions, names and steps. */
export const fitsRow = (kind: KernelFacts['kind']): boolean => kind !== 'custom' && kind !== 'unary'

/** Overwrites facts that are empty, or of another row of the same kind. */
function readRow(kind: KernelFacts['kind'], row: readonly number[], start: number, facts: KernelFacts): void {
  facts.kind = kind
  facts.inHeight = row[start]!
  facts.inWidth = row[start + 1]!
  facts.inChannels = row[start + 2]!
  facts.outChannels = row[start + 3]!
  facts.kernelHeight = row[start + 4]!
  facts.kernelWidth = row[start + 5]!
  facts.strideHeight = row[start + 6]!
  facts.strideWidth = row[start + 7]!
  facts.same = row[start + 8]!
  facts.operands = row[start + 9]!
  const padding = facts.same === 1 ? 'same' : 'valid'
  if (kind !== 'globalAveragePool') {
    facts.outHeight = windowOutput(facts.inHeight, facts.kernelHeight, facts.strideHeight, padding)
    facts.outWidth = windowOutput(facts.inWidth, facts.kernelWidth, facts.strideWidth, padding)
  }
  facts.outputs = facts.outHeight * facts.outWidth * facts.outChannels
  facts.inputs = facts.inHeight * facts.inWidth * facts.inChannels * facts.operands
  const area = facts.kernelHeight * facts.kernelWidth
  if (kind === 'conv2d' || kind === 'dense') facts.weightElements = area * facts.inChannels * facts.outChannels
  else if (kind === 'depthwiseConv2d') facts.weightElements = area * facts.outChannels
  if (facts.weightElements > 0) {
    facts.macs = facts.outHeight * facts.outWidth * facts.weightElements
    facts.biasElements = facts.outChannels
  }
}

/** One operator's table: exact row, else the first model that applies, corrected by the measured rows near it. */
export class CompiledTable {
  readonly #models: readonly CompiledModel[]
  readonly #neighbours: readonly (Neighbours | undefined)[]
  readonly #rows: readonly number[]

  constructor({ kernel, models, rows = [] }: ProfileTable) {
    this.#models = models.map((spec) => new CompiledModel(spec))
    this.#rows = rows
    const near = models.map(() => ({ starts: [] as number[], positions: [] as number[] }))
    const facts = emptyFacts()
    for (let start = 0; start < rows.length; start += ROW_LENGTH) {
      readRow(kernel, rows, start, facts)
      const at = this.#modelOf(facts)
      if (at === -1) continue
      near[at]!.starts.push(start)
      addPosition(facts, near[at]!.positions)
    }
    this.#neighbours = near.map(({ starts, positions }, at) => {
      if (starts.length === 0) return undefined
      return new Neighbours(positions, (row) => {
        const start = starts[row]!
        return Math.log(rows[start + ROW_LENGTH - 1]! / this.#models[at]!.cost(factsOfRow(kernel, rows, start)))
      })
    })
  }

  /** Undefined when no model applies: the kernel is not supported. */
  lookup(facts: KernelFacts): LookupAnswer | undefined {
    const at = this.#modelOf(facts)
    if (at === -1) return undefined
    const answer = this.#models[at]!.answer(facts, this.#neighbours[at])
    if (isDilated(facts) || isGrouped(facts)) return answer
    const measured = this.#measured(facts)
    if (measured === undefined) return answer
    const changed = this.#models[at]!.changeByWeights(facts)
    return changed === 1
      ? { ...answer, cost: measured, basis: 'exact', error90: EXACT_ERROR90 }
      : { ...answer, cost: measured * changed }
  }

  /** The first model that applies; -1 when there is none. */
  #modelOf(facts: KernelFacts): number {
    for (let at = 0; at < this.#models.length; at++) if (this.#models[at]!.applies(facts)) return at
    return -1
  }

  /** The cost that was measured of just this kernel. Looking through the rows costs less than an index of them that few kernels ask. */
  #measured(facts: KernelFacts): number | undefined {
    const rows = this.#rows
    for (let start = rows.length - ROW_LENGTH; start >= 0; start -= ROW_LENGTH) {
      if (isRow(facts, rows, start)) return rows[start + ROW_LENGTH - 1]
    }
    return undefined
  }
}
