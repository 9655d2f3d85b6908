import type { IntegerKernels } from '../import/imported-model.ts'
import type { OnnxFileNode } from './read-onnx.ts'

const set = (names: string): ReadonlySet<string> => new Set(names.split(' '))
/** Operators that work on integers that stand for real numbers, and on bytes that they only move. */
const ON_LEVELS = /^(QLinear|QGemm$|QAttention$|Nhwc|DynamicQuantizeMatMul$)/
/** Products of integers that leave the rest to operators after them, each a pass over wide integers: nobody measured those. */
const LOOSE = set('ConvInteger MatMulInteger')
const CONVERTING = set('QuantizeLinear DequantizeLinear')
const SHAPING = set('Transpose Reshape Squeeze Unsqueeze Identity')
const MOVING = set(
  'MaxPool Concat Transpose Reshape Split Slice Gather Squeeze Unsqueeze Flatten Identity Resize Pad DepthToSpace SpaceToDepth Expand Tile',
)

/** Which values of a network are integers that stand for real numbers, and which of its nodes compute with them. */
export class LevelValues implements IntegerKernels {
  readonly nodes = new Set<string>()
  #computes = false
  #loose = false
  readonly dequantised = new Set<string>()
  readonly #names = new Set<string>()
  /** Stored integers that a node has turned into real numbers. */
  readonly #real = new Set<string>()

  get computes(): boolean {
    return this.#computes && !this.#loose
  }

  /** A node of the file became nodes of the network. */
  add({ opType, inputs, outputs }: OnnxFileNode, ids: readonly string[]): void {
    const computes = ON_LEVELS.test(opType)
    const moves = MOVING.has(opType) && this.#names.has(inputs[0] ?? '')
    this.#computes ||= computes
    this.#loose ||= LOOSE.has(opType)
    if ((computes && opType !== 'DynamicQuantizeMatMul') || moves || opType === 'QuantizeLinear')
      for (const name of outputs) this.#names.add(name)
    if (computes || moves || CONVERTING.has(opType)) for (const id of ids) this.nodes.add(id)
    if (this.#real.has(inputs[1] ?? '')) for (const id of ids) this.dequantised.add(id)
  }

  /** A node of the file that reads stored values only; the runtime does not compute a DequantizeLinear once and for all. */
  addStored({ opType, inputs, outputs }: OnnxFileNode): void {
    const passes = SHAPING.has(opType) && this.#real.has(inputs[0] ?? '')
    if (opType === 'DequantizeLinear' || passes) for (const name of outputs) this.#real.add(name)
  }
}
