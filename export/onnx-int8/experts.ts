import type { Value } from '../../evaluators/training/onnx/emitter.ts'
import { writingSteps } from '../../evaluators/training/onnx/inference-experts.ts'
import { type RoutingSteps, routeExperts } from '../../formats/onnx/routed-experts.ts'
import { SHARE_BITS } from '../quantise/fixed-point.ts'
import type { QuantisedExpert, QuantisedExperts, QuantisedGraph } from '../quantise/types.ts'
import { type Edge, OFFSET, type QdqBuilder } from './builder.ts'
import { summed, weightedPart } from './integer.ts'

interface Mixture {
  readonly builder: QdqBuilder
  readonly kernel: QuantisedExperts
  readonly features: Edge
  readonly gates: Edge
  readonly to: Edge['quantisation']
  readonly arithmetic: 'qdq' | 'integer'
  readonly writeExpert: (graph: QuantisedGraph, entry: Edge) => Edge
}

/**
 * Only the chosen experts run, each on the samples that go to it. Choice and weights are the integers of the reference;
 * what each expert adds is rounded to the sum's int8, as there.
 */
export function writeMixture({ builder, kernel, features, gates, to, arithmetic, writeExpert }: Mixture): Edge {
  const { emitter } = builder
  const { experts, topK, outputShape } = kernel
  const steps = writingSteps(emitter, 'uint8', outputShape)
  const edge = (value: Value): Edge => ({ value, shape: outputShape, quantisation: to })
  const whole = emitter.node('Sub', [
    emitter.node('Cast', [gates.value], { attributes: { to: FLOAT } }),
    emitter.scalar(gates.quantisation.zeroPoint + OFFSET),
  ])
  const value = routeExperts(steps, {
    experts: experts.length,
    topK,
    features: features.value,
    scores: whole,
    shares: (choice) => wholeShares(steps, whole, choice, topK),
    part: (expert, some, share) => {
      const { graph } = experts[expert]!
      const result = builder.reshaped(writeExpert(graph, { ...features, value: some }), outputShape)
      const scale = outputShape.length === 3 ? emitter.reshape(share, [-1, 1, 1, 1]) : share
      if (arithmetic === 'integer') return weightedPart(builder, result, scale, experts[expert]!, to).value
      return realPart(builder, result, scale, experts[expert]!, to)
    },
    sum: (a, b) =>
      arithmetic === 'integer'
        ? summed(builder, edge(a), edge(b)).value
        : builder.quantised(emitter.node('Add', [builder.real(edge(a)), builder.real(edge(b))]), outputShape, to).value,
  })
  return edge(value)
}

/** Element types of ONNX. */
const [FLOAT, UINT8, INT64, DOUBLE] = [1n, 2n, 7n, 11n]

/**
 * What an expert adds to the sum, as `weightedPart` computes it, in double precision: exact unless a factor is so small
 * that a product needs more than 53 bits, and several times as fast as 64-bit division.
 */
function realPart(
  builder: QdqBuilder,
  result: Edge,
  share: Value,
  { share: { multiplier, shift } }: QuantisedExpert,
  to: Edge['quantisation'],
): Value {
  const { emitter } = builder
  const double = (value: Value): Value => emitter.node('Cast', [value], { attributes: { to: DOUBLE } })
  const constant = (value: number): Value =>
    emitter.shared(`double ${value}`, () => ({ type: 'float64', dims: [], data: Float64Array.of(value) }))
  const difference = emitter.node('Sub', [double(result.value), constant(result.quantisation.zeroPoint + OFFSET)])
  const factor = emitter.node('Mul', [double(share), constant(multiplier * 2 ** (shift - 31))])
  const product = emitter.node('Mul', [difference, factor])
  // Rounding and zero point in one addend: both are exact.
  const placed = emitter.node('Floor', [emitter.node('Add', [product, constant(to.zeroPoint + OFFSET + 0.5)])])
  const kept = emitter.node('Clip', [placed, constant(0), constant(255)])
  return emitter.node('Cast', [kept], { attributes: { to: UINT8 } })
}

/**
 * `[batch, experts]` in float: the whole numbers that weight each expert, from gates that are whole numbers in float. Of
 * experts that are not chosen they are 0: half a total over the total.
 */
function wholeShares(steps: RoutingSteps<Value>, whole: Value, choice: Value | undefined, topK: number): Value {
  const { integers } = steps
  const node = (opType: string, inputs: readonly Value[]): Value => steps.nodes(opType, inputs, 1)[0]!
  const cast = (value: Value, to: bigint): Value => steps.nodes('Cast', [value], 1, { to })[0]!
  const chosen = choice === undefined ? whole : node('Mul', [whole, cast(choice, FLOAT)])
  if (topK === 1) return chosen
  // Whole numbers below 2^24 are exact in float; the division is not, and is made in integers.
  const gates = cast(chosen, INT64)
  const total = steps.nodes('ReduceSum', [gates, integers([1])], 1, { keepdims: 1n })[0]!
  const half = node('Div', [total, integers([2])])
  const scaled = node('Mul', [gates, integers([2 ** SHARE_BITS])])
  return cast(node('Div', [node('Add', [scaled, half]), total]), FLOAT)
}
