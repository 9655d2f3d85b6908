import { type ConvOptions, GraphBuilder } from '../network/build.ts'
import { sameShape } from '../network/shapes.ts'
import type { ActivationKind, NetworkGraph, Pair } from '../network/types.ts'

export type BlockKind = 'depthwiseSeparable' | 'invertedBottleneck' | 'fused'

/** One convolutional block of a MobileNet-style network. */
export interface BlockPlan {
  readonly kind: BlockKind
  readonly kernel: number | Pair
  readonly stride: number | Pair
  /** Hidden channels ÷ input channels; depthwise-separable blocks have none. */
  readonly expansion: number
  readonly width: number
  /** Hidden channels of squeeze-and-excite ÷ channels it scales; 0 for none. */
  readonly squeezeRatio: number
  readonly activation: ActivationKind
}

/** Routing of a mixture: `topK` of `experts` run for each sample, beside an optional expert that always runs. */
export interface MixturePlan {
  readonly experts: number
  readonly topK: number
  readonly sharedExpert: boolean
}

/** Channel counts are kept at multiples of 8: kernels for microcontrollers work on groups of four or more. */
export const roundChannels = (channels: number): number => Math.max(8, Math.round(channels / 8) * 8)

/** Convolution, batch norm and, where given, an activation. */
export function convUnit(
  g: GraphBuilder,
  x: string,
  filters: number,
  options: ConvOptions,
  activation?: ActivationKind,
): string {
  const normalised = g.batchNorm(g.conv2d(x, filters, options))
  return activation === undefined ? normalised : g.activation(normalised, activation)
}

function depthwiseUnit(g: GraphBuilder, x: string, plan: BlockPlan): string {
  const normalised = g.batchNorm(g.depthwiseConv2d(x, { kernel: plan.kernel, stride: plan.stride }))
  return g.activation(normalised, plan.activation)
}

/** Squeeze-and-excite (Hu et al. 2018) with the hard sigmoid of MobileNetV3. */
function squeezeExcite(g: GraphBuilder, x: string, ratio: number): string {
  if (ratio === 0) return x
  const channels = g.channels(x)
  const squeezed = g.conv2d(g.globalAveragePool(x, true), roundChannels(channels * ratio), { bias: true })
  const excited = g.conv2d(g.activation(squeezed, 'relu'), channels, { bias: true })
  return g.multiply(x, g.activation(excited, 'hardSigmoid'))
}

/** The block without its residual connection. */
function blockBody(g: GraphBuilder, x: string, plan: BlockPlan): string {
  const { kernel, stride, width, activation, squeezeRatio } = plan
  if (plan.kind === 'depthwiseSeparable') {
    return convUnit(g, squeezeExcite(g, depthwiseUnit(g, x, plan), squeezeRatio), width, {}, activation)
  }
  const hidden = roundChannels(g.channels(x) * plan.expansion)
  if (plan.kind === 'fused') {
    if (plan.expansion === 1) return convUnit(g, x, width, { kernel, stride }, activation)
    return convUnit(
      g,
      squeezeExcite(g, convUnit(g, x, hidden, { kernel, stride }, activation), squeezeRatio),
      width,
      {},
    )
  }
  const expanded = plan.expansion === 1 ? x : convUnit(g, x, hidden, {}, activation)
  return convUnit(g, squeezeExcite(g, depthwiseUnit(g, expanded, plan), squeezeRatio), width, {})
}

/** Adds the residual where the shapes allow; depthwise-separable blocks (MobileNetV1) have none. */
function withResidual(g: GraphBuilder, x: string, y: string, plan: BlockPlan): string {
  return plan.kind !== 'depthwiseSeparable' && sameShape(g.shape(x), g.shape(y)) ? g.add(x, y) : y
}

export const block = (g: GraphBuilder, x: string, plan: BlockPlan): string =>
  withResidual(g, x, blockBody(g, x, plan), plan)

/** The network of one expert: the block's body as a graph of its own. */
function expertBody(g: GraphBuilder, x: string, plan: BlockPlan): NetworkGraph {
  const body = new GraphBuilder()
  return body.build(blockBody(body, body.input(g.shape(x)), plan))
}

/**
 * The block as a mixture of experts: a router (global pooling, dense, softmax) gates experts of the block's own shape;
 * an expert that always runs may be added beside them.
 */
export function mixtureBlock(g: GraphBuilder, x: string, plan: BlockPlan, mixture: MixturePlan): string {
  const gates = g.activation(g.dense(g.globalAveragePool(x), mixture.experts), 'softmax')
  const routed = g.routedExperts(x, gates, mixture.topK, expertBody(g, x, plan))
  const mixed = mixture.sharedExpert ? g.add(routed, blockBody(g, x, plan)) : routed
  return withResidual(g, x, mixed, plan)
}
