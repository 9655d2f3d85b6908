import { UserError } from '../lib/errors.ts'
import { featureShape, sameShape, shapeText, sizeOf, windowOutput } from './shapes.ts'
import type { Op, OpKind, OpOf, Padding, Pair, Shape, WeightRole } from './types.ts'

/** A weight of one node, before the node's id is put in front of its role. */
export interface LocalWeight {
  readonly role: WeightRole
  readonly shape: readonly number[]
  readonly fanIn: number
}

/** All that the network layer knows about one kind. `inputs` are the shapes of the operands, in order. */
interface OpDefinition<K extends OpKind> {
  /** Number of operands, or the least number where any more are accepted. */
  readonly arity: number | { readonly atLeast: number }
  /** Output shape. @throws UserError saying what does not fit; `where` names the node. */
  readonly inferShape: (op: OpOf<K>, inputs: readonly Shape[], where: string) => Shape
  /** Multiply-accumulates that run for one sample. */
  readonly macs: (op: OpOf<K>, inputs: readonly Shape[], output: Shape) => number
  /** Weights of the node itself; experts' bodies are counted by `weightSpecs`. */
  readonly weights: (op: OpOf<K>, inputs: readonly Shape[]) => readonly LocalWeight[]
}

const noWeights = (): readonly LocalWeight[] => []
const noMacs = (): number => 0
const lastAxis = (shape: Shape): number => shape[shape.length - 1]!

function positiveInteger(value: number, what: string, where: string): void {
  if (!Number.isInteger(value) || value < 1 || value > 1 << 20) {
    throw new UserError(`${where} has ${what} ${value}; it must be a whole number from 1 to ${1 << 20}`)
  }
}

function windowShape(
  op: { kernel: Pair; stride: Pair; padding: Padding },
  input: Shape,
  channels: number,
  where: string,
): Shape {
  const { height, width } = featureShape(input, where)
  for (const length of op.kernel) positiveInteger(length, 'kernel size', where)
  for (const length of op.stride) positiveInteger(length, 'stride', where)
  const outHeight = windowOutput(height, op.kernel[0], op.stride[0], op.padding)
  const outWidth = windowOutput(width, op.kernel[1], op.stride[1], op.padding)
  if (outHeight < 1 || outWidth < 1) {
    throw new UserError(
      `${where} has a ${op.kernel.join('×')} window on a ${height}×${width} map without padding: nothing is left`,
    )
  }
  return [outHeight, outWidth, channels]
}

const biasWeight = (bias: boolean, length: number): readonly LocalWeight[] =>
  bias ? [{ role: 'bias', shape: [length], fanIn: 0 }] : []

function activation<
  K extends 'relu' | 'relu6' | 'hardSwish' | 'hardSigmoid' | 'sigmoid' | 'softmax',
>(): OpDefinition<K> {
  return { arity: 1, inferShape: (_op, inputs) => inputs[0]!, macs: noMacs, weights: noWeights }
}

function pool<K extends 'averagePool' | 'maxPool'>(): OpDefinition<K> {
  return {
    arity: 1,
    inferShape: (op, [input], where) =>
      windowShape(op as OpOf<'maxPool'>, input!, featureShape(input!, where).channels, where),
    macs: noMacs,
    weights: noWeights,
  }
}

