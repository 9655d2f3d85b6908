import type { ActivationKind } from '../../../network/types.ts'
import type { OnnxEmitter, Value } from './emitter.ts'
import { channelsOf, type TrainingRule } from './training-scope.ts'

/** A slope so steep that HardSigmoid becomes a step; a power of two, so that the edges are met exactly. */
const STEEP = 2 ** 100

/** 1 where y > 0, else 0. HardSigmoid is the only vectorised kernel that gives a mask as numbers in one pass. */
export const positiveMask = (emitter: OnnxEmitter, y: Value): Value =>
  emitter.node('HardSigmoid', [y], { attributes: { alpha: STEEP, beta: 0 } })

/** 1 where low < y < high, else 0. */
export function insideMask(emitter: OnnxEmitter, y: Value, low: number, high: number): Value {
  const distance = emitter.node('Abs', [emitter.node('Sub', [y, emitter.scalar((low + high) / 2)])])
  return emitter.node('HardSigmoid', [distance], { attributes: { alpha: -STEEP, beta: (STEEP * (high - low)) / 2 } })
}

const hardSigmoid = (emitter: OnnxEmitter, x: Value): Value =>
  emitter.node('HardSigmoid', [x], { attributes: { alpha: 1 / 6, beta: 0.5 } })

/** A rule from the forward node and the derivative, both element by element. */
function elementwise<K extends ActivationKind>(
  forward: (emitter: OnnxEmitter, x: Value) => Value,
  derivative: (emitter: OnnxEmitter, x: Value, y: Value) => Value,
): TrainingRule<K> {
  return ({ emitter }, { inputs: [x] }) => {
    const y = forward(emitter, x!)
    return { output: y, pullback: (dy) => [emitter.node('Mul', [dy, derivative(emitter, x!, y)])] }
  }
}

const softmax: TrainingRule<'softmax'> = ({ emitter, groups }, { inputs: [x], shape }) => {
  const rows = groups * channelsOf(shape)
  const split = emitter.reshape(x!, [groups, channelsOf(shape), -1])
  const y = emitter.node('Softmax', [split], { attributes: { axis: 1n } })
  return {
    output: emitter.reshape(y, [rows, -1]),
    pullback: (dy) => {
      const gradient = emitter.reshape(dy, [groups, channelsOf(shape), -1])
      const weighted = emitter.node('Mul', [gradient, y])
      const total = emitter.node('ReduceSum', [weighted, emitter.integers([1])])
      const dx = emitter.node('Sub', [weighted, emitter.node('Mul', [y, total])])
      return [emitter.reshape(dx, [rows, -1])]
    },
  }
}

export const ACTIVATION_RULES: { readonly [K in ActivationKind]: TrainingRule<K> } = {
  relu: elementwise(
    (emitter, x) => emitter.node('Relu', [x]),
    (emitter, _x, y) => positiveMask(emitter, y),
  ),
  relu6: elementwise(
    (emitter, x) => emitter.node('Clip', [x, emitter.scalar(0), emitter.scalar(6)]),
    (emitter, _x, y) => insideMask(emitter, y, 0, 6),
  ),
  hardSigmoid: elementwise(hardSigmoid, (emitter, _x, y) =>
    emitter.node('Mul', [insideMask(emitter, y, 0, 1), emitter.scalar(1 / 6)]),
  ),
  hardSwish: ({ emitter }, { inputs: [x] }) => {
    const gate = hardSigmoid(emitter, x!)
    return {
      output: emitter.node('Mul', [x!, gate]),
      pullback: (dy) => {
        const ramp = emitter.node('Mul', [x!, insideMask(emitter, gate, 0, 1)])
        const slope = emitter.node('Add', [gate, emitter.node('Mul', [ramp, emitter.scalar(1 / 6)])])
        return [emitter.node('Mul', [dy, slope])]
      },
    }
  },
  sigmoid: elementwise(
    (emitter, x) => emitter.node('Sigmoid', [x]),
    (emitter, _x, y) => emitter.node('Mul', [y, emitter.node('Sub', [emitter.scalar(1), y])]),
  ),
  softmax,
}
