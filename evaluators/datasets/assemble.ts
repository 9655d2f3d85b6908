import { createHash } from 'node:crypto'
import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { Dataset, LoadOptions, SampleArray } from './dataset.ts'
import { makeSplits, type SampleRange } from './splits.ts'
import { channelStatistics } from './statistics.ts'

export const MAX_CLASSES = 1000

/** What a loader read from its files, before splitting. Samples and labels lie over SharedArrayBuffers. */
export interface RawDataset {
  readonly name: string
  readonly inputShape: Shape
  /** Undefined where only the shape tells. */
  readonly kind?: Dataset['kind']
  /** Undefined where the files do not name classes: they are then counted and named `0`, `1`, … */
  readonly classNames?: readonly string[]
  readonly samples: SampleArray
  readonly labels: Int32Array
  /** Where the samples came from, in their order; the counts add up to all samples. */
  readonly ranges: readonly SampleRange[]
  /** Where samples belong together, as windows that overlap do: the group of each; parts are made of whole groups. */
  readonly groups?: Int32Array
}

/** Number of classes of files that do not say it: how far the training labels run from 0 without a gap. */
function countClasses(raw: RawDataset): number {
  const present = new Set<number>()
  let next = 0
  for (const range of raw.ranges) {
    for (const end = next + range.count; next < end; next++) {
      if (range.split === 'train') present.add(raw.labels[next]!)
    }
  }
  let classes = 0
  while (present.has(classes)) classes++
  return classes
}

/** @throws UserError naming the first label that is no class, its index in its file, and the file. */
function checkLabels(raw: RawDataset, classes: number): void {
  let next = 0
  for (const range of raw.ranges) {
    for (let i = 0; i < range.count; i++, next++) {
      const label = raw.labels[next]!
      if (label >= 0 && label < classes) continue
      const right =
        classes === 0
          ? `labels must start at 0, and no training sample has label 0${raw.labels.includes(0) ? '' : ': where they start at 1, subtract 1 before saving'}`
          : raw.classNames === undefined
            ? `the training labels cover 0…${classes - 1}, and labels must run from 0 without a gap`
            : `with ${classes} classes, labels must lie in 0…${classes - 1}`
      throw new UserError(`'${range.source}' has label ${label} at index ${i}: ${right}`)
    }
  }
}

function checkFinite(raw: RawDataset, size: number): void {
  if (!(raw.samples instanceof Float32Array)) return
  const at = raw.samples.findIndex((value) => !Number.isFinite(value))
  if (at === -1) return
  let sample = Math.floor(at / size)
  let source = raw.name
  for (const range of raw.ranges) {
    source = range.values ?? range.source
    if (sample < range.count) break
    sample -= range.count
  }
  throw new UserError(
    `'${source}' holds ${raw.samples[at]} in sample ${sample}: every value must be a finite number of 32 bits`,
  )
}

function digestOf(dataset: Omit<Dataset, 'digest'>): string {
  const { samples, labels, splits } = dataset
  const hash = createHash('sha256').update(
    JSON.stringify({
      shape: dataset.inputShape,
      values: samples.constructor.name,
      samples: labels.length,
      train: splits.train.length,
      validation: splits.validation.length,
      test: splits.test.length,
    }),
  )
  for (const array of [samples, labels, splits.train, splits.validation, splits.test]) {
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  }
  return hash.digest('hex')
}

/**
 * Checks labels and values, splits by seed, measures the normalisation on the training part and computes the digest.
 * @throws UserError naming the file and what is wrong with it.
 */
export function assembleDataset(raw: RawDataset, options: LoadOptions): Dataset {
  const { name, inputShape, samples, labels, ranges } = raw
  const size = sizeOf(inputShape)
  const classes = raw.classNames?.length ?? countClasses(raw)
  checkLabels(raw, classes)
  if (classes < 2 || classes > MAX_CLASSES) {
    throw new UserError(
      `'${ranges[0]?.source ?? name}' has ${classes} class${classes === 1 ? '' : 'es'}: 2 to ${MAX_CLASSES} can be told apart`,
    )
  }
  checkFinite(raw, size)
  const [height, width, channels] = inputShape as [number, number, number]
  const splits = makeSplits(labels, classes, ranges, options, raw.groups)
  const dataset = {
    name,
    // A grey image that is not square is nearly always time × frequency, and what is one pixel wide, time: mirroring or
    // turning it would be wrong.
    kind:
      raw.kind ?? ((channels === 1 && height !== width) || width === 1 ? ('spectrogram' as const) : ('image' as const)),
    inputShape,
    classNames: raw.classNames ?? Array.from({ length: classes }, (_, i) => String(i)),
    samples,
    labels,
    splits,
    ...channelStatistics(samples, splits.train, size, channels),
  }
  return { ...dataset, digest: digestOf(dataset) }
}
