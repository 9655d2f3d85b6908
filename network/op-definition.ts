import { UserError } from '../lib/errors.ts'
import { shapeText } from './shapes.ts'
import type { OpKind, OpOf, Shape, WeightRole } from './types.ts'

/** A weight of one node, before the node's id is put in front of its role. */
export interface LocalWeight {
  readonly role: WeightRole
  readonly shape: readonly number[]
  readonly fanIn: number
}

/** All that the network layer knows about one kind. `inputs` are the shapes of the operands, in order. */
export interface OpDefinition<K extends OpKind> {
  /** Number of operands, or the least number where any more are accepted. */
  readonly arity: number | { readonly atLeast: number }
  /** Output shape. @throws UserError saying what does not fit; `where` names the node. */
  readonly inferShape: (op: OpOf<K>, inputs: readonly Shape[], where: string) => Shape
  /** Multiply-accumulates that run for one sample. */
  readonly macs: (op: OpOf<K>, inputs: readonly Shape[], output: Shape) => number
  /** Weights of the node itself; experts' bodies are counted by `weightSpecs`. */
  readonly weights: (op: OpOf<K>, inputs: readonly Shape[]) => readonly LocalWeight[]
}

/** Axes of a shape at most; model files have up to six beside the batch. */
export const MAX_RANK = 7
const MAX_LENGTH = 1 << 20

const NO_WEIGHTS: readonly LocalWeight[] = []
export const noWeights = (): readonly LocalWeight[] => NO_WEIGHTS
export const noMacs = (): number => 0
export const lastAxis = (shape: Shape): number => shape[shape.length - 1]!

/** @throws UserError naming the node. */
export function positiveInteger(value: number, what: string, where: string, most = MAX_LENGTH): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new UserError(`${where} has ${what} ${value}; it must be a whole number from 1 to ${most}`)
  }
}

/** @throws UserError naming the node and the shape that has no such axis. */
export function checkAxis(axis: number, shape: Shape, where: string): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    throw new UserError(`${where} works on axis ${axis}, which ${shapeText(shape)} does not have`)
  }
}

export const biasWeight = (bias: boolean, length: number): readonly LocalWeight[] =>
  bias ? [{ role: 'bias', shape: [length], fanIn: 0 }] : []
