import { UserError } from '../lib/errors.ts'
import { IMPORTED_OP_DEFINITIONS } from './imported-op-kinds.ts'
import {
  biasWeight,
  checkAxis,
  lastAxis,
  MAX_RANK,
  noMacs,
  noWeights,
  type OpDefinition,
  positiveInteger,
} from './op-definition.ts'
import { featureShape, sameShape, shapeText, sizeOf, windowExtent, windowOutput } from './shapes.ts'
import type { ImportedKind, Op, OpKind, OpOf, Padding, Pair, Shape } from './types.ts'

const NO_GAPS: Pair = [1, 1]

function windowShape(
  op: { kernel: Pair; stride: Pair; padding: Padding; dilation?: Pair },
  input: Shape,
  channels: number,
  where: string,
): Shape {
  const { height, width } = featureShape(input, where)
  const dilation = op.dilation ?? NO_GAPS
  for (const length of op.kernel) positiveInteger(length, 'kernel size', where)
  for (const length of op.stride) positiveInteger(length, 'stride', where)
  for (const length of dilation) positiveInteger(length, 'dilation', where)
  const outHeight = windowOutput(height, windowExtent(op.kernel[0], dilation[0]), op.stride[0], op.padding)
  const outWidth = windowOutput(width, windowExtent(op.kernel[1], dilation[1]), op.stride[1], op.padding)
  if (outHeight < 1 || outWidth < 1) {
    throw new UserError(
      `${where} has a ${op.kernel.join('×')} window on a ${height}×${width} map without padding: nothing is left`,
    )
  }
  return [outHeight, outWidth, channels]
}

function checkGroups(groups: number, channels: number, filters: number, where: string): void {
  positiveInteger(groups, 'groups', where)
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw new UserError(
      `${where} has ${groups} groups for ${channels} channels and ${filters} filters; both must divide`,
    )
  }
}

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
      if (op.shape.length < 1 || op.shape.length > MAX_RANK) {
        throw new UserError(`${where} has shape ${shapeText(op.shape)}; it must have 1 to ${MAX_RANK} axes`)
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
      if (op.groups !== undefined) checkGroups(op.groups, lastAxis(input!), op.filters, where)
      return windowShape(op, input!, op.filters, where)
    },
    macs: (op, [input], output) => (sizeOf(output) * op.kernel[0] * op.kernel[1] * lastAxis(input!)) / (op.groups ?? 1),
    weights: (op, [input]) => {
      const inChannels = lastAxis(input!) / (op.groups ?? 1)
      const fanIn = inChannels * op.kernel[0] * op.kernel[1]
      return [
        { role: 'kernel', shape: [op.filters, inChannels, ...op.kernel], fanIn },
        ...biasWeight(op.bias, op.filters),
      ]
    },
  },
  depthwiseConv2d: {
    arity: 1,
    inferShape: (op, [input], where) => {
      if (op.multiplier !== undefined) positiveInteger(op.multiplier, 'multiplier', where)
      return windowShape(op, input!, featureShape(input!, where).channels * (op.multiplier ?? 1), where)
    },
    macs: (op, _inputs, output) => sizeOf(output) * op.kernel[0] * op.kernel[1],
    weights: (op, [input]) => {
      const channels = lastAxis(input!) * (op.multiplier ?? 1)
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
    inferShape: (_op, [input]) => input!,
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
    inferShape: (op, inputs, where) => {
      const axis = op.axis ?? inputs[0]!.length - 1
      checkAxis(axis, inputs[0]!, where)
      const others = (shape: Shape): Shape => shape.toSpliced(axis, 1, 1)
      for (const shape of inputs) {
        if (!sameShape(others(shape), others(inputs[0]!))) {
          const free = op.axis === undefined ? 'the channels' : `axis ${axis}`
          throw new UserError(`${where} joins ${inputs.map(shapeText).join(' and ')}; all but ${free} must be equal`)
        }
      }
      return inputs[0]!.with(
        axis,
        inputs.reduce((sum, shape) => sum + shape[axis]!, 0),
      )
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
      if (op.shape.length < 1 || op.shape.length > MAX_RANK) {
        throw new UserError(`${where} gives shape ${shapeText(op.shape)}; it must have 1 to ${MAX_RANK} axes`)
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
      if (exit?.op.kind === 'tuple') throw new UserError(`${where} has experts with several results; one is allowed`)
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
  ...IMPORTED_OP_DEFINITIONS,
}

/** Kinds that are priced but not trained. */
export const isImported = (kind: OpKind): kind is ImportedKind => Object.hasOwn(IMPORTED_OP_DEFINITIONS, kind)

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
