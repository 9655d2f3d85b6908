import { UserError } from '../../lib/errors.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import type { LoadOptions, SplitName } from './dataset.ts'
import { takeGroups } from './grouped-splits.ts'
import { sharedUint32 } from './shared-arrays.ts'

/** Consecutive samples that came from one file (or folder) and belong to one part. */
export interface SampleRange {
  /** Named in errors about these samples, and about their labels. */
  readonly source: string
  /** The file of the values, where that is another. */
  readonly values?: string
  readonly split: SplitName
  readonly count: number
}

const DEFAULT_VALIDATION_FRACTION = 0.1
const DEFAULT_TEST_FRACTION = 0.2

/** Sample indices grouped by class, each group in random order. */
function shuffledByClass(indices: readonly number[], labels: Int32Array, classes: number, random: RandomStream) {
  const groups: number[][] = Array.from({ length: classes }, () => [])
  for (const index of indices) groups[labels[index]!]!.push(index)
  return groups.map((group) => Array.from(random.permutation(group.length), (position) => group[position]!))
}

/**
 * All indices in an order in which every prefix holds the classes in (nearly) the same shares as the whole,
 * so that taking the first n of a part is a stratified sample of it.
 */
function stratifiedOrder(indices: readonly number[], labels: Int32Array, classes: number, random: RandomStream) {
  const order: number[] = []
  const places: number[] = []
  for (const group of shuffledByClass(indices, labels, classes, random)) {
    for (const [rank, index] of group.entries()) {
      order.push(index)
      places.push((rank + 0.5) / group.length)
    }
  }
  const byPlace = Uint32Array.from(order.keys()).sort((a, b) => places[a]! - places[b]! || a - b)
  return sharedUint32(byPlace.map((position) => order[position]!))
}

/** Moves a stratified share from a part; of every class with two samples or more, at least one goes and one stays. */
function takeShare(
  indices: readonly number[],
  labels: Int32Array,
  classes: number,
  share: number,
  random: RandomStream,
) {
  const taken: number[] = []
  const kept: number[] = []
  let seen = 0
  for (const group of shuffledByClass(indices, labels, classes, random)) {
    // Rounding the running total keeps the whole share exact; each class is off by at most one.
    const wanted = Math.round(share * (seen + group.length)) - Math.round(share * seen)
    const count = Math.min(Math.max(wanted, 1), Math.max(group.length - 1, 0))
    seen += group.length
    for (const [rank, index] of group.entries()) (rank < count ? taken : kept).push(index)
  }
  return { taken, kept }
}

function checkedFraction(value: number, name: string): number {
  if (!(value > 0 && value < 1)) throw new UserError(`the ${name} fraction is ${value}: it must lie between 0 and 1`)
  return value
}

/**
 * Splits by file layout where the files have parts of their own, and by seed where not: first `testFraction` of the
 * training samples becomes the test part, then `validationFraction` of what is left the validation part, class by class.
 * Every prefix of a part is itself stratified.
 * @param groups of each sample, where samples belong together: whole groups then go to one part.
 * @throws UserError when a fraction is not between 0 and 1 or a part would be empty.
 */
export function makeSplits(
  labels: Int32Array,
  classes: number,
  ranges: readonly SampleRange[],
  options: LoadOptions,
  groups?: Int32Array,
): Record<SplitName, Uint32Array> {
  const testFraction = checkedFraction(options.testFraction ?? DEFAULT_TEST_FRACTION, 'test')
  const validationFraction = checkedFraction(options.validationFraction ?? DEFAULT_VALIDATION_FRACTION, 'validation')
  const random = randomStream(options.seed, 'split')
  const parts: Record<SplitName, number[]> = { train: [], validation: [], test: [] }
  let next = 0
  for (const range of ranges) {
    for (const end = next + range.count; next < end; next++) parts[range.split].push(next)
  }
  for (const [split, share] of [
    ['test', testFraction],
    ['validation', validationFraction],
  ] as const) {
    if (parts[split].length === 0) {
      const { taken, kept } =
        groups === undefined
          ? takeShare(parts.train, labels, classes, share, random)
          : takeGroups(parts.train, labels, groups, share, random)
      parts[split] = [...taken]
      parts.train = [...kept]
    }
    if (parts[split].length === 0 || parts.train.length === 0) {
      const source = ranges.find((range) => range.split === 'train')?.source ?? 'the data set'
      const few = groups === undefined ? 'samples' : 'recordings or stretches of time'
      throw new UserError(`'${source}' has too few ${few} for a ${split} part: give at least 3 of a class`)
    }
  }
  return {
    train: stratifiedOrder(parts.train, labels, classes, random),
    validation: stratifiedOrder(parts.validation, labels, classes, random),
    test: stratifiedOrder(parts.test, labels, classes, random),
  }
}
