import type { KernelKind } from '../network/schedule.ts'
import type { ImportedKind, Steps } from '../network/types.ts'
import { emptyFacts, type KernelFacts, stepsOf } from './features.ts'
import type { CompiledTable, LookupAnswer } from './table.ts'

type DerivedKind = Extract<KernelKind, ImportedKind>

/** A kernel that no profile need have a table for, priced as another one that does the same work. */
interface DerivedRule {
  /** Why the two cost alike. */
  readonly source: string
  /** Least relative half-width of the 90 % interval. */
  readonly error90: number
  /** True when nothing is known of the kernel but its size: it counts as left to the host core. */
  readonly fallback?: boolean
  /** The kernel that stands for it. */
  readonly like: (facts: KernelFacts) => KernelFacts
}

const as =
  (kind: KernelKind) =>
  (facts: KernelFacts): KernelFacts => ({ ...facts, kind })

/** A 1×1 convolution over `rows` pixels with the facts' MACs and weights. */
const asProduct = (facts: KernelFacts, rows: number, outChannels: number): KernelFacts => ({
  ...facts,
  ...{ kind: 'conv2d', inHeight: rows, inWidth: 1, outHeight: rows, outWidth: 1, outChannels, same: 0 },
  ...{ kernelHeight: 1, kernelWidth: 1, strideHeight: 1, strideWidth: 1 },
  inChannels: facts.macs / (rows * outChannels),
  outputs: rows * outChannels,
  weightElements: facts.macs / rows,
})

/**
 * Rules for the kinds that only model files hold, used where a profile has no table of its own (provenance: derived, from
 * the profile's other tables). A profile without the table that a rule needs does not support the kind.
 */
export const DERIVED_RULES: Readonly<Record<DerivedKind, DerivedRule>> = {
  pad: { source: 'copies rows, as concat does', error90: 0.6, like: as('concat') },
  slice: { source: 'copies rows, as concat does', error90: 0.6, like: as('concat') },
  split: { source: 'copies rows, as concat does', error90: 0.6, like: as('concat') },
  transpose: { source: 'visits each element, as relu does', error90: 0.6, like: as('relu') },
  rearrange: { source: 'visits each element, as relu does', error90: 1, like: as('relu') },
  quantize: { source: 'rescales each element, as relu does', error90: 0.6, like: as('relu') },
  dequantize: { source: 'rescales each element, as relu does', error90: 0.6, like: as('relu') },
  leakyRelu: { source: 'rescales each element, as relu does', error90: 0.6, like: as('relu') },
  prelu: { source: 'a product for each element, as multiply', error90: 0.6, like: as('multiply') },
  elementwise: { source: 'two operands brought to one scale, as add', error90: 0.6, like: as('add') },
  unary: {
    source: 'a function of each element, as sigmoid',
    error90: 0.6,
    like: (facts) => ({ ...facts, kind: 'sigmoid', kernelWidth: 1 }),
  },
  reduce: { source: 'reads each element once, as globalAveragePool does', error90: 1, like: as('globalAveragePool') },
  resize: {
    source: 'bilinear: four weighted neighbours, as a 2×2 averagePool; nearest: copies pixels, as concat does',
    error90: 0.6,
    like: (facts) => {
      const kind = facts.kernelHeight === 2 ? 'averagePool' : 'concat'
      const inHeight = facts.outHeight * facts.kernelHeight
      const inWidth = facts.outWidth * facts.kernelWidth
      return { ...facts, kind, inHeight, inWidth, inputs: inHeight * inWidth * facts.inChannels }
    },
  },
  matmul: {
    source: 'a 1×1 conv2d with a pixel for each row',
    error90: 0.6,
    like: (facts) => asProduct(facts, facts.outputs / facts.outChannels, facts.outChannels),
  },
  transposeConv2d: {
    source: 'a 1×1 conv2d to filters × window channels, whose results are then added where they overlap',
    error90: 0.6,
    like: (facts) => {
      const pixels = facts.inHeight * facts.inWidth
      return asProduct(facts, pixels, facts.macs / (pixels * facts.inChannels))
    },
  },
  custom: {
    source: 'its MACs as dense where they are known, else a softmax over all elements that go in and out',
    error90: 2,
    fallback: true,
    like: (facts) =>
      facts.macs > 0
        ? { ...facts, kind: 'dense', kernelWidth: 1 }
        : { ...facts, kind: 'softmax', kernelWidth: 1, outputs: facts.inputs + facts.outputs },
  },
}

/** Least relative half-width of the 90 % interval of what runs in steps. */
const STEPS_ERROR90 = 1

/**
 * Price of a kernel whose steps wait for each other: in each the products as dense layers and the passes as sigmoids, with
 * all that starting them costs. A product counts as if it read its share of the weights anew.
 */
function answerOfSteps(
  facts: KernelFacts,
  { count, products, width, passes, elements }: Steps,
  tableOf: (kind: KernelKind) => CompiledTable | undefined,
): LookupAnswer | undefined {
  const perProduct = facts.macs / (count * Math.max(products, 1))
  const dense: KernelFacts = {
    ...emptyFacts(),
    ...{ kind: 'dense', inChannels: perProduct / width, outChannels: width, inputs: perProduct / width },
    ...{ outputs: width, macs: perProduct, weightElements: perProduct, biasElements: width },
  }
  const pass: KernelFacts = {
    ...{ ...emptyFacts(), kind: 'sigmoid', inChannels: elements, outChannels: elements },
    ...{ inputs: elements, outputs: elements },
  }
  const parts = [
    { times: perProduct > 0 ? count * Math.max(products, 1) : 0, answer: tableOf('dense')?.lookup(dense) },
    { times: count * passes, answer: (tableOf('sigmoid') ?? tableOf('relu'))?.lookup(pass) },
  ]
  let [cost, busy] = [0, 0]
  for (const { times, answer } of parts) {
    if (times === 0) continue
    if (answer === undefined) return undefined
    cost += times * answer.cost
    busy += times * answer.cost * answer.utilisation
  }
  const error90 = Math.max(...parts.map(({ answer }) => answer?.error90 ?? 0), STEPS_ERROR90)
  const basis = parts.some(({ answer }) => answer?.basis === 'fallback') ? 'fallback' : 'extrapolated'
  return { cost, basis, error90, utilisation: cost > 0 ? busy / cost : 1, powerMw: parts[0]!.answer?.powerMw }
}

/** Price of a kernel without a table; undefined when there is no rule, or no table that the rule could use. */
export function derivedAnswer(
  facts: KernelFacts,
  tableOf: (kind: KernelKind) => CompiledTable | undefined,
): LookupAnswer | undefined {
  const rule = (DERIVED_RULES as Readonly<Partial<Record<KernelKind, DerivedRule>>>)[facts.kind]
  if (rule === undefined) return undefined
  const steps = stepsOf(facts)
  if (steps !== undefined && (facts.macs > 0 || steps.passes > 0)) return answerOfSteps(facts, steps, tableOf)
  const standIn = rule.like(facts)
  const answer = tableOf(standIn.kind)?.lookup(standIn)
  if (answer === undefined) return undefined
  const fallback = rule.fallback === true || answer.basis === 'fallback'
  return {
    ...answer,
    basis: fallback ? 'fallback' : 'extrapolated',
    error90: Math.max(answer.error90, rule.error90),
  }
}
