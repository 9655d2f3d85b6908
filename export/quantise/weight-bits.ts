import type { Level } from './lowering.ts'
import type { QuantisedGraph, QuantisedKernel, QuantisedOf } from './types.ts'

/** `4`: all weighted layers but the first and the last; `mixed`: of those the ones that cost little accuracy. */
export const WEIGHT_BITS_MODES = ['8', '4', 'mixed'] as const
export type WeightBitsMode = (typeof WEIGHT_BITS_MODES)[number]

/** A layer with weights; its id is the path of its node, which all experts of a mixture share. */
export interface WeightedLayer {
  readonly id: string
  /** Stored weights, those of all experts together; biases are not counted. */
  readonly elements: number
}

/** How many weights of how many bits a layer of a quantised network has. */
export interface LayerBits extends WeightedLayer {
  readonly bits: 8 | 4
}

export type WeightedKernel = QuantisedOf<'conv2d' | 'depthwiseConv2d' | 'dense'>

export const isWeighted = (kernel: QuantisedKernel): kernel is WeightedKernel => 'weights' in kernel

export const hasFourBits = (kernel: QuantisedKernel): boolean => isWeighted(kernel) && kernel.weightBits === 4

/** Bytes of a kernel's weights as files hold them: two weights of 4 bits share one, an odd last one has its own. */
const weightBytes = ({ weights, weightBits }: WeightedKernel): number =>
  weightBits === 4 ? Math.ceil(weights.length / 2) : weights.length

/** Weights of −8 … 7 two in a byte, the lower half first: as TFLite, ONNX and the C store them. */
export function packNibbles(weights: Int8Array): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(Math.ceil(weights.length / 2))
  for (const [i, weight] of weights.entries()) packed[i >> 1]! |= (weight & 15) << (i % 2 === 0 ? 0 : 4)
  return packed
}

/** The layers of a quantised network in their order, those of experts where their mixture stands. */
export function layerBits(graph: QuantisedGraph): readonly LayerBits[] {
  const layers = new Map<string, LayerBits>()
  visit(graph, '', (id, kernel) => {
    const elements = (layers.get(id)?.elements ?? 0) + kernel.weights.length
    layers.set(id, { id, elements, bits: kernel.weightBits ?? 8 })
  })
  return [...layers.values()]
}

/** Ids of the layers with 4 bits. */
export const fourBitLayers = (graph: QuantisedGraph): readonly string[] =>
  layerBits(graph).flatMap(({ id, bits }) => (bits === 4 ? [id] : []))

/** Bytes of all weights. */
export function allWeightBytes(graph: QuantisedGraph): number {
  let bytes = 0
  visit(graph, '', (_, kernel) => {
    bytes += weightBytes(kernel)
  })
  return bytes
}

function visit(graph: QuantisedGraph, prefix: string, see: (id: string, kernel: WeightedKernel) => void): void {
  for (const kernel of graph.kernels) {
    const id = prefix + kernel.id
    if (isWeighted(kernel)) see(id, kernel)
    if (kernel.kind === 'routedExperts') for (const { graph: body } of kernel.experts) visit(body, `${id}/`, see)
  }
}

const WEIGHTED: ReadonlySet<string> = new Set(['conv2d', 'depthwiseConv2d', 'dense', 'batchNorm'])

/**
 * The layers that may have 4 bits: all but the first, which reads the samples, and the last, which gives the logits. A
 * quantum there is a quantum of what goes in or comes out.
 */
export function innerLayers(level: Level): ReadonlySet<string> {
  const ids = weightedIds(level, '')
  return new Set(ids.slice(1, -1))
}

const weightedIds = (level: Level, prefix: string): readonly string[] =>
  level.kernels.flatMap(({ node, body }) => {
    if (body !== undefined) return weightedIds(body, `${prefix}${node.id}/`)
    return WEIGHTED.has(node.op.kind) ? [prefix + node.id] : []
  })
