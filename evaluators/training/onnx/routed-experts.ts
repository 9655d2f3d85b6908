import type { Value } from './emitter.ts'
import { expertPrefixes } from './parameters.ts'
import { channelsOf, pixelsOf, type TrainingRule, type TrainingScope } from './training-scope.ts'

/**
 * Exactly `topK` ones per sample where the gates `[groups, experts, batch]` are largest; of equal gates the one with the
 * lower index wins (TopK's own rule).
 */
function topKMask({ emitter, lanes, groups }: TrainingScope, gates: Value, experts: number, topK: number): Value {
  const [, places] = emitter.nodes('TopK', [gates, emitter.integers([topK])], 2, {
    attributes: { axis: 1n, largest: 1n, sorted: 1n },
  })
  const zeros = emitter.node('Expand', [emitter.scalar(0), emitter.integers([groups, experts, lanes.batch])])
  const ones = emitter.node('Expand', [emitter.scalar(1), emitter.integers([groups, topK, lanes.batch])])
  return emitter.node('ScatterElements', [zeros, places!, ones], { attributes: { axis: 1n } })
}

/**
 * Mixture of experts. All experts run on the whole batch, side by side as groups; what they give is weighted by the
 * gates of the chosen ones, renormalised where several are. The load-balancing loss is E·Σ f·P (Fedus et al. 2021, equation 4) with f the
 * share of the batch's assignments that went to an expert and P its mean gate: 1 when the load is even.
 */
export const routedExperts: TrainingRule<'routedExperts'> = (scope, node) => {
  const { emitter, lanes, groups } = scope
  const { experts, topK, body } = node.op
  const { batch } = lanes
  const [features, gateRows] = node.inputs as readonly [Value, Value]
  const gates = emitter.reshape(gateRows, [groups, experts, batch])
  const mul = (a: Value, b: Value): Value => emitter.node('Mul', [a, b])
  const sumOver = (x: Value, axis: number): Value =>
    emitter.node('ReduceSum', [x, emitter.integers([axis])], { attributes: { keepdims: 1n } })

  const inner: TrainingScope = {
    ...scope,
    groups: groups * experts,
    prefixes: expertPrefixes(scope.prefixes, node.id, experts),
  }
  const bodies = scope.emitBody(inner, body, features, node.needed[0]!, groups)
  const channels = channelsOf(node.shape)
  const pixels = pixelsOf(node.shape)
  const wide = groups * experts * channels

  const mask = topKMask(scope, gates, experts, topK)
  const chosen = mul(gates, mask)
  const total = topK === 1 ? undefined : sumOver(chosen, 1)
  const shares = total === undefined ? chosen : emitter.node('Div', [chosen, total])
  const sampleShares = emitter.node('Expand', [
    emitter.reshape(shares, [groups * experts, 1, batch]),
    emitter.integers([groups * experts, channels, batch]),
  ])
  const weighted = lanes.scaleSamples(bodies.output, sampleShares, wide, pixels)
  const output = sumOver(emitter.reshape(weighted, [groups, experts, -1]), 1)

  const load = emitter.node('ReduceMean', [mask], { attributes: { axes: [2n], keepdims: 1n } })
  const importance = emitter.node('ReduceMean', [gates], { attributes: { axes: [2n], keepdims: 1n } })
  const balanceFactor = (scope.loadBalancing * experts) / topK
  const balance = emitter.node('ReduceSum', [mul(load, importance)], { attributes: { keepdims: 0n } })
  scope.port.addLoss(emitter.reshape(mul(balance, emitter.scalar(balanceFactor)), [1]))

  return {
    output: lanes.rows(output, groups * channels),
    pullback: (dy) => {
      const everyExpert = emitter.node('Expand', [
        emitter.reshape(dy, [groups, 1, channels, -1]),
        emitter.integers([groups, experts, channels, batch * pixels]),
      ])
      const spread = lanes.rows(everyExpert, wide)
      const [dFeatures] = bodies.pullback(lanes.scaleSamples(spread, sampleShares, wide, pixels))
      if (!node.needed[1]) return [dFeatures, undefined]
      const perChannel = emitter.reshape(lanes.dotSamples(bodies.output, spread, wide, pixels), [-1, channels, batch])
      const dShares = emitter.reshape(sumOver(perChannel, 1), [groups, experts, batch])
      const dChosen =
        total === undefined
          ? dShares
          : emitter.node('Div', [emitter.node('Sub', [dShares, sumOver(mul(dShares, shares), 1)]), total])
      const routed = mul(dChosen, mask)
      const dGates = emitter.node('Add', [routed, mul(load, emitter.scalar(balanceFactor / batch))])
      return [dFeatures, emitter.reshape(dGates, [groups * experts, batch])]
    },
  }
}
