import { ROW_NORMS } from '../network/row-norms.ts'
import type { Kernel, KernelKind } from '../network/schedule.ts'
import { sizeOf, windowExtent, windowPadding } from '../network/shapes.ts'
import { type OpOf, type Padding, type Pair, type Shape, type Steps, UNARY_FUNCTIONS } from '../network/types.ts'

/**
 * Plain numbers of one kernel, all that its cost may depend on. Vectors count as 1×1 maps, of other shapes the middle axes
 * as one; channels of a grouped convolution are those that feed one filter. A kernel without a window
 * has a 1×1 window and stride 1, but for one of several steps, for which `readFacts` says what they stand for. One instance is overwritten kernel after kernel, so that pricing allocates nothing.
 */
export interface KernelFacts {
  kind: KernelKind
  inHeight: number
  inWidth: number
  inChannels: number
  outHeight: number
  outWidth: number
  outChannels: number
  kernelHeight: number
  kernelWidth: number
  strideHeight: number
  strideWidth: number
  /** Steps between the window's positions, height × width; 1 for a window without gaps. */
  dilation: number
  /** 1 for same padding, 0 for valid. */
  same: number
  /** Number of operands. */
  operands: number
  /** Elements of all operands together. */
  inputs: number
  outputs: number
  macs: number
  weightElements: number
  biasElements: number
  /** Bits of entropy that one of the weights holds; 0 where that is not known. */
  weightBits: number
  /** 1 when an activation is fused into the kernel. */
  activation: number
}

export const emptyFacts = (): KernelFacts => ({
  kind: 'add',
  inHeight: 1,
  inWidth: 1,
  inChannels: 1,
  outHeight: 1,
  outWidth: 1,
  outChannels: 1,
  kernelHeight: 1,
  kernelWidth: 1,
  strideHeight: 1,
  strideWidth: 1,
  dilation: 1,
  same: 0,
  operands: 1,
  inputs: 1,
  outputs: 1,
  macs: 0,
  weightElements: 0,
  biasElements: 0,
  weightBits: 0,
  activation: 0,
})

const height = (shape: Shape): number => (shape.length > 1 ? shape[0]! : 1)
const width = (shape: Shape): number =>
  shape.length === 3 ? shape[1]! : shape.length < 3 ? 1 : sizeOf(shape.slice(1, -1))
const channels = (shape: Shape): number => shape[shape.length - 1]!

function setWindow(facts: KernelFacts, kernel: Pair, stride: Pair, padding: Padding): void {
  facts.kernelHeight = kernel[0]
  facts.kernelWidth = kernel[1]
  facts.strideHeight = stride[0]
  facts.strideWidth = stride[1]
  facts.same = padding === 'same' ? 1 : 0
}

/**
 * Overwrites `facts` with the numbers of a kernel. One of several steps has their count and products as its window's height and
 * width, passes and their elements as its strides, and the width of a product as its output channels (`stepsOf` reads them). A
 * function of each element has its place among `UNARY_FUNCTIONS`, from 1, as its window's width, and a norm of rows 2, that of a sum's rows 3.
 */
export function readFacts(kernel: Kernel, facts: KernelFacts): void {
  const { op, outputShape } = kernel
  const input = kernel.inputShapes[0]!
  facts.kind = kernel.kind
  facts.inHeight = height(input)
  facts.inWidth = width(input)
  facts.inChannels = channels(input)
  facts.outHeight = height(outputShape)
  facts.outWidth = width(outputShape)
  facts.outChannels = channels(outputShape)
  facts.operands = kernel.inputShapes.length
  facts.outputs = facts.outHeight * facts.outWidth * facts.outChannels
  let inputs = facts.inHeight * facts.inWidth * facts.inChannels
  for (let i = 1; i < kernel.inputShapes.length; i++) {
    const shape = kernel.inputShapes[i]!
    inputs += height(shape) * width(shape) * channels(shape)
  }
  facts.inputs = inputs
  facts.macs = kernel.macs
  facts.weightElements = kernel.weightElements
  facts.biasElements = kernel.biasElements
  facts.weightBits = kernel.weightBits ?? 0
  facts.activation = kernel.activation === 'none' ? 0 : 1
  facts.dilation = 1
  // Kernels are all of one shape and ops are not: their kind is read faster.
  const { kind } = kernel
  if (kind === 'conv2d') {
    const { kernel: window, stride, padding, dilation, groups } = op as OpOf<'conv2d'>
    setWindow(facts, window, stride, padding)
    if (groups !== undefined) facts.inChannels /= groups
    if (dilation !== undefined) facts.dilation = dilation[0] * dilation[1]
  } else if (kind === 'depthwiseConv2d') {
    const { kernel: window, stride, padding, dilation } = op as OpOf<'depthwiseConv2d'>
    setWindow(facts, window, stride, padding)
    if (dilation !== undefined) facts.dilation = dilation[0] * dilation[1]
  } else if (kind === 'averagePool' || kind === 'maxPool') {
    const { kernel: window, stride, padding } = op as OpOf<'maxPool'>
    setWindow(facts, window, stride, padding)
  } else {
    facts.kernelHeight = facts.kernelWidth = facts.strideHeight = facts.strideWidth = 1
    facts.same = 0
    if (kind === 'resize' && (op as OpOf<'resize'>).mode === 'bilinear') facts.kernelHeight = facts.kernelWidth = 2
    if (kind === 'unary') facts.kernelWidth = 1 + UNARY_FUNCTIONS.indexOf((op as OpOf<'unary'>).function)
    if (kind === 'custom') setCustom(facts, op as OpOf<'custom'>)
  }
}

