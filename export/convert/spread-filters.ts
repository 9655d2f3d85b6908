import { UserError } from '../../lib/errors.ts'
import { windowExtent } from '../../network/shapes.ts'
import type { Pair } from '../../network/types.ts'

/** The filters of a convolution as a file stores them. */
export interface Filters {
  readonly count: number
  /** Without dilation. */
  readonly kernel: Pair
  readonly dilation: Pair
  /** Of the map. */
  readonly channels: number
  /** Channels that one filter sees: all, those of its group, or 1. */
  readonly own: number
  /** `[filters, height, width, own channels]`, or `[height, width, filters]` for filters of one channel. */
  readonly layout: 'filters' | 'taps'
}

/** More weights than any network for these devices has. */
const MOST_WEIGHTS = 1 << 26

/**
 * Filters as our kernels hold them: one for each channel `[height, width, channels]`, or all of all channels
 * `[filters, height, width, channels]`. Zeros stand where a dilated window or a group leaves out.
 * @throws UserError when that is too much.
 */
export function spreadFilters<T extends Int8Array | Float32Array>(
  stored: T,
  { count, kernel, dilation, channels, own, layout }: Filters,
): { readonly depthwise: boolean; readonly values: T } {
  const [height, width] = kernel
  const [rows, columns] = [windowExtent(height, dilation[0]), windowExtent(width, dilation[1])]
  const depthwise = layout === 'taps' && count === channels
  const seen = depthwise ? 1 : channels
  const size = rows * columns * count * seen
  if (size > MOST_WEIGHTS)
    throw new UserError(`as a plain convolution it would have ${size} weights; at most ${MOST_WEIGHTS} are converted`)
  if (rows === height && columns === width && (depthwise || (layout === 'filters' && own === channels)))
    return { depthwise, values: stored }
  const values = (stored instanceof Float32Array ? new Float32Array(size) : new Int8Array(size)) as T
  const perGroup = count / (channels / own)
  for (let filter = 0; filter < count; filter++) {
    const first = Math.floor(filter / perGroup) * own
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const tap = y * dilation[0] * columns + x * dilation[1]
        for (let c = 0; c < own; c++) {
          const from =
            layout === 'taps' ? (y * width + x) * count + filter : ((filter * height + y) * width + x) * own + c
          const to = depthwise ? tap * count + filter : (filter * rows * columns + tap) * channels + first + c
          values[to] = stored[from]!
        }
      }
    }
  }
  return { depthwise, values }
}
