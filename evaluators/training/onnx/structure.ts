import { sameShape, sizeOf } from '../../../network/shapes.ts'
import type { Shape } from '../../../network/types.ts'
import type { BatchLanes } from './batch-lanes.ts'
import type { Value } from './emitter.ts'
import { channelsOf, pixelsOf, type TrainingRule, type TrainingScope } from './training-scope.ts'

/** The batch as it comes, `[batch, ...shape]` row-major, in the layout of the step. */
export function toLanes(lanes: BatchLanes, batch: Value, shape: Shape): Value {
  const { emitter } = lanes
  const channels = channelsOf(shape)
  const maps = emitter.reshape(batch, [lanes.blocks, lanes.lanes, pixelsOf(shape), channels])
  return lanes.rows(emitter.transpose(maps, [3, 0, 2, 1]), channels)
}

const add: TrainingRule<'add'> = ({ emitter }, { inputs, needed }) => ({
  output: inputs.slice(1).reduce((sum, x) => emitter.node('Add', [sum, x]), inputs[0]!),
  pullback: (dy) => needed.map((need) => (need ? dy : undefined)),
})

const multiply: TrainingRule<'multiply'> = ({ emitter, lanes, groups }, { inputs, inputShapes, shape, needed }) => {
  const [a, b] = inputs as readonly [Value, Value]
  const channels = groups * channelsOf(shape)
  const pixels = pixelsOf(shape)
  const alike = sameShape(inputShapes[0]!, inputShapes[1]!) || pixels === 1
  const times = (x: Value, scale: Value): Value =>
    alike ? emitter.node('Mul', [x, scale]) : lanes.scaleSamples(x, scale, channels, pixels)
  return {
    output: times(a, b),
    pullback: (dy) => [
      needed[0] ? times(dy, b) : undefined,
      needed[1] ? (alike ? emitter.node('Mul', [dy, a]) : lanes.dotSamples(a, dy, channels, pixels)) : undefined,
    ],
  }
}

const concat: TrainingRule<'concat'> = ({ emitter, groups }, { inputs, inputShapes, shape, needed }) => {
  const widths = inputShapes.map(channelsOf)
  const split = inputs.map((x, index) => emitter.reshape(x, [groups, widths[index]!, -1]))
  const joined = emitter.node('Concat', split, { attributes: { axis: 1n } })
  return {
    output: emitter.reshape(joined, [groups * channelsOf(shape), -1]),
    pullback: (dy) => {
      const parts = emitter.nodes(
        'Split',
        [emitter.reshape(dy, [groups, channelsOf(shape), -1]), emitter.integers(widths)],
        widths.length,
        { attributes: { axis: 1n } },
      )
      return parts.map((part, index) =>
        needed[index] ? emitter.reshape(part, [groups * widths[index]!, -1]) : undefined,
      )
    },
  }
}

/** Rearranges each sample's elements from one shape to another, both row-major with the channels last. */
function rearrange({ emitter, lanes, groups }: TrainingScope, x: Value, from: Shape, to: Shape): Value {
  const { blocks, lanes: width } = lanes
  let value = x
  if (pixelsOf(from) > 1) {
    const maps = emitter.reshape(value, [groups, channelsOf(from), blocks, pixelsOf(from), width])
    value = emitter.transpose(maps, [0, 3, 1, 2, 4])
  }
  if (pixelsOf(to) > 1) {
    const maps = emitter.reshape(value, [groups, pixelsOf(to), channelsOf(to), blocks, width])
    value = emitter.transpose(maps, [0, 2, 3, 1, 4])
  }
  return lanes.rows(value, groups * channelsOf(to))
}

const reshape: TrainingRule<'reshape'> = (scope, { inputs, inputShapes, shape }) => {
  const from = inputShapes[0]!
  const unchanged = pixelsOf(from) === 1 && pixelsOf(shape) === 1 && sizeOf(from) === sizeOf(shape)
  const turn = (x: Value, a: Shape, b: Shape): Value =>
    sameShape(a, b) || (unchanged && channelsOf(a) === channelsOf(b)) ? x : rearrange(scope, x, a, b)
  return { output: turn(inputs[0]!, from, shape), pullback: (dy) => [turn(dy, shape, from)] }
}

export const STRUCTURE_RULES = { add, multiply, concat, reshape }
