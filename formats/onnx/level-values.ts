import { sizeOf } from '../../network/shapes.ts'
import type { IntegerKernels } from '../import/imported-model.ts'
import type { OnnxFileNode } from './read-onnx.ts'
import type { StoredTensor } from './read-tensor.ts'

const set = (names: string): ReadonlySet<string> => new Set(names.split(' '))
/** Operators that work on integers that stand for real numbers, and on bytes that they only move. */
const ON_LEVELS = /^(QLinear|QGemm$|QAttention$|Nhwc)/
const CONVERTING = set('QuantizeLinear DequantizeLinear')
const MOVING = set(
  'MaxPool Concat Transpose Reshape Split Slice Gather Squeeze Unsqueeze Flatten Identity Resize Pad DepthToSpace SpaceToDepth Expand Tile',
)

/** Which values of a network are integers that stand for real numbers, and which of its nodes compute with them. */
export class LevelValues implements IntegerKernels {
  readonly nodes = new Set<string>()
  computes = false
  dequantisedWeights = 0
  readonly #names = new Set<string>()

  /** A node of the file became nodes of the network. */
  add({ opType, inputs, outputs }: OnnxFileNode, ids: readonly string[]): void {
    const computes = ON_LEVELS.test(opType)
    const moves = MOVING.has(opType) && this.#names.has(inputs[0] ?? '')
    this.computes ||= computes
    if (computes || moves || opType === 'QuantizeLinear') for (const name of outputs) this.#names.add(name)
    if (computes || moves || CONVERTING.has(opType)) for (const id of ids) this.nodes.add(id)
  }

  /** A node of the file that reads stored values only; the runtime does not compute a DequantizeLinear once and for all. */
  addStored({ opType }: OnnxFileNode, [weights]: readonly StoredTensor[]): void {
    if (opType === 'DequantizeLinear' && weights !== undefined) this.dequantisedWeights += sizeOf(weights.dims)
  }
}
