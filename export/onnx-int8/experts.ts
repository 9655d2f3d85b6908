import type { Value } from '../../evaluators/training/onnx/emitter.ts'
import { SHARE_BITS } from '../quantise/fixed-point.ts'
import type { QuantisedExperts, QuantisedGraph } from '../quantise/types.ts'
import type { Edge, QdqBuilder } from './builder.ts'
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
 * All experts run on all samples of the batch, and those that are not chosen are weighted with 0. Choice and weights are
 * the integers of the reference; what each expert adds is rounded to the sum's int8, as there.
 */
export function writeMixture({ builder, kernel, features, gates, to, arithmetic, writeExpert }: Mixture): Edge {
  const { emitter } = builder
  const { experts, topK, outputShape } = kernel
  const weights = chosenShares(builder, gates, experts.length, topK)
  const shares =
    experts.length === 1 ? [weights] : emitter.nodes('Split', [weights], experts.length, { attributes: { axis: 1n } })
  const unit = topK === 1 ? gates.quantisation.scale : 2 ** -SHARE_BITS
  const parts = experts.map((expert, i) => {
    const result = builder.reshaped(writeExpert(expert.graph, features), outputShape)
    const share = outputShape.length === 3 ? emitter.reshape(shares[i]!, [-1, 1, 1, 1]) : shares[i]!
    if (arithmetic === 'integer') return weightedPart(builder, result, share, expert, to)
    const weight = emitter.node('Mul', [share, emitter.scalar(unit)])
    return builder.quantised(emitter.node('Mul', [builder.real(result), weight]), outputShape, to)
  })
  return parts.reduce((sum, part) =>
    arithmetic === 'integer'
      ? summed(builder, sum, part)
      : builder.quantised(emitter.node('Add', [builder.real(sum), builder.real(part)]), outputShape, to),
  )
}

/** `[batch, experts]` in float: the whole numbers that weight each expert, 0 for those that are not chosen. */
function chosenShares(builder: QdqBuilder, gates: Edge, experts: number, topK: number): Value {
  const { emitter } = builder
  const cast = (value: Value, to: bigint): Value => emitter.node('Cast', [value], { attributes: { to } })
  const [FLOAT, INT64] = [1n, 7n]
  const whole = emitter.node('Sub', [cast(gates.value, FLOAT), emitter.scalar(gates.quantisation.zeroPoint)])
  const [, places] = emitter.nodes('TopK', [whole, emitter.integers([topK])], 2, { attributes: { axis: 1n } })
  const flags = emitter.node('OneHot', [places!, emitter.integers([experts]), emitter.floats([0, 1])])
  const mask = emitter.node('ReduceSum', [flags, emitter.integers([1])], { attributes: { keepdims: 0n } })
  const chosen = emitter.node('Mul', [whole, mask])
  if (topK === 1) return chosen
  // Whole numbers below 2^24 are exact in float; the division is not, and is made in integers.
  const total = cast(
    emitter.node('ReduceSum', [chosen, emitter.integers([1])], { attributes: { keepdims: 1n } }),
    INT64,
  )
  const half = emitter.node('Div', [total, emitter.integers([2])])
  const scaled = emitter.node('Mul', [cast(chosen, INT64), emitter.integers([2 ** SHARE_BITS])])
  const shares = emitter.node('Div', [emitter.node('Add', [scaled, half]), total])
  // Experts that are not chosen: half a total over the total is 0.
  return cast(shares, FLOAT)
}