export const OP_DEFINITIONS: { readonly [K in OpKind]: OpDefinition<K> } = {
  input: {
    arity: 0,
    inferShape: (op, _inputs, where) => {
      if (op.shape.length !== 1 && op.shape.length !== 3) {
        throw new UserError(`${where} has shape ${shapeText(op.shape)}; it must be height×width×channels or features`)
      }
      for (const length of op.shape) positiveInteger(length, 'a length of', where)
      return op.shape
    },
    macs: noMacs,
    weights: noWeights,
  },
  conv2d: {
    arity: 1,
    inferShape: (op, [input], where) => {
      positiveInteger(op.filters, 'filters', where)
      return windowShape(op, input!, op.filters, where)
    },
    macs: (op, [input], output) => sizeOf(output) * op.kernel[0] * op.kernel[1] * lastAxis(input!),
    weights: (op, [input]) => {
      const inChannels = lastAxis(input!)
      const fanIn = inChannels * op.kernel[0] * op.kernel[1]
      return [
        { role: 'kernel', shape: [op.filters, inChannels, ...op.kernel], fanIn },
        ...biasWeight(op.bias, op.filters),
      ]
    },
  },
  depthwiseConv2d: {
    arity: 1,
    inferShape: (op, [input], where) => windowShape(op, input!, featureShape(input!, where).channels, where),
    macs: (op, _inputs, output) => sizeOf(output) * op.kernel[0] * op.kernel[1],
    weights: (op, [input]) => {
      const channels = lastAxis(input!)
      const fanIn = op.kernel[0] * op.kernel[1]
      return [{ role: 'kernel', shape: [channels, 1, ...op.kernel], fanIn }, ...biasWeight(op.bias, channels)]
    },
  },
  dense: {
    arity: 1,
    inferShape: (op, [input], where) => {
      positiveInteger(op.units, 'units', where)
      if (input!.length !== 1)
        throw new UserError(`${where} needs a vector, not ${shapeText(input!)}: pool or reshape first`)
      return [op.units]
    },
    macs: (op, [input]) => op.units * input![0]!,
    weights: (op, [input]) => [
      { role: 'kernel', shape: [op.units, input![0]!], fanIn: input![0]! },
      ...biasWeight(op.bias, op.units),
    ],
  },
  batchNorm: {
    arity: 1,
    inferShape: (_op, [input], where) => {
      featureShape(input!, where)
      return input!
    },
    macs: noMacs,
    weights: (_op, [input]) =>
      (['gamma', 'beta', 'movingMean', 'movingVariance'] as const).map((role) => ({
        role,
        shape: [lastAxis(input!)],
        fanIn: 0,
      })),
  },
  relu: activation<'relu'>(),
  relu6: activation<'relu6'>(),
  hardSwish: activation<'hardSwish'>(),
  hardSigmoid: activation<'hardSigmoid'>(),
  sigmoid: activation<'sigmoid'>(),
  softmax: activation<'softmax'>(),
  add: {
    arity: { atLeast: 2 },
    inferShape: (_op, inputs, where) => {
      for (const shape of inputs) {
        if (!sameShape(shape, inputs[0]!)) {
          throw new UserError(`${where} adds ${inputs.map(shapeText).join(' and ')}; the shapes must be equal`)
        }
      }
      return inputs[0]!
    },
    macs: noMacs,
    weights: noWeights,
  },
  multiply: {
    arity: 2,
    inferShape: (_op, [a, b], where) => {
      const broadcast = a!.length === 3 && lastAxis(a!) === lastAxis(b!) && sizeOf(b!) === lastAxis(b!)
      if (!sameShape(a!, b!) && !broadcast) {
        throw new UserError(
          `${where} multiplies ${shapeText(a!)} by ${shapeText(b!)}; the second must be equal or one value a channel`,
        )
      }
      return a!
    },
    macs: noMacs,
    weights: noWeights,
  },
  concat: {
    arity: { atLeast: 2 },
    inferShape: (_op, inputs, where) => {
      const lead = inputs[0]!.slice(0, -1)
      for (const shape of inputs) {
        if (!sameShape(shape.slice(0, -1), lead)) {
          throw new UserError(
            `${where} joins ${inputs.map(shapeText).join(' and ')}; all but the channels must be equal`,
          )
        }
      }
      return [...lead, inputs.reduce((sum, shape) => sum + lastAxis(shape), 0)]
    },
    macs: noMacs,
    weights: noWeights,
  },
  averagePool: pool<'averagePool'>(),
  maxPool: pool<'maxPool'>(),
  globalAveragePool: {
    arity: 1,
    inferShape: (op, [input], where) => {
      const { channels } = featureShape(input!, where)
      return op.keepDims ? [1, 1, channels] : [channels]
    },
    macs: noMacs,
    weights: noWeights,
  },
  reshape: {
    arity: 1,
    inferShape: (op, [input], where) => {
      for (const length of op.shape) positiveInteger(length, 'a length of', where)
      if (op.shape.length !== 1 && op.shape.length !== 3) {
        throw new UserError(`${where} gives shape ${shapeText(op.shape)}; it must be height×width×channels or features`)
      }
      if (sizeOf(op.shape) !== sizeOf(input!)) {
        throw new UserError(
          `${where} turns ${shapeText(input!)} into ${shapeText(op.shape)}; the number of elements must stay`,
        )
      }
      return op.shape
    },
    macs: noMacs,
    weights: noWeights,
  },
  routedExperts: {
    arity: 2,
    inferShape: (op, [features, gates], where) => {
      positiveInteger(op.experts, 'experts', where)
      if (!Number.isInteger(op.topK) || op.topK < 1 || op.topK > op.experts) {
        throw new UserError(
          `${where} routes to ${op.topK} of ${op.experts} experts; topK must be from 1 to the number of experts`,
        )
      }
      if (gates!.length !== 1 || gates![0] !== op.experts) {
        throw new UserError(
          `${where} has gates of shape ${shapeText(gates!)}; it needs one for each of the ${op.experts} experts`,
        )
      }
      const entry = op.body.nodes.find((node) => node.op.kind === 'input')
      const exit = op.body.nodes.find((node) => node.id === op.body.output)
      if (entry === undefined || exit === undefined || !sameShape(entry.shape, features!)) {
        throw new UserError(
          `${where} feeds ${shapeText(features!)} to experts made for ${shapeText(entry?.shape ?? [])}`,
        )
      }
      return exit.shape
    },
    // Each expert that runs also weights its output by its gate: one multiply-accumulate an element.
    macs: (op, _inputs, output) => op.topK * (graphMacs(op.body.nodes) + sizeOf(output)),
    weights: noWeights,
  },
}

/** The definition of an op's kind, typed for use with that op. */
export const definitionOf = (op: Op): OpDefinition<OpKind> => OP_DEFINITIONS[op.kind] as OpDefinition<OpKind>

/** Multiply-accumulates of nodes in topological order, for one sample. */
export function graphMacs(nodes: readonly { id: string; op: Op; inputs: readonly string[]; shape: Shape }[]): number {
  const shapes = new Map(nodes.map((node) => [node.id, node.shape]))
  let total = 0
  for (const node of nodes) {
    total += definitionOf(node.op).macs(
      node.op as never,
      node.inputs.map((id) => shapes.get(id)!),
      node.shape,
    )
  }
  return total
}
