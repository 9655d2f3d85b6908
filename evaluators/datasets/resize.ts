import type { SampleArray } from './dataset.ts'

/** Which source positions one output position reads along an axis, and how much each counts; the weights sum to 1. */
interface Taps {
  /** Positions read per output; unused ones have weight 0. */
  readonly width: number
  readonly positions: Int32Array
  readonly weights: Float64Array
}

/** Area averaging when an axis shrinks, linear interpolation between pixel centres when it grows. */
function axisTaps(from: number, to: number): Taps {
  const scale = from / to
  const width = scale > 1 ? Math.ceil(scale) + 1 : 2
  const positions = new Int32Array(to * width)
  const weights = new Float64Array(to * width)
  for (let i = 0; i < to; i++) {
    const start = scale > 1 ? i * scale : (i + 0.5) * scale - 0.5
    const first = Math.floor(start)
    for (let k = 0; k < width; k++) {
      const position = first + k
      const weight =
        scale > 1
          ? Math.max(0, Math.min(position + 1, (i + 1) * scale) - Math.max(position, start)) / scale
          : 1 - Math.abs(position - start)
      positions[i * width + k] = Math.min(Math.max(position, 0), from - 1)
      weights[i * width + k] = Math.max(weight, 0)
    }
  }
  return { width, positions, weights }
}

/** The taps of an axis as a matrix `[to, from]`, row-major: resizing is rows · sample · columnsᵀ for each channel. */
export function resizeMatrix(from: number, to: number): Float32Array {
  const { width, positions, weights } = axisTaps(from, to)
  const matrix = new Float32Array(to * from)
  for (let i = 0; i < to * width; i++) {
    const row = Math.floor(i / width)
    matrix[row * from + positions[i]!]! += weights[i]!
  }
  return matrix
}

/** Resizes one sample, from element `fromStart` of `from` to element `toStart` of `to`. Integer types are rounded. */
export type Resizer = (from: SampleArray, fromStart: number, to: SampleArray, toStart: number) => void

/**
 * Resizes height × width × channels samples; proportions are not kept.
 * @param size `[height, width]` before.
 * @param target `[height, width]` after.
 */
export function createResizer(
  size: readonly [number, number],
  target: readonly [number, number],
  channels: number,
): Resizer {
  const [height, width] = size
  const [outHeight, outWidth] = target
  const rows = axisTaps(height, outHeight)
  const columns = axisTaps(width, outWidth)
  const outRow = outWidth * channels
  const narrowed = new Float64Array(height * outRow)
  const line = new Float64Array(outRow)
  return (from, fromStart, to, toStart) => {
    let at = 0
    for (let y = 0; y < height; y++) {
      const row = fromStart + y * width * channels
      for (let x = 0; x < outWidth; x++) {
        for (let c = 0; c < channels; c++) {
          let sum = 0
          for (let k = x * columns.width; k < (x + 1) * columns.width; k++) {
            sum += columns.weights[k]! * from[row + columns.positions[k]! * channels + c]!
          }
          narrowed[at++] = sum
        }
      }
    }
    const round = !(to instanceof Float32Array)
    for (let y = 0; y < outHeight; y++) {
      line.fill(0)
      for (let k = y * rows.width; k < (y + 1) * rows.width; k++) {
        const weight = rows.weights[k]!
        const start = rows.positions[k]! * outRow
        if (weight !== 0) for (let i = 0; i < outRow; i++) line[i]! += weight * narrowed[start + i]!
      }
      const start = toStart + y * outRow
      for (let i = 0; i < outRow; i++) to[start + i] = round ? Math.round(line[i]!) : line[i]!
    }
  }
}
