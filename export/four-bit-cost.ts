import type { Costs } from '../hardware-profiles/index.ts'
import type { NetworkGraph } from '../network/types.ts'
import type { QuantisedGraph } from './quantise/types.ts'
import { allWeightBytes, fourBitLayers, layerBits } from './quantise/weight-bits.ts'

type Kind = 'conv2d' | 'depthwiseConv2d' | 'dense'

/**
 * Instructions of the C's kernels for 4-bit weights ÷ those of the same kernels for 8 bits, counted on an emulated
 * Cortex-M4: 1.21 to 1.31 for eight convolutions and 1.36 for a depthwise one of an MNIST network. Dense kernels share
 * the convolutions' inner loop.
 */
const INSTRUCTIONS: Readonly<Record<Kind, number>> = { conv2d: 1.24, depthwiseConv2d: 1.36, dense: 1.24 }
/** Code of the kernels, which is only there where a network has such layers; gcc 12 -O2 for a Cortex-M4. */
const CODE_BYTES: Readonly<Record<Kind, { readonly four: number; readonly eight: number }>> = {
  conv2d: { four: 638, eight: 484 },
  depthwiseConv2d: { four: 474, eight: 454 },
  dense: { four: 362, eight: 184 },
}

/** Flash that 4-bit weights leave free. */
export const savedBytes = (network: QuantisedGraph): number =>
  layerBits(network).reduce((sum, { elements }) => sum + elements, 0) - allWeightBytes(network)

/** Estimates for the exported C with the bits that its weights have, from those for 8 bits with their layers. */
export function costsWithFourBits(costs: Costs, graph: NetworkGraph, network: QuantisedGraph): Costs {
  const four = new Set(fourBitLayers(network))
  if (four.size === 0) return costs
  const paths = new Map(pathsOf(graph, '', ''))
  const kinds = { four: new Set<string>(), eight: new Set<string>() }
  const layers = costs.layers.map((layer) => {
    // A batch norm that stands alone is a depthwise kernel.
    const kind = layer.kind === 'batchNorm' ? 'depthwiseConv2d' : (layer.kind as Kind)
    const isFour = four.has(paths.get(layer.id)!)
    kinds[isFour ? 'four' : 'eight'].add(kind)
    if (!isFour) return layer
    return { ...layer, latencyMs: layer.latencyMs * INSTRUCTIONS[kind] }
  })
  const total = (list: Costs['layers']): number => list.reduce((sum, { latencyMs }) => sum + latencyMs, 0)
  const slower = (costs.latencyMs + total(layers) - total(costs.layers)) / costs.latencyMs
  let code = 0
  for (const kind of ['conv2d', 'depthwiseConv2d', 'dense'] as const) {
    if (!kinds.four.has(kind)) continue
    code += CODE_BYTES[kind].four - (kinds.eight.has(kind) ? 0 : CODE_BYTES[kind].eight)
  }
  return {
    ...costs,
    layers,
    latencyMs: costs.latencyMs * slower,
    latencyLowMs: costs.latencyLowMs * slower,
    latencyHighMs: costs.latencyHighMs * slower,
    energyMj: costs.energyMj * slower,
    flashBytes: costs.flashBytes - savedBytes(network) + code,
  }
}

/** Kernels of the schedule, whose paths hold the number of the run, with the layers that experts share. */
function* pathsOf({ nodes }: NetworkGraph, kernel: string, layer: string): Generator<readonly [string, string]> {
  for (const { id, op } of nodes) {
    if (op.kind !== 'routedExperts') yield [kernel + id, layer + id]
    else for (let run = 0; run < op.topK; run++) yield* pathsOf(op.body, `${kernel}${id}/${run}/`, `${layer}${id}/`)
  }
}