function setCustom(facts: KernelFacts, { name, steps }: OpOf<'custom'>): void {
  if (steps === undefined) {
    facts.kernelWidth = 2 + ROW_NORMS.findIndex((names) => names.has(name))
    return
  }
  const { count, products, width, passes, elements } = steps
  facts.kernelHeight = count
  facts.kernelWidth = products
  facts.strideHeight = passes
  facts.strideWidth = elements
  facts.outChannels = width
}

/** Steps of a custom kernel; undefined where it has none. */
export const stepsOf = (facts: KernelFacts): Steps | undefined =>
  facts.kind !== 'custom' || facts.strideWidth * facts.strideHeight * facts.kernelHeight === 1
    ? undefined
    : {
        count: facts.kernelHeight,
        products: facts.kernelWidth,
        width: facts.outChannels,
        passes: facts.strideHeight,
        elements: facts.strideWidth,
      }

/** Window positions along one axis that fall on the map and not on its padding, summed over the outputs. */
function insideTaps(length: number, kernel: number, stride: number, outputs: number, same: number): number {
  const before = windowPadding(length, kernel, stride, same === 1 ? 'same' : 'valid')[0]
  // Σ min(start + kernel, length) − max(start, 0) with start = i · stride − before, in closed form: maps may be very wide.
  const whole = Math.min(Math.max(Math.floor((length + before - kernel) / stride) + 1, 0), outputs)
  const ends = (stride * whole * (whole - 1)) / 2 + whole * (kernel - before) + (outputs - whole) * length
  const inside = Math.min(Math.ceil(before / stride), outputs)
  const starts = (stride * (outputs * (outputs - 1) - inside * (inside - 1))) / 2 - before * (outputs - inside)
  return ends - starts
}

/** The same for a window with gaps: each of its taps alone. */
function insideTapsApart(length: number, kernel: number, stride: number, outputs: number, same: number, apart: number) {
  const before = windowPadding(length, windowExtent(kernel, apart), stride, same === 1 ? 'same' : 'valid')[0]
  let inside = 0
  for (let tap = 0; tap < kernel; tap++) {
    const offset = tap * apart - before
    const first = Math.max(Math.ceil(-offset / stride), 0)
    const last = Math.min(Math.floor((length - 1 - offset) / stride), outputs - 1)
    inside += Math.max(last - first + 1, 0)
  }
  return inside
}

const pixels = (f: KernelFacts): number => f.outHeight * f.outWidth
const kernelArea = (f: KernelFacts): number => f.kernelHeight * f.kernelWidth
const reduction = (f: KernelFacts): number =>
  f.kind === 'conv2d' || f.kind === 'dense' ? kernelArea(f) * f.inChannels : kernelArea(f)
/** Gaps count as equal along both axes. */
function insideWindow(f: KernelFacts): number {
  if (f.dilation === 1) {
    return (
      insideTaps(f.inHeight, f.kernelHeight, f.strideHeight, f.outHeight, f.same) *
      insideTaps(f.inWidth, f.kernelWidth, f.strideWidth, f.outWidth, f.same)
    )
  }
  const apart =
    f.kernelHeight === 1 || f.kernelWidth === 1 ? f.dilation : Math.max(Math.round(Math.sqrt(f.dilation)), 1)
  return (
    insideTapsApart(f.inHeight, f.kernelHeight, f.strideHeight, f.outHeight, f.same, apart) *
    insideTapsApart(f.inWidth, f.kernelWidth, f.strideWidth, f.outWidth, f.same, apart)
  )
}
/** MACs that do not fall on padding. */
const insideMacs = (f: KernelFacts): number => (f.macs * insideWindow(f)) / (pixels(f) * kernelArea(f))
const outsideWindow = (f: KernelFacts): number => pixels(f) * kernelArea(f) - insideWindow(f)

