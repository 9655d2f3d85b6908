import type { Resizer } from './resize.ts'

/** Which source positions one output position reads along an axis, and how much each counts, in whole numbers. */
export interface WholeTaps {
  /** Positions read per output; unused ones have weight 0. */
  readonly width: number
  readonly positions: Int32Array
  readonly weights: Int32Array
  /** What the weights of each output sum to. */
  readonly divisor: number
}

/** The weights of `createResizer` as fractions: area averaging when an axis shrinks, linear interpolation otherwise. */
export function wholeTaps(from: number, to: number): WholeTaps {
  const shrinks = from > to
  const width = shrinks ? Math.ceil(from / to) + 1 : 2
  const positions = new Int32Array(to * width)
  const weights = new Int32Array(to * width)
  for (let i = 0; i < to; i++) {
    // In units of 1 / to of a source position where the axis shrinks, of 1 / (2 · to) otherwise.
    const start = shrinks ? i * from : (2 * i + 1) * from - to
    const unit = shrinks ? to : 2 * to
    const first = Math.floor(start / unit)
    for (let k = 0; k < width; k++) {
      const at = (first + k) * unit
      const weight = shrinks ? Math.min(at + unit, start + from) - Math.max(at, start) : unit - Math.abs(at - start)
      positions[i * width + k] = Math.min(Math.max(first + k, 0), from - 1)
      weights[i * width + k] = Math.max(weight, 0)
    }
  }
  return { width, positions, weights, divisor: shrinks ? from : 2 * to }
}

/**
 * Resizes height × width samples of one channel and whole numbers as `createResizer` does, halves up without exception:
 * a device that resizes in integers gets the same values.
 * @param size `[height, width]` before. @param target `[height, width]` after.
 */
export function createWholeResizer(size: readonly [number, number], target: readonly [number, number]): Resizer {
  const rows = wholeTaps(size[0], target[0])
  const columns = wholeTaps(size[1], target[1])
  const divisor = rows.divisor * columns.divisor
  return (from, fromStart, to, toStart) => {
    for (let y = 0; y < target[0]; y++) {
      for (let x = 0; x < target[1]; x++) {
        let sum = 0
        for (let r = y * rows.width; r < (y + 1) * rows.width; r++) {
          const row = fromStart + rows.positions[r]! * size[1]
          for (let c = x * columns.width; c < (x + 1) * columns.width; c++) {
            sum += rows.weights[r]! * columns.weights[c]! * from[row + columns.positions[c]!]!
          }
        }
        to[toStart + y * target[1] + x] = Math.floor((2 * sum + divisor) / (2 * divisor))
      }
    }
  }
}
