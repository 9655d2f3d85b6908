import type { NetworkImport } from '../import/network-import.ts'
import type { LaidOut } from './layout.ts'
import type { OnnxFileNode } from './read-onnx.ts'
import type { StoredTensor } from './read-tensor.ts'

/** What a rule knows of its node. Operands are numbered as ONNX numbers them. */
export interface NodeInput {
  readonly network: NetworkImport
  readonly node: OnnxFileNode
  readonly has: (operand: number) => boolean
  readonly isComputed: (operand: number) => boolean
  /** @throws UserError when the operand is missing. A stored one becomes a constant. */
  readonly value: (operand: number) => LaidOut
  /** The stored operand; undefined when it is computed or left out. */
  readonly stored: (operand: number) => StoredTensor | undefined
  /** ONNX dimensions of an operand. */
  readonly dims: (operand: number) => readonly number[]
  readonly integer: (attribute: string, otherwise: number) => number
  /** The result is added to a bias in the next node, which is skipped. */
  readonly biasFollows: boolean
  /** Dimensions of a result where the file states them. */
  readonly stated: (result: number) => readonly number[] | undefined
}

/** Returns the results of a node. */
export type NodeRule = (input: NodeInput) => readonly LaidOut[]
