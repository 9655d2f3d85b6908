import { UserError } from '../../lib/errors.ts'
import type { RandomStream } from '../../lib/random.ts'
import { sameShape, shapeText, sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { Dataset, SampleArray } from './dataset.ts'
import { resizedSamples } from './resized-samples.ts'

/** Turns samples into what a network reads. */
export interface Batcher {
  /**
   * Writes samples `indices[start … start + count − 1]` normalised, `[count, height, width, channels]` row-major, into `out`.
   * @throws RangeError when the indices or `out` are too short.
   */
  fill(indices: Uint32Array, start: number, count: number, out: Float32Array): void
  /** Writes the labels of the same samples into `out`. */
  labels(indices: Uint32Array, start: number, count: number, out: Int32Array): void
  /** Writes the teacher's logits of the same samples into `out`, `[count, classes]`; only where the data set has them. */
  teacher(indices: Uint32Array, start: number, count: number, out: Float32Array): void
}

type Copy = (from: number, to: number, out: Float32Array) => void

/** Normalised value of every byte, per channel: at channel · 256 + (value & 255). */
function lookupTable(dataset: Dataset, signed: boolean): Float32Array {
  const table = new Float32Array(256 * dataset.mean.length)
  for (const [channel, mean] of dataset.mean.entries()) {
    for (let byte = 0; byte < 256; byte++) {
      const value = signed && byte > 127 ? byte - 256 : byte
      table[256 * channel + byte] = (value - mean) / dataset.standardDeviation[channel]!
    }
  }
  return table
}

/** Copies one sample of `size` values, normalised. */
function normaliser(dataset: Dataset, samples: SampleArray, size: number): Copy {
  const channels = dataset.mean.length
  if (samples instanceof Float32Array) {
    const { mean, standardDeviation } = dataset
    return (from, to, out) => {
      for (let i = 0, c = 0; i < size; i++) {
        out[to + i] = (samples[from + i]! - mean[c]!) / standardDeviation[c]!
        if (++c === channels) c = 0
      }
    }
  }
  const table = lookupTable(dataset, samples instanceof Int8Array)
  // Most of a trainer's own time goes here: one channel and three have loops of their own, since a loop over the channels
  // of a pixel, or over the pixels of a channel, takes half as long again.
  if (channels === 1) {
    return (from, to, out) => {
      for (let i = 0; i < size; i++) out[to + i] = table[samples[from + i]! & 255]!
    }
  }
  if (channels === 3) {
    return (from, to, out) => {
      for (let i = 0; i < size; i += 3) {
        out[to + i] = table[samples[from + i]! & 255]!
        out[to + i + 1] = table[256 + (samples[from + i + 1]! & 255)]!
        out[to + i + 2] = table[512 + (samples[from + i + 2]! & 255)]!
      }
    }
  }
  return (from, to, out) => {
    for (let channel = 0; channel < channels; channel++) {
      const base = 256 * channel
      for (let i = channel; i < size; i += channels) out[to + i] = table[base + (samples[from + i]! & 255)]!
    }
  }
}

/**
 * Batches of a data set for a network with the given input shape. Height and width may differ from the data set's: samples
 * are then resized (area averaging down, bilinear up), each once per data set and shape.
 * @param inputShape `[height, width, channels]`
 * @throws UserError when the channels differ.
 */
export function createBatcher(dataset: Dataset, inputShape: Shape): Batcher {
  if (inputShape.length !== 3 || inputShape[2] !== dataset.inputShape[2]) {
    throw new UserError(
      `the network reads ${shapeText(inputShape)} and the data set '${dataset.name}' holds ` +
        `${shapeText(dataset.inputShape)}: the channels must be equal`,
    )
  }
  const resized = sameShape(inputShape, dataset.inputShape) ? undefined : resizedSamples(dataset, inputShape)
  const size = sizeOf(inputShape)
  const copy = normaliser(dataset, resized?.samples ?? dataset.samples, size)
  const check = (indices: Uint32Array, start: number, count: number, needed: number, available: number) => {
    if (start < 0 || start + count > indices.length || needed > available) {
      throw new RangeError(`batch of ${count} from ${start} of ${indices.length} does not fit ${available} values`)
    }
  }
  return {
    fill: (indices, start, count, out) => {
      check(indices, start, count, count * size, out.length)
      for (let i = 0; i < count; i++) {
        const index = indices[start + i]!
        resized?.prepare(index)
        copy(index * size, i * size, out)
      }
    },
    labels: (indices, start, count, out) => {
      check(indices, start, count, count, out.length)
      for (let i = 0; i < count; i++) out[i] = dataset.labels[indices[start + i]!]!
    },
    teacher: (indices, start, count, out) => {
      const classes = dataset.classNames.length
      const { logits } = dataset.teacher!
      check(indices, start, count, count * classes, out.length)
      for (let i = 0; i < count; i++) {
        const from = indices[start + i]! * classes
        out.set(logits.subarray(from, from + classes), i * classes)
      }
    },
  }
}

/**
 * The order in which one epoch visits its samples. A fraction below 1 takes the first samples of `train`, always the same
 * ones and stratified (every prefix of a split is); only their order differs between epochs.
 * @param train the training split of a data set.
 * @param fraction share of it, 0 < f ≤ 1; at least one sample is taken.
 */
export function epochOrder(train: Uint32Array, fraction: number, random: RandomStream): Uint32Array {
  const count = Math.min(train.length, Math.max(1, Math.round(train.length * fraction)))
  return random.permutation(count).map((position) => train[position]!)
}
