import { FOUR_BIT_ENDS, INT4_MAX } from '../../../network/four-bits.ts'
import { sizeOf } from '../../../network/shapes.ts'
import type { RangeSource } from '../../../network/stored-values.ts'
import { LEAST_RANGE, LEAST_WEIGHT } from '../fake-quantisation.ts'
import type { OnnxEmitter, Value } from './emitter.ts'
import type { TrainingScope } from './training-scope.ts'

/** A value rounded to what int8 can hold, with what its gradient is multiplied by: 1 where it was not cut off, else 0. */
export interface FakeQuantised {
  readonly output: Value
  readonly passes: Value
}

/**
 * Kernels `[groups, ...shape]` rounded to symmetric int8: one scale for each filter, or for each whole dense kernel. The
 * gradient passes as if nothing had been rounded (straight-through, Bengio et al. 2013).
 */
export function fakeQuantiseKernels(emitter: OnnxEmitter, kernels: Value, shape: readonly number[]): Value {
  const first = shape.length === 2 ? 1 : 2
  const axes = Array.from({ length: shape.length + 1 - first }, (_, i) => BigInt(first + i))
  const largest = emitter.node('ReduceMax', [emitter.node('Abs', [kernels])], { attributes: { axes, keepdims: 1n } })
  const scale = emitter.node('Div', [emitter.node('Max', [largest, emitter.scalar(LEAST_WEIGHT)]), emitter.scalar(127)])
  const levels = emitter.node('Round', [emitter.node('Div', [kernels, scale])])
  return emitter.node('Mul', [levels, scale])
}

/**
 * The same with the 15 levels of 4 bits: of the ends that `FOUR_BIT_ENDS` names the one with the least squared error, of
 * equal ones the widest. Weights that are cut off have a gradient as well, so that they can come back.
 */
export function fakeQuantiseFourBits(emitter: OnnxEmitter, kernels: Value, shape: readonly number[]): Value {
  const node = (type: string, ...inputs: readonly Value[]): Value => emitter.node(type, inputs)
  const reduce = (type: string, x: Value, axis: bigint): Value =>
    emitter.node(type, [x], { attributes: { axes: [axis], keepdims: 1n } })
  const sum = (x: Value): Value => node('ReduceSum', x, emitter.integers([2]))
  const size = shape.length === 2 ? sizeOf(shape) : sizeOf(shape.slice(1))
  const weights = emitter.reshape(kernels, [-1, 1, size])
  const levelsOf = (scale: Value): Value =>
    emitter.node('Clip', [
      node('Round', node('Div', weights, scale)),
      emitter.scalar(-INT4_MAX),
      emitter.scalar(INT4_MAX),
    ])
  const largest = node('Max', reduce('ReduceMax', node('Abs', weights), 2n), emitter.scalar(LEAST_WEIGHT))
  const ends = FOUR_BIT_ENDS.map((share) => share / INT4_MAX)
  const scales = node('Mul', largest, emitter.floats(ends, [1, ends.length, 1]))
  const difference = node('Sub', weights, node('Mul', levelsOf(scales), scales))
  const errors = sum(node('Mul', difference, difference))
  const isBest = node('LessOrEqual', errors, reduce('ReduceMin', errors, 1n))
  const scale = reduce('ReduceMax', node('Where', isBest, scales, emitter.scalar(0)), 1n)
  const rounded = node('Mul', levelsOf(scale), scale)
  return emitter.reshape(rounded, [-1, ...shape])
}

/** Fake quantisation of a stored value, `[rows, batch·h·w]`; each group of rows has a range of its own. */
export function fakeQuantiseValue(
  scope: TrainingScope,
  stored: { readonly id: string; readonly source: RangeSource; readonly rows: number },
  x: Value,
): FakeQuantised {
  const { emitter, groups, ranges } = scope
  const { id, source, rows } = stored
  const node = (type: string, ...inputs: readonly Value[]): Value => emitter.node(type, inputs)
  const flat = emitter.reshape(x, [groups, -1])
  if (source === 'unit') {
    const levels = node('Round', node('Mul', flat, emitter.scalar(256)))
    const kept = node('Min', levels, emitter.scalar(255))
    return finish(scope, rows, levels, kept, node('Mul', kept, emitter.scalar(1 / 256)))
  }
  const extreme = (type: string): Value => emitter.node(type, [flat], { attributes: { axes: [1n], keepdims: 1n } })
  const seen = emitter.node('Concat', [extreme('ReduceMin'), extreme('ReduceMax'), emitter.filled(1, [groups, 1])], {
    attributes: { axis: 1n },
  })
  const names = scope.prefixes.map((prefix) => `${prefix}${id}`)
  const parts = [ranges!.blend(names, seen), emitter.integers([1, 1, 1])]
  const [sumLow, sumHigh, share] = emitter.nodes('Split', parts, 3, { attributes: { axis: 1n } }) as [
    Value,
    Value,
    Value,
  ]
  const low = node('Min', node('Div', sumLow, share), emitter.scalar(0))
  const high = node('Max', node('Div', sumHigh, share), node('Add', low, emitter.scalar(LEAST_RANGE)))
  const scale = node('Div', node('Sub', node('Max', high, emitter.scalar(0)), low), emitter.scalar(255))
  // Levels count from the lowest one: 0 … 255 stand for −128 … 127.
  const zero = node('Round', node('Div', node('Neg', low), scale))
  const levels = node('Add', node('Round', node('Div', flat, scale)), zero)
  const kept = emitter.node('Clip', [levels, emitter.scalar(0), emitter.scalar(255)])
  return finish(scope, rows, levels, kept, node('Mul', node('Sub', kept, zero), scale))
}

function finish(
  { emitter, lanes }: TrainingScope,
  rows: number,
  levels: Value,
  kept: Value,
  output: Value,
): FakeQuantised {
  const inside = emitter.node('Cast', [emitter.node('Equal', [levels, kept])], { attributes: { to: 1n } })
  return { output: lanes.rows(output, rows), passes: lanes.rows(inside, rows) }
}
