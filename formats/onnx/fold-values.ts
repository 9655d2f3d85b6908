import { sizeOf } from '../../network/shapes.ts'

/** Operations on the values of small stored tensors, row-major. */

type Values = readonly number[]
type Dims = readonly number[]

/** Elements between neighbours along each axis. */
function stridesOf(dims: Dims): Dims {
  const strides = Array<number>(dims.length).fill(1)
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * dims[axis + 1]!
  return strides
}

/** The values of a result of which each element is one of a source. @param place of the source's element, by the indices of the result */
function picked(source: Values, dims: Dims, place: (index: Dims) => number): number[] {
  const index = Array<number>(dims.length).fill(0)
  return Array.from({ length: sizeOf(dims) }, () => {
    const value = source[place(index)] ?? 0
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]!++
      if (index[axis]! < dims[axis]!) break
      index[axis] = 0
    }
    return value
  })
}

const sum = (lengths: Dims): number => lengths.reduce((total, length) => total + length, 0)

/** Repeated along axes of length 1, aligned at the last axis. */
export function broadcastValues(values: Values, from: Dims, to: Dims): number[] {
  const strides = stridesOf(from)
  const shift = to.length - from.length
  return picked(values, to, (index) =>
    sum(from.map((length, axis) => (length === 1 ? 0 : index[axis + shift]! * strides[axis]!))),
  )
}

export function transposeValues(values: Values, from: Dims, order: Dims): number[] {
  const strides = stridesOf(from)
  const dims = order.map((axis) => from[axis]!)
  return picked(values, dims, (index) => sum(order.map((axis, i) => index[i]! * strides[axis]!)))
}

/** @param begin, step of each axis; steps may be negative */
export function sliceValues(values: Values, from: Dims, begin: Dims, size: Dims, step: Dims): number[] {
  const strides = stridesOf(from)
  return picked(values, size, (index) =>
    sum(index.map((at, axis) => (begin[axis]! + at * step[axis]!) * strides[axis]!)),
  )
}

/** @param indices whole and within the axis, @param shape of the indices */
export function gatherValues(values: Values, from: Dims, axis: number, indices: Values, shape: Dims): number[] {
  const strides = stridesOf(from)
  const indexStrides = stridesOf(shape)
  const dims = [...from.slice(0, axis), ...shape, ...from.slice(axis + 1)]
  return picked(values, dims, (index) => {
    const inner = index.slice(axis, axis + shape.length)
    const chosen = indices[sum(inner.map((at, i) => at * indexStrides[i]!))]!
    const outer = [...index.slice(0, axis), chosen, ...index.slice(axis + shape.length)]
    return sum(outer.map((at, i) => at * strides[i]!))
  })
}

export function concatValues(parts: readonly { values: Values; dims: Dims }[], axis: number): number[] {
  const [first] = parts as [{ values: Values; dims: Dims }]
  const outer = sizeOf(first.dims.slice(0, axis))
  const result: number[] = []
  for (let row = 0; row < outer; row++) {
    for (const { values, dims } of parts) {
      const size = sizeOf(dims.slice(axis))
      result.push(...values.slice(row * size, (row + 1) * size))
    }
  }
  return result
}

/** Several elements become one, or none become `empty`, along axes that then have the length 1. */
export function reduceValues(
  values: Values,
  from: Dims,
  axes: Dims,
  f: (a: number, b: number) => number,
  empty: number,
): number[] {
  const dims = from.map((length, axis) => (axes.includes(axis) ? 1 : length))
  const strides = stridesOf(dims)
  const result: (number | undefined)[] = Array(sizeOf(dims)).fill(undefined)
  const index = Array<number>(from.length).fill(0)
  for (const value of values) {
    const at = sum(index.map((i, axis) => (axes.includes(axis) ? 0 : i * strides[axis]!)))
    result[at] = result[at] === undefined ? value : f(result[at], value)
    for (let axis = from.length - 1; axis >= 0; axis--) {
      index[axis]!++
      if (index[axis]! < from[axis]!) break
      index[axis] = 0
    }
  }
  return result.map((value) => value ?? empty)
}
