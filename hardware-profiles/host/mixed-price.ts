import type { IntegerKernels } from '../../formats/import/imported-model.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { CostModel, Costs, LayerCost } from '../cost-model.ts'
import type { Basis } from '../table.ts'

/** This computer as it runs float kernels, and as it runs integer ones. */
export interface HostModels {
  readonly float: CostModel
  readonly int8: CostModel
  /** Float products whose weights are stored in int8; only networks that have some need it. */
  readonly dequantised?: CostModel
}

const layersOf = (model: CostModel, graph: NetworkGraph) => {
  const costs = model.price(graph, { layers: true })
  return { costs, byId: new Map(costs.layers.map((layer) => [layer.id, layer])) }
}

/**
 * Prices a network of which some kernels compute in integers and the others in float, as ONNX Runtime executes it. The interval is as
 * wide as those of all, each by its share of the latency; memory is that of int8.
 */
export function priceMixed(
  { float, int8, dequantised }: HostModels,
  graph: NetworkGraph,
  integers: IntegerKernels,
): Costs {
  const [real, whole] = [layersOf(float, graph), layersOf(int8, graph)]
  const products = dequantised === undefined ? undefined : layersOf(dequantised, graph)
  const layers = real.costs.layers.map((layer) => {
    const { id } = layer
    if (integers.nodes.has(id)) return whole.byId.get(id) ?? layer
    const product = integers.dequantised.has(id) ? products?.byId.get(id) : undefined
    return product === undefined || product.basis === 'unsupported' ? layer : product
  })
  const once = int8.onceCosts(graph)
  const sumOf = (key: 'latencyMs' | 'energyMj', all: readonly Pick<LayerCost, typeof key>[]): number =>
    all.reduce((sum, one) => sum + one[key], 0)
  const kernelsMs = sumOf('latencyMs', layers)
  const latencyMs = kernelsMs + sumOf('latencyMs', once)
  const relative = ({ latencyMs: middle, latencyHighMs }: Costs): number =>
    middle > 0 ? latencyHighMs / middle - 1 : 0
  const error = (id: string): number =>
    integers.nodes.has(id)
      ? relative(whole.costs)
      : products !== undefined && integers.dequantised.has(id)
        ? relative(products.costs)
        : relative(real.costs)
  const share = kernelsMs > 0 ? latencyMs / kernelsMs : 1
  const errorMs = share * layers.reduce((sum, { id, latencyMs: ms }) => sum + ms * error(id), 0)
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
