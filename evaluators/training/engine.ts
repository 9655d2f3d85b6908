import type { NetworkGraph, Weights } from '../../network/types.ts'

export const OPTIMISERS = ['sgd', 'adamw'] as const
export const FAKE_QUANTISATIONS = ['int8'] as const
export const AUGMENTATIONS = ['none', 'light'] as const

/** Learning from a teacher's answers beside the labels (Hinton et al. 2015). */
export interface Distillation {
  /** Which teacher: SHA-256 of its file. */
  readonly teacher: string
  /** α: share of the teacher's part in the loss, 0 < α ≤ 1. */
  readonly weight: number
  /** T: the answers of both are softened by it. */
  readonly temperature: number
}

/**
 * How a network is trained; part of every cache key, so plain data. Optional members are left out where they have the
 * usual value, so that a recipe has one spelling.
 */
export interface Recipe {
  /** SGD with momentum, or AdamW (Loshchilov and Hutter 2019). */
  readonly optimiser: (typeof OPTIMISERS)[number]
  readonly batchSize: number
  /** Peak of the cosine schedule. */
  readonly learningRate: number
  /** Share of the steps spent in a linear warm-up from 0. */
  readonly warmupFraction: number
  /** Of the gradients: SGD's momentum, AdamW's β₁. */
  readonly momentum: number
  /** AdamW's β₂, of the squared gradients; 0.999 where left out. SGD has none. */
  readonly squareMomentum?: number
  /** On kernels only (not on biases or batch norm): L2 for SGD, decoupled from the gradient for AdamW. */
  readonly weightDecay: number
  /** Gradients are scaled down to this Euclidean norm over all weights where it is larger; left out: never. */
  readonly clipNorm?: number
  /** Random changes of the training samples, chosen by the kind of data; none where left out. */
  readonly augmentation?: (typeof AUGMENTATIONS)[number]
  /** Mirrors half of the images left to right: right for photos, wrong for digits and letters. Never where left out. */
  readonly flip?: boolean
  readonly labelSmoothing: number
  /** running = momentum · running + (1 − momentum) · batch */
  readonly batchNormMomentum: number
  /**
   * The network computes with what int8 can hold while it is trained: kernels symmetric, one scale for each filter;
   * stored values (`storedNodes`) with one range each, a moving average over batches. Gradients pass straight through.
   */
  readonly fakeQuantise?: (typeof FAKE_QUANTISATIONS)[number]
  /**
   * Layers whose kernels hold 15 levels instead of 255 with fake quantisation, by the path of their node; the experts of a
   * mixture share one, as `<nodeId>/<bodyNodeId>`. None where left out. Goes with one network, so no recipe file has it.
   */
  readonly fourBitLayers?: readonly string[]
  /** The loss is (1 − α)·cross entropy + α·T²·KL(teacher ‖ network); left out: labels only. */
  readonly distillation?: Distillation
  /** Weight of the load-balancing loss of routed experts (Fedus et al. 2021, equation 4, for top-k). */
  readonly loadBalancing: number
}

export interface StepMetrics {
  /** Mean loss of the batch, label smoothing and load balancing included. NaN or infinite when training diverged. */
  readonly loss: number
  /** Samples whose largest logit is the label. */
  readonly correct: number
}

/**
 * A network compiled for one batch size. Weights and optimiser state live inside the runtime between steps.
 * Inputs are float32, normalised, `[batch, height, width, channels]` row-major whatever layout the engine uses inside.
 * The network ends in logits; if its last node is a softmax, training looks at what feeds it.
 */
export interface TrainingProgram {
  /** Wall-clock spent compiling. */
  readonly compileSeconds: number
  /**
   * One optimiser step on exactly `batchSize` samples.
   * @param teacherLogits `[batchSize, classes]`, with distillation only
   */
  step(
    inputs: Float32Array,
    labels: Int32Array,
    learningRate: number,
    teacherLogits?: Float32Array,
  ): Promise<StepMetrics>
  /** Forward only, with running statistics: logits `[count, classes]` row-major. Any count ≥ 1. */
  predict(inputs: Float32Array, count: number): Promise<Float32Array>
  /** Named as `weightSpecs` names them; copies. */
  readWeights(): Promise<Weights>
  /** All or some of the weights; the rest stay. Momentum of written weights is reset to 0. */
  writeWeights(weights: Weights): Promise<void>
  /**
   * What the program keeps between steps beside the weights: the optimiser's vectors as `<weight>#<number>`, in the
   * weight's layout, and with fake quantisation ranges as `<path>#range`; copies.
   */
  readOptimiser(): Promise<Weights>
  /** Puts back what `readOptimiser` gave, after `writeWeights`: training then goes on as if it had never stopped. */
  writeOptimiser(state: Weights): Promise<void>
  /** Frees native memory; the program cannot be used afterwards. */
  dispose(): Promise<void>
}

export interface TrainingEngine {
  readonly id: string
  /** Changes when results could: part of the cache key. */
  readonly version: string
  /** Initial weights come from `initialWeights(graph, stream)`; the caller writes them. */
  compile(graph: NetworkGraph, recipe: Recipe): Promise<TrainingProgram>
  /**
   * For so many networks that are trained at the same time on one thread: their steps run as one call of the runtime,
   * and each gets the bits that it would get alone. Left out by engines that cannot.
   */
  together?(networks: number): TrainingGroup
}

/** Networks whose steps run together. A step of one waits for those of all others that have not left. */
export interface TrainingGroup {
  /** As `compile` of the engine; a network of the group has one program at a time. */
  compile: TrainingEngine['compile']
  /** One of the networks makes no more steps, whatever the reason; to be called once for each. */
  leave(): Promise<void>
}
