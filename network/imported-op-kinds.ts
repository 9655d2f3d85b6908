import { UserError } from '../lib/errors.ts'
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
import { featureShape, shapeText, sizeOf } from './shapes.ts'
import type { ImportedKind, Shape } from './types.ts'

/** A long vector of results, or a flattened map. */
const MAX_LENGTH = 1 << 28

function checkShape(shape: Shape, where: string): Shape {
  if (shape.length < 1 || shape.length > MAX_RANK) {
    throw new UserError(`${where} gives shape ${shapeText(shape)}; it must have 1 to ${MAX_RANK} axes`)
  }
  for (const length of shape) positiveInteger(length, 'a length of', where, MAX_LENGTH)
  return shape
}

function checkCount(given: readonly unknown[], shape: Shape, what: string, where: string): void {
  if (given.length !== shape.length) {
    throw new UserError(`${where} has ${given.length} ${what} for ${shapeText(shape)}; it needs one for each axis`)
  }
}

const wholeAmount = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= MAX_LENGTH

/** Shape of operands that are repeated along axes of length 1, aligned at the last axis. */
export function broadcastShape(inputs: readonly Shape[], where: string): Shape {
  const rank = Math.max(...inputs.map((shape) => shape.length))
  const aligned = inputs.map((shape) => [...Array<number>(rank - shape.length).fill(1), ...shape])
  return Array.from({ length: rank }, (_, axis) => {
    const length = Math.max(...aligned.map((shape) => shape[axis]!))
    if (aligned.some((shape) => shape[axis] !== length && shape[axis] !== 1)) {
      throw new UserError(`${where} combines ${inputs.map(shapeText).join(' and ')}; axes must be equal or 1`)
    }
    return length
  })
}

type Definitions = { readonly [K in ImportedKind]: OpDefinition<K> }
const plain = { macs: noMacs, weights: noWeights } as const
const sameAsInput = { arity: 1, inferShape: (_op: unknown, inputs: readonly Shape[]) => inputs[0]!, ...plain } as const

/** The matrices that a `matmul` multiplies: rows × inner by inner × columns, as many as the leading axes hold. */
function matrices(op: { transposeA?: true; transposeB?: true }, [a, b]: readonly Shape[], where = 'matmul') {
  const asMatrix = (shape: Shape): Shape => (shape.length === 1 ? [1, ...shape] : shape)
  const [left, right] = [asMatrix(a!), asMatrix(b!)]
  const [rows, inner] = op.transposeA === true ? [left.at(-1)!, left.at(-2)!] : [left.at(-2)!, left.at(-1)!]
  const [height, columns] = op.transposeB === true ? [right.at(-1)!, right.at(-2)!] : [right.at(-2)!, right.at(-1)!]
  if (inner !== height) {
    throw new UserError(`${where} multiplies ${shapeText(a!)} by ${shapeText(b!)}; the inner lengths must be equal`)
  }
  return { lead: broadcastShape([left.slice(0, -2), right.slice(0, -2)], where), rows, inner, columns }
}

