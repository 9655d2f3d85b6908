import { UserError } from '../lib/errors.ts'
import type { Padding, Pair, Shape } from './types.ts'

/** Number of elements. A plain loop: it runs several times for each node that is priced. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (let axis = 0; axis < shape.length; axis++) size *= shape[axis]!
  return size
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false
  return true
}

export const shapeText = (shape: Shape): string => shape.join('×')

export interface FeatureShape {
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** Reads `[h, w, c]`. @throws UserError for a vector, naming the node. */
export function featureShape(shape: Shape, where: string): FeatureShape {
  if (shape.length !== 3)
    throw new UserError(`${where} needs a feature map height×width×channels, not ${shapeText(shape)}`)
  return { height: shape[0]!, width: shape[1]!, channels: shape[2]! }
}

/** Length that a window covers along one axis: a dilated one has gaps. */
export const windowExtent = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1

/** Output length of a sliding window along one axis. */
export function windowOutput(length: number, kernel: number, stride: number, padding: Padding): number {
  return padding === 'same' ? Math.ceil(length / stride) : Math.floor((length - kernel) / stride) + 1
}

/** Zeros added before and after one axis (TensorFlow's SAME: the odd one goes after). */
export function windowPadding(length: number, kernel: number, stride: number, padding: Padding): Pair {
  if (padding === 'valid') return [0, 0]
  const total = Math.max((Math.ceil(length / stride) - 1) * stride + kernel - length, 0)
  return [Math.floor(total / 2), Math.ceil(total / 2)]
}

/** `{top, bottom, left, right}` zeros of a window over a feature map. */
export function explicitPadding(input: FeatureShape, op: { kernel: Pair; stride: Pair; padding: Padding }) {
  const [top, bottom] = windowPadding(input.height, op.kernel[0], op.stride[0], op.padding)
  const [left, right] = windowPadding(input.width, op.kernel[1], op.stride[1], op.padding)
  return { top, bottom, left, right }
}
