import type { NetworkGraph } from '../../network/types.ts'

export type ElementType =
  | 'float32'
  | 'float16'
  | 'float64'
  | 'int4'
  | 'uint4'
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'other'

/** How stored integers stand for real numbers: real = scale · (stored − zero point). */
export interface Quantisation {
  readonly type: ElementType
  /** One for the whole tensor, or one for each channel of `axis`. */
  readonly scales: readonly number[]
  readonly zeroPoints: readonly number[]
  /** Axis of the tensor as the file holds it; matters with several scales. */
  readonly axis: number
}

/** What a runtime computes in integers; everything else is float, and conversions between the two are kernels. */
export interface IntegerKernels {
  /** Whether there are kernels that compute in integers, and none whose sums are brought back by operators of their own. */
  readonly computes: boolean
  /** Ids of nodes. */
  readonly nodes: ReadonlySet<string>
  /** Ids of float products whose stored weights are integers: they are turned into real numbers in every inference. */
  readonly dequantised: ReadonlySet<string>
}

/** A network read from a model file, ready to be priced. */
export interface ImportedModel {
  readonly format: 'tflite' | 'onnx' | 'architecture'
  readonly graph: NetworkGraph
  /** Type of the weights of convolutions and dense layers. */
  readonly dataType: ElementType
  /** Quantisation of results by node id, and of weights by `<nodeId>/kernel`, where the file gives it. */
  readonly quantisation: ReadonlyMap<string, Quantisation>
  /** What computes in integers, where the file was read as a runtime executes it. */
  readonly integers?: IntegerKernels
  /** A mixture of experts of which the file computes every one, though its gates choose `topK`. */
  readonly routing?: { readonly experts: number; readonly topK: number }
}
