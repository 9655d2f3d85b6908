import type { Shape } from '../../network/types.ts'
import type { SoundFrontEnd } from './sound/front-end.ts'

export type SplitName = 'train' | 'validation' | 'test'

/** Raw samples as the file holds them; the batcher turns them into normalised float32. */
export type SampleArray = Uint8Array | Int8Array | Float32Array

/**
 * A classification data set in memory. All arrays lie over SharedArrayBuffers, so that `postMessage` hands them to
 * worker threads without a copy; the whole value is structured-cloneable plain data.
 */
export interface Dataset {
  /** What the user called it, for cards and logs: a folder name or `builtin`. */
  readonly name: string
  /** SHA-256 over shape, samples, labels and splits: part of every cache key. */
  readonly digest: string
  /** Which augmentations and resolutions make sense. */
  readonly kind: 'image' | 'spectrogram'
  /** `[height, width, channels]` of one sample. */
  readonly inputShape: Shape
  readonly classNames: readonly string[]
  /** Sample i occupies `inputShape` elements from i·size, row-major height, width, channels. */
  readonly samples: SampleArray
  /** Class of each sample, 0 … classNames.length − 1. */
  readonly labels: Int32Array
  /** Sample indices of each part; disjoint; fixed by file layout and seed. */
  readonly splits: Readonly<Record<SplitName, Uint32Array>>
  /** Per channel, measured on the training part, in raw sample units. Standard deviations are never 0. */
  readonly mean: readonly number[]
  readonly standardDeviation: readonly number[]
  /** What made the samples of sound, and a device has to do before the network; undefined for other data. */
  readonly frontEnd?: SoundFrontEnd
  /** What of the files was left out, a sentence each; for people, no part of `digest`. */
  readonly notes?: readonly string[]
  /** What the values of a sample are, for whoever feeds an exported network; no part of `digest`. */
  readonly sampleMeaning?: string
  /** What the channels are called, where files say it; no part of `digest`. */
  readonly channelNames?: readonly string[]
  /** Set by `withTeacher`; no part of `digest`, since recipes that read it name the teacher. */
  readonly teacher?: TeacherAnswers
}

/** What a trained network says about the training samples. */
export interface TeacherAnswers {
  /** SHA-256 of the teacher's file. */
  readonly digest: string
  /** Of sample i: `classNames.length` numbers from i · classNames.length, over shared memory; 0 outside the training part. */
  readonly logits: Float32Array
}

export interface LoadOptions {
  readonly seed: number
  /** Share of the training samples kept for validation, 0 < f < 1. Default 0.1. */
  readonly validationFraction?: number
  /** Share kept for test where the files have no test part of their own. Default 0.2. */
  readonly testFraction?: number
}

/** One file layout that can be read. Found by `matches`, tried in the order of the list in `load.ts`. */
export interface DatasetFormat {
  readonly id: string
  /** One line for the help text: which files it expects. */
  readonly description: string
  /** Whether the path looks like this format, from names only. */
  readonly matches: (path: string) => boolean
  /** @throws UserError with one sentence naming the file and what is wrong with it. */
  readonly load: (path: string, options: LoadOptions) => Promise<Dataset>
}
