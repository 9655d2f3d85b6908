/** Shape of one sample, without the batch: `[height, width, channels]` for a feature map, `[features]` for a vector. */
export type Shape = readonly number[]

export type Padding = 'same' | 'valid'
/** `[height, width]` */
export type Pair = readonly [number, number]

export type ActivationKind = 'relu' | 'relu6' | 'hardSwish' | 'hardSigmoid' | 'sigmoid' | 'softmax'
export const ACTIVATION_KINDS: readonly ActivationKind[] = [
  'relu',
  'relu6',
  'hardSwish',
  'hardSigmoid',
  'sigmoid',
  'softmax',
]

export const ELEMENTWISE_OPERATIONS = [
  'add',
  'subtract',
  'multiply',
  'divide',
  'maximum',
  'minimum',
  'power',
  'squaredDifference',
  'compare',
  'select',
  'other',
] as const
export const UNARY_FUNCTIONS = [
  'tanh',
  'exp',
  'log',
  'sqrt',
  'rsqrt',
  'square',
  'abs',
  'negate',
  'clip',
  'gelu',
  'elu',
  'softplus',
  'swish',
  'round',
  'other',
] as const
export const REDUCE_OPERATIONS = ['mean', 'sum', 'product', 'max', 'min', 'argMax', 'norm'] as const
export const REARRANGE_OPERATIONS = ['copy', 'tile', 'gather', 'scatter', 'blocks', 'reverse', 'cast'] as const

/**
 * Every operation a network may hold. The union is closed: each consumer dispatches through a
 * `Record<OpKind, …>`, so that the compiler lists what a new kind needs.
 *
 * - `same` padding is TensorFlow's: output = ceil(input / stride), the odd pixel is added at the bottom and right.
 * - `hardSigmoid` is relu6(x + 3) / 6 and `hardSwish` is x · hardSigmoid(x) (MobileNetV3). `softmax` runs over the last axis.
 * - `batchNorm` normalises each channel with batch statistics in training and running ones afterwards.
 * - `multiply` accepts a second operand `[1, 1, c]` (or `[c]`) beside `[h, w, c]`: squeeze-and-excite.
 * - `reshape` keeps the row-major order of `[h, w, c]`.
 * - `routedExperts` has two inputs: features, and gates `[experts]` (a softmax). For each sample the `topK` experts with the
 *   largest gates run (ties: lower index first); their outputs are added, weighted by their gates: renormalised to sum to 1
 *   where several run (Lepikhin et al. 2021), as it is where one runs (Fedus et al. 2021), or its router could not learn.
 *   All experts share the structure `body` and own separate weights.
 * - Optional fields are left out where they have the usual value (no dilation, one group, one filter per channel, the last
 *   axis), so that a structure has one spelling and one `archId`.
 *
 * The kinds of `ImportedOp` occur only in networks read from model files.
 */
export type Op =
  /** `elementBytes` only where the elements are wider than those of the network, as the float input of an int8 network. */
  | { readonly kind: 'input'; readonly shape: Shape; readonly elementBytes?: number }
  | {
      readonly kind: 'conv2d'
      readonly filters: number
      readonly kernel: Pair
      readonly stride: Pair
      readonly padding: Padding
      readonly bias: boolean
      readonly dilation?: Pair
      /** Each group of input channels feeds an equal share of the filters. */
      readonly groups?: number
    }
  | {
      readonly kind: 'depthwiseConv2d'
      readonly kernel: Pair
      readonly stride: Pair
      readonly padding: Padding
      readonly bias: boolean
      readonly dilation?: Pair
      /** Filters for each input channel. */
      readonly multiplier?: number
    }
  | { readonly kind: 'dense'; readonly units: number; readonly bias: boolean }
  | { readonly kind: 'batchNorm'; readonly epsilon: number }
  | { readonly kind: ActivationKind }
  | { readonly kind: 'add' }
  | { readonly kind: 'multiply' }
  | { readonly kind: 'concat'; readonly axis?: number }
  | {
      readonly kind: 'averagePool' | 'maxPool'
      readonly kernel: Pair
      readonly stride: Pair
      readonly padding: Padding
    }
  | { readonly kind: 'globalAveragePool'; readonly keepDims: boolean }
  | { readonly kind: 'reshape'; readonly shape: Shape }
  | { readonly kind: 'routedExperts'; readonly experts: number; readonly topK: number; readonly body: NetworkGraph }
  | ImportedOp

