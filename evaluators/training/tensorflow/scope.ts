import type { Tensor } from '@tensorflow/tfjs-core'
import type { RangeSource } from '../../../network/stored-values.ts'
import type { NetworkGraph, OpKind, OpOf, Shape, WeightRole } from '../../../network/types.ts'

/** TensorFlow.js as the rules use it: the same functions whichever backend computes them. */
export type Tensorflow = typeof import('@tensorflow/tfjs-core')

/** What a pass does where int8 would round. */
export interface FakeQuantisation {
  /** `name`: full name of the kernel. */
  kernel(name: string, kernel: Tensor, depthwise: boolean): Tensor
  /** `path`: full name of the node whose value is stored. */
  value(path: string, value: Tensor, source: RangeSource): Tensor
}

/** What one pass over a batch reads and reports. */
export interface Pass {
  readonly tf: Tensorflow
  /** A weight by its full name, in TensorFlow's layout. */
  readonly weight: (name: string) => Tensor
  readonly fakeQuantisation?: FakeQuantisation
  /** Only in training: where batch statistics and side losses go. Without it batch norm uses its running statistics. */
  readonly training?: {
    reportStatistic(name: string, value: Tensor): void
    /** A scalar term of the loss, already weighted. */
    addLoss(term: Tensor): void
    /** Weight of the load-balancing loss. */
    readonly loadBalancing: number
  }
}

/** One node as a rule sees it. Tensors are `[batch, height, width, channels]` or `[batch, features]`. */
export interface NodeInput<K extends OpKind> {
  /** Full name of the node, those of the experts around it included. */
  readonly path: string
  readonly op: OpOf<K>
  readonly inputs: readonly Tensor[]
  readonly inputShapes: readonly Shape[]
  readonly shape: Shape
  readonly weight: (role: WeightRole) => Tensor
  /** Runs the body of one expert. */
  readonly body: (network: NetworkGraph, expert: number, features: Tensor) => Tensor
}

export type TensorflowRule<K extends OpKind> = (pass: Pass, node: NodeInput<K>) => Tensor