/** What the network layer knows about the kinds that only model files hold. */
export const IMPORTED_OP_DEFINITIONS: Definitions = {
  constant: {
    arity: 0,
    inferShape: (op, _inputs, where) => checkShape(op.shape, where),
    macs: noMacs,
    weights: (op) => [{ role: op.derived === true ? 'derived' : 'constant', shape: op.shape, fanIn: 0 }],
  },
  pad: {
    arity: 1,
    inferShape: (op, [input], where) => {
      checkCount(op.amounts, input!, 'pairs of amounts', where)
      return input!.map((length, axis) => {
        const [before, after] = op.amounts[axis]!
        if (!wholeAmount(before) || !wholeAmount(after)) {
          throw new UserError(`${where} pads by ${before} and ${after}; amounts are whole numbers from 0`)
        }
        return before + length + after
      })
    },
    ...plain,
  },
  transpose: {
    arity: 1,
    inferShape: (op, [input], where) => {
      checkCount(op.order, input!, 'axes', where)
      if (new Set(op.order).size !== op.order.length)
        throw new UserError(`${where} has order ${op.order.join(', ')}; each axis comes once`)
      return op.order.map((axis) => {
        checkAxis(axis, input!, where)
        return input![axis]!
      })
    },
    ...plain,
  },
  slice: {
    arity: 1,
    inferShape: (op, [input], where) => {
      for (const list of [op.begin, op.size, op.stride]) checkCount(list, input!, 'bounds', where)
      return input!.map((length, axis) => {
        const [begin, size, stride] = [op.begin[axis]!, op.size[axis]!, op.stride[axis]!]
        positiveInteger(size, 'a size of', where, MAX_LENGTH)
        positiveInteger(stride, 'a stride of', where, MAX_LENGTH)
        if (!wholeAmount(begin) || begin + (size - 1) * stride >= length) {
          throw new UserError(`${where} takes ${size} elements from ${begin} of an axis of ${length}`)
        }
        return size
      })
    },
    ...plain,
  },
  split: {
    arity: 1,
    inferShape: (op, [input], where) => {
      checkAxis(op.axis, input!, where)
      for (const size of op.sizes) positiveInteger(size, 'a part of', where, MAX_LENGTH)
      if (op.sizes.reduce((sum, size) => sum + size, 0) !== input![op.axis]) {
        throw new UserError(`${where} cuts ${op.sizes.join(' + ')} from an axis of ${input![op.axis]}`)
      }
      return [sizeOf(input!)]
    },
    ...plain,
  },
  view: {
    arity: 1,
    inferShape: (op, [input], where) => {
      checkShape(op.shape, where)
      if (!wholeAmount(op.offset) || op.offset + sizeOf(op.shape) > sizeOf(input!)) {
        throw new UserError(`${where} reads ${sizeOf(op.shape)} elements from ${op.offset} of ${sizeOf(input!)}`)
      }
      return op.shape
    },
    ...plain,
  },
  resize: {
    arity: 1,
    inferShape: (op, [input], where) => {
      positiveInteger(op.height, 'height', where)
      positiveInteger(op.width, 'width', where)
      return [op.height, op.width, featureShape(input!, where).channels]
    },
    ...plain,
  },
  transposeConv2d: {
    arity: 1,
    inferShape: (op, [input], where) => {
      featureShape(input!, where)
      positiveInteger(op.filters, 'filters', where)
      for (const length of [...op.kernel, ...op.stride]) positiveInteger(length, 'kernel size or stride', where)
      for (const length of op.outputSize) positiveInteger(length, 'output size', where)
      const { groups = 1 } = op
      positiveInteger(groups, 'groups', where)
      if (lastAxis(input!) % groups !== 0 || op.filters % groups !== 0) {
        throw new UserError(`${where} has ${groups} groups for ${lastAxis(input!)} channels and ${op.filters} filters`)
      }
      return [...op.outputSize, op.filters]
    },
    // Every input element is multiplied with every tap of every filter of its group once.
    macs: (op, [input]) => (sizeOf(input!) * op.kernel[0] * op.kernel[1] * op.filters) / (op.groups ?? 1),
    weights: (op, [input]) => [
      {
        role: 'kernel',
        shape: [op.filters, lastAxis(input!) / (op.groups ?? 1), ...op.kernel],
        fanIn: (lastAxis(input!) / (op.groups ?? 1)) * op.kernel[0] * op.kernel[1],
      },
      ...biasWeight(op.bias, op.filters),
    ],
  },
  matmul: {
    arity: 2,
    inferShape: (op, inputs, where) => {
      const { lead, rows, columns } = matrices(op, inputs, where)
      return [...lead, rows, columns]
    },
    macs: (op, inputs, output) => sizeOf(output) * matrices(op, inputs).inner,
    weights: noWeights,
  },
  elementwise: { arity: { atLeast: 1 }, inferShape: (_op, inputs, where) => broadcastShape(inputs, where), ...plain },
  unary: sameAsInput,
  leakyRelu: sameAsInput,
  prelu: { arity: 2, inferShape: (_op, inputs, where) => broadcastShape(inputs, where), ...plain },
  quantize: sameAsInput,
  dequantize: sameAsInput,
  reduce: {
    arity: 1,
    inferShape: (op, [input], where) => {
      for (const axis of op.axes) checkAxis(axis, input!, where)
      const reduced = input!.map((length, axis) => (op.axes.includes(axis) ? 1 : length))
      const kept = op.keepDims ? reduced : reduced.filter((_, axis) => !op.axes.includes(axis))
      return kept.length === 0 ? [1] : kept
    },
    ...plain,
  },
  rearrange: { arity: { atLeast: 1 }, inferShape: (op, _inputs, where) => checkShape(op.shape, where), ...plain },
  custom: {
    arity: { atLeast: 1 },
    inferShape: (op, _inputs, where) => checkShape(op.shape, where),
    macs: (op) => op.macs ?? 0,
    weights: noWeights,
  },
  tuple: {
    arity: { atLeast: 1 },
    inferShape: (_op, inputs) => [inputs.reduce((sum, shape) => sum + sizeOf(shape), 0)],
    ...plain,
  },
}
