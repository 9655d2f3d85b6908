import type { Grouping } from './from-networks.ts'

const CONV_1X1 = 0
const CONV_WINDOW = 1
const DEPTHWISE = 2
const DENSE = 3
const REST = 4
const CONV_1X1_LARGE = 5
const CONV_1X1_RESULTS = 5
const CONV_1X1_WEIGHTS = 6

/** Weights beyond a Cortex-M7's data cache (16 KiB) are read from flash again and again. */
export const CACHED_WEIGHTS = 16 * 1024

/** How a board's 1×1 convolutions are grouped; all else is windows, depthwise, dense and the rest. */
export interface Groups {
  readonly count: number
  readonly grouping: Grouping
  /** As the profile's notes say it. */
  readonly text: string
  /** Whether 1×1 convolutions with many weights have a model of their own. */
  readonly splitsWeights: boolean
  /** How strongly groups are held together where other boards say how they compare; with none a group may vanish. */
  readonly priorRidge: number
}

const otherGroup = (kernel: string): number =>
  kernel === 'depthwiseConv2d' ? DEPTHWISE : kernel === 'dense' ? DENSE : kernel === 'conv2d' ? CONV_WINDOW : REST

/** For few networks: above and below the cache. */
export const BY_WEIGHTS: Groups = {
  count: 6,
  grouping: (kernel, model) =>
    kernel !== 'conv2d' || model > 1 ? otherGroup(kernel) : model === 0 ? CONV_1X1_LARGE : CONV_1X1,
  text: 'six groups (1×1 convolutions with weights above and below 16 K elements, other convolutions, depthwise, dense, the rest)',
  splitsWeights: true,
  priorRidge: 0.001,
}

/**
 * For more: what a MAC, a result and a weight cost in a runtime's 1×1 convolutions compares differently from CMSIS-NN. With one
 * factor for all three, networks with few channels come out too dear and the depthwise layers beside them too cheap.
 */
export const BY_WORK: Groups = {
  count: 7,
  grouping: (kernel, model, feature) => {
    if (kernel !== 'conv2d' || model > 0) return otherGroup(kernel)
    if (feature === 'weightElements') return CONV_1X1_WEIGHTS
    return feature.startsWith('macs') ? CONV_1X1 : CONV_1X1_RESULTS
  },
  text: 'seven groups (MACs, results and weights of 1×1 convolutions, other convolutions, depthwise, dense, the rest)',
  splitsWeights: false,
  priorRidge: 0.01,
}