/**
 * Operations that model files hold and no search space makes: they are priced and not trained. Axes count from 0 over
 * the shape of one sample.
 *
 * - `constant` is a stored tensor (an operand that is no weight of its reader). It lies in flash and costs no time itself.
 * - `pad` adds `[before, after]` to each axis. `slice` takes `size` elements from `begin`, `stride` apart, of each axis.
 * - `split` lays the parts of an axis one after the other into one vector; a `view` names a part of such a vector, from
 *   element `offset`, and costs nothing.
 * - `elementwise` and `prelu` repeat operands of length 1 along an axis, shapes aligned at the last one, as NumPy does.
 * - `matmul` multiplies the matrices of the last two axes.
 * - `rearrange` moves elements without computing; `custom` is anything else, known by its name and the shape it gives;
 *   `macs` are those of all its steps.
 * - `tuple` closes a network with several results; its operands are the results.
 */
export type ImportedOp =
  /** `derived` where it follows from shapes or other stored values: it is no parameter. */
  | { readonly kind: 'constant'; readonly shape: Shape; readonly derived?: true }
  | { readonly kind: 'pad'; readonly amounts: readonly Pair[] }
  | { readonly kind: 'transpose'; readonly order: readonly number[] }
  | {
      readonly kind: 'slice'
      readonly begin: readonly number[]
      readonly size: readonly number[]
      readonly stride: readonly number[]
    }
  | { readonly kind: 'split'; readonly axis: number; readonly sizes: readonly number[] }
  | { readonly kind: 'view'; readonly offset: number; readonly shape: Shape }
  | {
      readonly kind: 'resize'
      readonly height: number
      readonly width: number
      readonly mode: 'nearest' | 'bilinear'
    }
  | {
      readonly kind: 'transposeConv2d'
      readonly filters: number
      readonly kernel: Pair
      readonly stride: Pair
      /** Height and width of the result; stride and padding leave it open. */
      readonly outputSize: Pair
      readonly bias: boolean
      /** As for `conv2d`. */
      readonly groups?: number
    }
  | { readonly kind: 'matmul'; readonly transposeA?: true; readonly transposeB?: true }
  | { readonly kind: 'elementwise'; readonly operation: (typeof ELEMENTWISE_OPERATIONS)[number] }
  | { readonly kind: 'unary'; readonly function: (typeof UNARY_FUNCTIONS)[number] }
  | { readonly kind: 'leakyRelu'; readonly alpha: number }
  | { readonly kind: 'prelu' | 'quantize' | 'dequantize' | 'tuple' }
  | {
      readonly kind: 'reduce'
      readonly operation: (typeof REDUCE_OPERATIONS)[number]
      readonly axes: readonly number[]
      readonly keepDims: boolean
    }
  | { readonly kind: 'rearrange'; readonly operation: (typeof REARRANGE_OPERATIONS)[number]; readonly shape: Shape }
  | {
      readonly kind: 'custom'
      readonly name: string
      readonly shape: Shape
      readonly macs?: number
      readonly steps?: Steps
    }

/** Steps of a recurrent kernel: each needs the one before it, so that none of them can start earlier. */
export interface Steps {
  readonly count: number
  /** Products of a matrix and a vector in each step, and the results of one of them. */
  readonly products: number
  readonly width: number
  /** Passes over elements in each step, as its activations are, and the elements of one of them. */
  readonly passes: number
  readonly elements: number
}

export type ImportedKind = ImportedOp['kind']

export type OpKind = Op['kind']
/** The kinds that the training engines know. */
export type TrainableKind = Exclude<OpKind, ImportedKind>
export type OpOf<K extends OpKind> = Extract<Op, { readonly kind: K }>

/** One operation with its inputs and the shape it gives. */
export interface NetworkNode {
  readonly id: string
  readonly op: Op
  readonly inputs: readonly string[]
  readonly shape: Shape
}

/**
 * A validated network: nodes in topological order, every shape inferred, nothing unreachable from the output.
 * It is plain data (JSON) and the only description that pricing, training and export read.
 */
export interface NetworkGraph {
  readonly nodes: readonly NetworkNode[]
  readonly output: string
  /** Bits of entropy that one stored kernel weight holds, by node id, where the network was read together with its weights. */
  readonly weightBits?: Readonly<Record<string, number>>
}

/** What a weight is for; decides initialisation, weight decay and quantisation. */
export type WeightRole = 'kernel' | 'bias' | 'gamma' | 'beta' | 'movingMean' | 'movingVariance' | 'constant' | 'derived'

/**
 * One stored weight. Layouts: conv2d `[filters, inChannels ÷ groups, kh, kw]`, depthwise `[channels, 1, kh, kw]`,
 * dense `[units, features]`, the rest `[channels]`.
 */
export interface WeightSpec {
  /** `<nodeId>/<role>`; inside experts `<nodeId>/<expert>/<bodyNodeId>/<role>`. */
  readonly name: string
  readonly role: WeightRole
  readonly shape: readonly number[]
  /** Inputs that feed one output: the fan-in of He initialisation. 0 for everything but kernels. */
  readonly fanIn: number
}

/** Plain named weights, as every engine reads and writes them. */
export type Weights = ReadonlyMap<string, Float32Array>
