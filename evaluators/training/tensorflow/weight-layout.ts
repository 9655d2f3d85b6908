import { sizeOf } from '../../../network/shapes.ts'
import type { WeightSpec } from '../../../network/types.ts'

/** How the axes of a stored weight stand in TensorFlow: axis i there is axis `order[i]` here. */
interface WeightOrder {
  readonly shape: readonly number[]
  readonly order: readonly number[]
}

/**
 * TensorFlow's place for a weight: kernels `[filters, channels, kh, kw]` become `[kh, kw, channels, filters]`, depthwise
 * ones `[channels, 1, kh, kw]` become `[kh, kw, channels, 1]`, dense ones `[units, features]` become `[features, units]`.
 */
export function tensorflowOrder(spec: Pick<WeightSpec, 'role' | 'shape'>, depthwise: boolean): WeightOrder {
  const order =
    spec.role !== 'kernel' ? [0] : spec.shape.length === 2 ? [1, 0] : depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]
  return { order, shape: order.map((axis) => spec.shape[axis]!) }
}

/** Elements of a row-major tensor of `shape`, read with its axes in another order. */
export function permute(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))
  const lengths = order.map((axis) => shape[axis]!)
  const steps = order.map((axis) => strides[axis]!)
  const result = new Float32Array(values.length)
  const index = new Array<number>(order.length).fill(0)
  let from = 0
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!
    for (let axis = order.length - 1; axis >= 0; axis--) {
      index[axis]!++
      from += steps[axis]!
      if (index[axis]! < lengths[axis]!) break
      from -= steps[axis]! * lengths[axis]!
      index[axis] = 0
    }
  }
  return result
}

/** The order that undoes `order`. */
export const inverseOrder = (order: readonly number[]): readonly number[] => order.map((_, axis) => order.indexOf(axis))
