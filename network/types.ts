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
 *   largest gates run (ties: lower index first); their outputs are added, weighted by their gates renormalised to sum to 1.
 *   All experts share the structure `body` and own separate weights.
 */
export type Op =
  | { readonly kind: 'input'; readonly shape: Shape }
  | {
      readonly kind: 'conv2d'
      readonly filters: number
      readonly kernel: Pair
      readonly stride: Pair
      readonly padding: Padding
      readonly bias: boolean
    }
  | {
      readonly kind: 'depthwiseConv2d'
      readonly kernel: Pair
      readonly stride: Pair
      readonly padding: Padding
      readonly bias: boolean
    }
  | { readonly kind: 'dense'; readonly units: number; readonly bias: boolean }
  | { readonly kind: 'batchNorm'; readonly epsilon: number }
  | { readonly kind: ActivationKind }
  | { readonly kind: 'add' }
  | { readonly kind: 'multiply' }
  | { readonly kind: 'concat' }
  | {
      readonly kind: 'averagePool' | 'maxPool'
      readonly kernel: Pair
      readonly stride: Pair
      readonly padding: Padding
    }
  | { readonly kind: 'globalAveragePool'; readonly keepDims: boolean }
  | { readonly kind: 'reshape'; readonly shape: Shape }
  | { readonly kind: 'routedExperts'; readonly experts: number; readonly topK: number; readonly body: NetworkGraph }

export type OpKind = Op['kind']
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
}

/** What a weight is for; decides initialisation, weight decay and quantisation. */
export type WeightRole = 'kernel' | 'bias' | 'gamma' | 'beta' | 'movingMean' | 'movingVariance'

/**
 * One stored weight. Layouts: conv2d `[filters, inChannels, kh, kw]`, depthwise `[channels, 1, kh, kw]`,
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
