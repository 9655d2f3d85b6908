import type { IntegerKernels } from '../../formats/import/imported-model.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { CostModel, Costs, LayerCost } from '../cost-model.ts'
import type { Basis } from '../table.ts'

/** This computer as it runs float kernels, and as it runs integer ones. */
export interface HostModels {
  readonly float: CostModel
  readonly int8: CostModel
}

const layersOf = (model: CostModel, graph: NetworkGraph) => {
  const costs = model.price(graph, { layers: true })
  return { costs, byId: new Map(costs.layers.map((layer) => [layer.id, layer])) }
}

/** Turning so many stored weights into real numbers, as a layer. */
function weightLayer(int8: CostModel, elements: number): readonly LayerCost[] {
  if (elements === 0) return []
  const b = new GraphBuilder()
  const rows = Math.ceil(Math.sqrt(elements))
  const graph = b.build(b.node({ kind: 'dequantize' }, b.input([rows, Math.ceil(elements / rows)])))
  return int8.price(graph, { layers: true }).layers.map((layer) => ({ ...layer, id: '(stored weights)' }))
}

/**
 * Prices a network of which some kernels compute in integers and the others in float, as ONNX Runtime executes it. The interval is as
 * wide as that of both, each by its share of the latency; memory is that of int8.
 */
export function priceMixed({ float, int8 }: HostModels, graph: NetworkGraph, integers: IntegerKernels): Costs {
  const [real, whole] = [layersOf(float, graph), layersOf(int8, graph)]
  const chosen = real.costs.layers.map((layer) =>
    integers.nodes.has(layer.id) ? (whole.byId.get(layer.id) ?? layer) : layer,
  )
  const layers = [...chosen, ...weightLayer(int8, integers.dequantisedWeights)]
  const once = int8.onceCosts(graph)
  const sumOf = (key: 'latencyMs' | 'energyMj', all: readonly Pick<LayerCost, typeof key>[]): number =>
    all.reduce((sum, one) => sum + one[key], 0)
  const kernelsMs = sumOf('latencyMs', layers)
  const latencyMs = kernelsMs + sumOf('latencyMs', once)
  const relative = ({ latencyMs: middle, latencyHighMs }: Costs): number =>
    middle > 0 ? latencyHighMs / middle - 1 : 0
  const integerMs = layers.reduce((sum, { id, latencyMs: ms }) => sum + (integers.nodes.has(id) ? ms : 0), 0)
  const share = kernelsMs > 0 ? integerMs / kernelsMs : 1
  const errorMs = latencyMs * (share * relative(whole.costs) + (1 - share) * relative(real.costs))
  const shareOf = (basis: Basis): number =>
    kernelsMs > 0
      ? sumOf(
          'latencyMs',
          layers.filter((layer) => layer.basis === basis),
        ) / kernelsMs
      : 0
  return {
    ...whole.costs,
    latencyMs,
    latencyLowMs: Math.max(latencyMs - errorMs, 0),
    latencyHighMs: latencyMs + errorMs,
    energyMj: sumOf('energyMj', layers) + sumOf('energyMj', once),
    basis: {
      exact: shareOf('exact'),
      interpolated: shareOf('interpolated'),
      extrapolated: shareOf('extrapolated'),
      fallback: shareOf('fallback'),
    },
    unsupported: [...new Set(layers.flatMap(({ kind, basis }) => (basis === 'unsupported' ? [kind] : [])))],
    layers,
  }
}