const groupsOf = (f: KernelFacts): number => Math.max(Math.round(f.inputs / (f.inHeight * f.inWidth * f.inChannels)), 1)

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to
/** MACs as a runtime runs them that stores channels in blocks and fills the last block up. */
const blockedMacs = (f: KernelFacts, block: number): number =>
  f.macs *
  (roundUp(f.outChannels, block) / f.outChannels) *
  (f.kind === 'conv2d' || f.kind === 'dense' ? roundUp(f.inChannels, block) / f.inChannels : 1)

/**
 * MACs as an array of multipliers sweeps them that takes 8 channels of results at a time, and of its operand either 32
 * channels at each place of the window, or 16 (8 where there are no more) at four places at once: whichever wastes less by
 * the estimate of the compiler, which counts 8 where it takes 16. Of a depthwise convolution four places of the window at
 * once. Without weights: places of the window, channels filled up.
 */
function sweptMacs(f: KernelFacts): number {
  const area = kernelArea(f)
  const results = pixels(f) * roundUp(f.outChannels, 8)
  if (f.kind === 'depthwiseConv2d') return results * roundUp(area, 4)
  if (f.kind !== 'conv2d' && f.kind !== 'dense') return results * area
  const byDepth = f.inChannels / roundUp(f.inChannels, 32)
  const byPlaces = (f.inChannels / roundUp(f.inChannels, 8)) * (area / roundUp(area, 4))
  if (f.inChannels > 8 && byDepth > byPlaces) return results * area * roundUp(f.inChannels, 32)
  return results * roundUp(area, 4) * roundUp(f.inChannels, f.inChannels > 8 ? 16 : 8)
}

/**
 * Bits of entropy in a weight that training left (Laplace distributed) and that fills the range of int8: with a scale for
 * each channel, as converters give convolutions, and with one scale for all, as they give dense layers.
 */
const USUAL_BITS = { ofChannels: 6.8, ofTensor: 5.9 }
/** Share that weights take when they are stored compressed, of what usual ones take, which those that nobody knows are taken for. */
const codedShare = (f: KernelFacts): number =>
  f.weightBits === 0 ? 1 : f.weightBits / (f.kind === 'dense' ? USUAL_BITS.ofTensor : USUAL_BITS.ofChannels)

/**
 * Passes of an array that computes 3×3 places of a map at a time, for 32 channels of results (a depthwise convolution: 16)
 * from 16 channels of the operand.
 */
const patches = (f: KernelFacts): number => Math.ceil(f.outHeight / 3) * Math.ceil(f.outWidth / 3)
const patchStores = (f: KernelFacts): number =>
  patches(f) * Math.ceil(f.outChannels / (f.kind === 'depthwiseConv2d' ? 16 : 32))
const operandBlocks = (f: KernelFacts): number => (f.kind === 'depthwiseConv2d' ? 1 : Math.ceil(f.inChannels / 16))

/** Growth by filling rows and columns of the map up to pairs. */
const pairedPixels = (f: KernelFacts): number => (roundUp(f.outHeight, 2) * roundUp(f.outWidth, 2)) / pixels(f)

/**
 * The vocabulary of cost: every number that a profile's tables may use, computed from a kernel's facts. A closed set, so
 * that a profile stays data. `reduction` is the length of one accumulation (kernel height × width × input channels);
 * "body" and "tail" split MACs into those that fill 4 or 16 SIMD steps and the rest; "taps" are window positions,
 * inside the map or on its padding (im2col copies the first and zeroes the second); "blocks" fill channels up to multiples
 * of 8 or 16, as runtimes with blocked layouts do; "swept" are MACs with what an accelerator's blocks waste.
 */
