import { shapeText, sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { Dataset, SampleArray } from './dataset.ts'
import { createResizer } from './resize.ts'
import { createWholeResizer } from './whole-resize.ts'

/** The samples of a data set in another size, each resized when it is first asked for. */
export interface ResizedSamples {
  /** Holds what was asked for; sample i at i · `sizeOf(target)`. */
  readonly samples: SampleArray
  /** Makes sure that sample i is there. */
  readonly prepare: (i: number) => void
}

/** Sizes kept while their data set is; a search uses few, and on the lower stages of a ladder smaller ones. */
const MAX_SIZES = 8
const sizes = new WeakMap<Dataset, Map<string, ResizedSamples>>()

/** @param target `[height, width, channels]`, with the data set's channels */
export function resizedSamples(dataset: Dataset, target: Shape): ResizedSamples {
  const known = sizes.get(dataset) ?? new Map<string, ResizedSamples>()
  sizes.set(dataset, known)
  const key = shapeText(target)
  const found = known.get(key)
  if (found !== undefined) return found
  const resized = resizeLater(dataset, target)
  const oldest = known.keys().next()
  if (known.size >= MAX_SIZES && !oldest.done) known.delete(oldest.value)
  known.set(key, resized)
  return resized
}

function resizeLater({ samples: originals, labels, inputShape, frontEnd }: Dataset, target: Shape): ResizedSamples {
  const [height, width, channels] = inputShape as [number, number, number]
  const size = [target[0]!, target[1]!] as const
  // What a device computes from sound is to be the same to the last bit.
  const resize =
    frontEnd === undefined ? createResizer([height, width], size, channels) : createWholeResizer([height, width], size)
  const [from, to] = [sizeOf(inputShape), sizeOf(target)]
  const samples =
    originals instanceof Float32Array
      ? new Float32Array(labels.length * to)
      : originals instanceof Int8Array
        ? new Int8Array(labels.length * to)
        : new Uint8Array(labels.length * to)
  const done = new Uint8Array(labels.length)
  return {
    samples,
    prepare(i) {
      if (done[i] === 1) return
      resize(originals, i * from, samples, i * to)
      done[i] = 1
    },
  }
}
