import type { ActivationKind, Padding, Pair, Shape } from '../../network/types.ts'

/** How an int8 tensor stands for real numbers: real = scale · (q − zeroPoint). Scales are float32 values, as files store them. */
export interface Quantisation {
  readonly scale: number
  /** −128 … 127 */
  readonly zeroPoint: number
}

/** A real factor in fixed point: multiplier · 2^(shift − 31), with 2^30 ≤ multiplier < 2^31, or 0. */
export interface Multiplier {
  readonly multiplier: number
  /** Positive: to the left. */
  readonly shift: number
}

/** Least and greatest int8 value that a kernel stores: its fused activation, or −128 and 127. */
export type Clamp = readonly [number, number]

export interface QuantisedTensor {
  /** Id of the node whose kernel writes it; unique in its graph. */
  readonly id: string
  /** As its kernel writes it; a kernel may read the same bytes under another shape (`inputShapes`). */
  readonly shape: Shape
  readonly quantisation: Quantisation
}

interface KernelBase {
  /** Id of the node in the network graph; unique in its graph. */
  readonly id: string
  /** Positions in the graph's tensors. */
  readonly inputs: readonly number[]
  readonly output: number
  readonly inputShapes: readonly Shape[]
  readonly outputShape: Shape
}

export interface Window {
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Padding
  /**
   * Rows above and columns left of the map that the first window covers. Those of TensorFlow's SAME, but for `valid` in
   * networks read from files, where a PAD before the kernel is part of it; what is below and to the right follows.
   */
  readonly padTop: number
  readonly padLeft: number
}

/** What sums of products have in common: weights, biases and the way back to int8. */
interface Weighted {
  /** Symmetric, −127 … 127, or −7 … 7 where they have 4 bits. */
  readonly weights: Int8Array
  /** Files store two weights of 4 bits in a byte. Left out: 8. */
  readonly weightBits?: 4
  /** real weight = weightScales[channel] · q; one value for all channels in dense kernels. */
  readonly weightScales: Float32Array
  /** One for each output channel, in units of input scale · weight scale. */
  readonly bias: Int32Array
  /** Input scale · weight scale ÷ output scale; as many as `weightScales`. */
  readonly multipliers: Int32Array
  readonly shifts: Int32Array
  readonly clamp: Clamp
  /** The activation behind `clamp`. */
  readonly activation: FusedActivation
}

export type FusedActivation = 'none' | 'relu' | 'relu6'

/** Weights `[filters, kernel height, kernel width, input channels]`, scales per filter. TFLite CONV_2D. */
export interface QuantisedConv extends KernelBase, Window, Weighted {
  readonly kind: 'conv2d'
}

/** Weights `[kernel height, kernel width, channels]`, scales per channel. TFLite DEPTHWISE_CONV_2D, multiplier 1. */
export interface QuantisedDepthwise extends KernelBase, Window, Weighted {
  readonly kind: 'depthwiseConv2d'
}

/** Weights `[units, features]`, one scale. TFLite FULLY_CONNECTED. */
export interface QuantisedDense extends KernelBase, Weighted {
  readonly kind: 'dense'
}

/** TFLite ADD: operands are shifted left by `leftShift`, scaled, added, scaled back. Two operands: longer sums are taken apart before. */
export interface QuantisedAdd extends KernelBase {
  readonly kind: 'add'
  readonly leftShift: number
  readonly operands: readonly Multiplier[]
  readonly result: Multiplier
  readonly clamp: Clamp
  readonly activation: FusedActivation
}

/** TFLite MUL. The second operand may hold one value a channel. */
export interface QuantisedMultiply extends KernelBase {
  readonly kind: 'multiply'
  readonly result: Multiplier
}

/** TFLite AVERAGE_POOL_2D and MAX_POOL_2D: input and output have one quantisation; padding does not count. */
export interface QuantisedPool extends KernelBase, Window {
  readonly kind: 'averagePool' | 'maxPool'
  readonly clamp: Clamp
  readonly activation: FusedActivation
}

/** TFLite MEAN over height and width: `result` times the sum of q − zero point; the count of pixels is in `result`. */
export interface QuantisedMean extends KernelBase {
  readonly kind: 'globalAveragePool'
  readonly result: Multiplier
}

/** A function of one value: out = table[q + 128]. */
export interface QuantisedLookup extends KernelBase {
  readonly kind: 'lookup'
  readonly activation: Exclude<ActivationKind, 'softmax'>
  readonly table: Int8Array
}

/** TFLite SOFTMAX over the last axis, in the fixed-point form of TFLM; output scale 1/256, zero point −128. */
export interface QuantisedSoftmax extends KernelBase {
  readonly kind: 'softmax'
  /** Scales a difference of two inputs to 5 integer and 26 fractional bits; its shift is to the left. */
  readonly difference: Multiplier
  /** Differences below this give 0. */
  readonly differenceMin: number
}

/** TFLite CONCATENATION along the last axis; operands of another quantisation pass through a table (QUANTIZE) first. */
export interface QuantisedConcat extends KernelBase {
  readonly kind: 'concat'
  readonly tables: readonly (Int8Array | undefined)[]
}

/**
 * The `topK` experts with the largest gates run (ties: lower index first) in that order. With g the gates' q − zero point,
 * and w = round(2^22 · g ÷ Σ g of the chosen) where several run or w = g where one runs, each adds
 * round(`share` · w · (q − zero point of its output)), cut off to the int8 of the output, to the output, which starts at its
 * zero point and saturates at each addition. Inputs: features, gates.
 */
export interface QuantisedExperts extends KernelBase {
  readonly kind: 'routedExperts'
  readonly topK: number
  readonly experts: readonly QuantisedExpert[]
}

/** All experts of a kernel have the same structure and shapes; weights and quantisations are their own. */
export interface QuantisedExpert {
  readonly graph: QuantisedGraph
  /** Scale of its output ÷ scale of the sum, times 2^−22 where several run, or the scale of the gates where one runs. */
  readonly share: Multiplier
}

export type QuantisedKernel =
  | QuantisedConv
  | QuantisedDepthwise
  | QuantisedDense
  | QuantisedAdd
  | QuantisedMultiply
  | QuantisedPool
  | QuantisedMean
  | QuantisedLookup
  | QuantisedSoftmax
  | QuantisedConcat
  | QuantisedExperts

export type QuantisedKind = QuantisedKernel['kind']
export type QuantisedOf<K extends QuantisedKind> = Extract<QuantisedKernel, { readonly kind: K }>

/**
 * Kernels in order of execution and the tensors they pass on. Feature maps are `[height, width, channels]`, row-major.
 * Kernels and tensors are those of `scheduleOf`: batch norm folded, relu and relu6 fused, reshapes gone.
 */
export interface QuantisedGraph {
  readonly tensors: readonly QuantisedTensor[]
  readonly kernels: readonly QuantisedKernel[]
  /** Positions in `tensors`. */
  readonly input: number
  readonly output: number
  /** What the network calls the shape of its output: a reshape may come last. */
  readonly outputShape: Shape
}

/** A network in int8. Its input is what the float network reads: normalised samples, quantised. */
export interface QuantisedNetwork extends QuantisedGraph {
  /** How a raw sample value becomes the real input: (raw − mean) ÷ standardDeviation, per channel. */
  readonly normalisation: { readonly mean: readonly number[]; readonly standardDeviation: readonly number[] }
  readonly calibration: CalibrationMethod
}

export type CalibrationMethod = 'minmax' | 'percentile'