export const FEATURES = {
  one: () => 1,
  macs: (f) => f.macs,
  inputs: (f) => f.inputs,
  outputs: (f) => f.outputs,
  pixels,
  inChannels: (f) => f.inChannels,
  outChannels: (f) => f.outChannels,
  kernelArea,
  strideArea: (f) => f.strideHeight * f.strideWidth,
  reduction,
  weightElements: (f) => f.weightElements,
  biasElements: (f) => f.biasElements,
  /** Weights that stream compressed, as many usual ones as take as long; with channels filled up to multiples of 8. */
  codedWeights: (f) => f.weightElements * codedShare(f),
  codedWeightsBlocks8: (f) => (blockedMacs(f, 8) / pixels(f)) * codedShare(f),
  operands: (f) => f.operands,
  activation: (f) => f.activation,
  macsBody4: (f) => f.outputs * (reduction(f) - (reduction(f) % 4)),
  macsTail4: (f) => f.outputs * (reduction(f) % 4),
  macsBody16: (f) => f.outputs * (reduction(f) - (reduction(f) % 16)),
  macsTail16: (f) => f.outputs * (reduction(f) % 16),
  /** Vectors of 16 that the accumulations of all results take, and the elements of one accumulation filled up to whole vectors. */
  reductionVectors16: (f) => (f.outputs * roundUp(reduction(f), 16)) / 16,
  filledReduction16: (f) => roundUp(reduction(f), 16),
  macsTailChannels4: (f) => (f.macs / f.outChannels) * (f.outChannels % 4),
  macsBlocks8: (f) => blockedMacs(f, 8),
  macsBlocks16: (f) => blockedMacs(f, 16),
  sweptMacs,
  sweptMacs2x2: (f) => sweptMacs(f) * pairedPixels(f),
  /** Elements of a map whose channels are filled up to multiples of 8. */
  sweptInputs: (f) => f.inHeight * f.inWidth * roundUp(f.inChannels, 8),
  /** What is read when each block of results reads the operand anew. */
  inputsByOutChannels: (f) => f.inputs * f.outChannels,
  /** Blocks of results that the array writes, blocks of the operand that it reads, and channels of results, each once a pass. */
  patchStores,
  patchLoads: (f) => patchStores(f) * operandBlocks(f),
  patchResults: (f) => patches(f) * f.outChannels,
  /** Channels of results times blocks of the operand: how often the array goes through the weights of one. */
  patchSweeps: (f) => patches(f) * operandBlocks(f) * f.outChannels,
  channelTail16: (f) => f.inChannels % 16,
  channelTail4: (f) => f.inChannels % 4,
  /** Place of a function of each element among `UNARY_FUNCTIONS`, from 1; 0 for other kernels. */
  elementFunction: (f) => (f.kind === 'unary' ? f.kernelWidth : 0),
  insideTaps: insideWindow,
  paddedTaps: outsideWindow,
  insideTapElements: (f) => insideWindow(f) * f.inChannels,
  paddedTapElements: (f) => outsideWindow(f) * f.inChannels,
  insideMacs,
  oddInChannels: (f) => f.inChannels % 2,
  /** 1 for a convolution whose input channels are split into groups (`inChannels` counts those of one group). */
  grouped: (f) => (f.kind === 'conv2d' && f.inputs > f.inHeight * f.inWidth * f.inChannels ? 1 : 0),
  /** Positions between the taps of a window with gaps, height × width; 1 for one without. */
  dilation: (f) => f.dilation,
  /** 1 where an operand is repeated over a map, as the factors of a squeeze-and-excitation block are. */
  broadcast: (f) => (f.inputs < f.operands * f.outputs ? 1 : 0),
  /** 1 for a map of one row: a sequence, for which runtimes lay out nothing in blocks. */
  line: (f) => (f.inHeight === 1 && f.inWidth > 1 ? 1 : 0),
  /** Groups of a convolution, each of which is a product of its own where no kernel takes them together. */
  groups: (f) => groupsOf(f),
  /** Elements of a convolution's windows inside the map, over all groups: what is copied before it is multiplied. */
  groupTapElements: (f) => insideWindow(f) * f.inChannels * groupsOf(f),
  /** Steps of a recurrent kernel, and the elements of all their passes; 0 for a kernel without steps. */
  steps: (f) => stepsOf(f)?.count ?? 0,
  stepElements: (f) => (stepsOf(f) === undefined ? 0 : f.kernelHeight * f.strideHeight * f.strideWidth),
  /** Gates of a recurrent kernel: products for each of its results; 0 for a kernel without steps. */
  gates: (f) => (stepsOf(f) === undefined ? 0 : Math.round((f.outChannels * f.kernelHeight) / f.outputs)),
  /** 1 for a norm of rows, 2 for that of the rows of a sum; 0 for other kernels. */
  rowNorm: (f) => (f.kind === 'custom' && stepsOf(f) === undefined ? f.kernelWidth - 1 : 0),
  outRowElements: (f) => f.outWidth * f.outChannels,
  windowElements: (f) => kernelArea(f) * f.inChannels,
} satisfies Record<string, (facts: KernelFacts) => number>

export type FeatureName = keyof typeof FEATURES
export const FEATURE_NAMES = Object.keys(FEATURES) as [FeatureName, ...FeatureName[]]
