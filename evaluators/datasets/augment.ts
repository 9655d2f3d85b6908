import type { RandomStream } from '../../lib/random.ts'
import type { Shape } from '../../network/types.ts'
import type { Dataset } from './dataset.ts'

export interface AugmentationChoice {
  readonly augmentation?: 'none' | 'light'
  /** Images only: mirror half of the samples left to right. */
  readonly flip?: boolean
}

/** Changes the first `count` samples of a normalised batch `[count, height, width, channels]` in place. */
export type Augmenter = (batch: Float32Array, count: number) => void

/** One sample, seen through its shape. */
interface Sample {
  readonly values: Float32Array
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** Furthest shift, as a share of the side. */
const SHIFT = 0.1
/** Side of the square that cutout blanks, as a share of the shorter side; and how many samples it meets. */
const CUTOUT = { side: 0.25, probability: 0.5 }
/** Longest stretch of time that is masked, as a share of the whole. */
const TIME_MASK = 0.15

/**
 * Random changes of training samples. `light` means, for images: a shift by up to 10 % each way, and a blank square of a
 * quarter of the side in half of them (cutout, DeVries and Taylor 2017); for spectrograms, whose rows are time: a shift
 * in time by up to 10 %, and a blank stretch of up to 15 % (SpecAugment, Park et al. 2019). What moves in is the nearest
 * edge; blank is the mean of the data, which is 0 after normalisation.
 * @returns undefined when nothing is to be changed; then nothing is drawn either.
 */
export function createAugmenter(
  kind: Dataset['kind'],
  shape: Shape,
  choice: AugmentationChoice,
  random: RandomStream,
): Augmenter | undefined {
  const light = choice.augmentation === 'light'
  const mirrored = choice.flip === true && kind === 'image'
  if (!light && !mirrored) return undefined
  const [height, width, channels] = shape as readonly [number, number, number]
  const size = height * width * channels
  const scratch = new Float32Array(size)
  const within = (most: number): number => random.int(2 * most + 1) - most
  const change = (sample: Sample): void => {
    if (mirrored && random.chance(0.5)) mirror(sample)
    if (!light) return
    const rows = within(Math.round(SHIFT * height))
    if (kind === 'spectrogram') {
      shift(sample, rows, 0, scratch)
      const length = random.int(Math.round(TIME_MASK * height) + 1)
      blank(sample, { top: random.int(height - length + 1), left: 0, height: length, width })
      return
    }
    shift(sample, rows, within(Math.round(SHIFT * width)), scratch)
    if (!random.chance(CUTOUT.probability)) return
    const side = Math.round(CUTOUT.side * Math.min(height, width))
    blank(sample, { top: random.int(height - side + 1), left: random.int(width - side + 1), height: side, width: side })
  }
  return (batch, count) => {
    for (let i = 0; i < count; i++) {
      change({ values: batch.subarray(i * size, (i + 1) * size), height, width, channels })
    }
  }
}

/** Turns left and right about. */
export function mirror({ values, height, width, channels }: Sample): void {
  for (let y = 0; y < height; y++) {
    for (let left = 0, right = width - 1; left < right; left++, right--) {
      for (let c = 0; c < channels; c++) {
        const a = (y * width + left) * channels + c
        const b = (y * width + right) * channels + c
        const kept = values[a]!
        values[a] = values[b]!
        values[b] = kept
      }
    }
  }
}

/** Moves a sample down by `rows` and right by `columns` (negative: up, left); the edge is repeated where nothing moves in. */
export function shift(sample: Sample, rows: number, columns: number, scratch: Float32Array): void {
  if (rows === 0 && columns === 0) return
  const { values, height, width, channels } = sample
  scratch.set(values)
  for (let y = 0; y < height; y++) {
    const fromY = Math.min(height - 1, Math.max(0, y - rows))
    for (let x = 0; x < width; x++) {
      const fromX = Math.min(width - 1, Math.max(0, x - columns))
      const from = (fromY * width + fromX) * channels
      const to = (y * width + x) * channels
      for (let c = 0; c < channels; c++) values[to + c] = scratch[from + c]!
    }
  }
}

/** Sets a rectangle to 0, the mean of normalised data. */
export function blank(
  { values, width, channels }: Sample,
  area: { readonly top: number; readonly left: number; readonly height: number; readonly width: number },
): void {
  for (let y = area.top; y < area.top + area.height; y++) {
    const start = (y * width + area.left) * channels
    values.fill(0, start, start + area.width * channels)
  }
}
