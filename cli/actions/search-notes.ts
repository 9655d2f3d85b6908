import { createHash } from 'node:crypto'
import os from 'node:os'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { frontEndCostModel } from '../../export/sound/front-end-cost.ts'
import type { Profile } from '../../hardware-profiles/index.ts'
import { formatBytes, formatEnergy, formatLatency } from '../../lib/units.ts'
import { sizeOf } from '../../network/shapes.ts'
import { counted } from './output.ts'
import type { CountedFrontEnd, SearchSettings } from './settings.ts'

/** With fewer validation samples, one of them moves the accuracy by more than a percent. */
const FEW_SAMPLES = 100
/** Names of classes that are written out. */
const SHOWN_CLASSES = 3

const plain = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]+/g, '')

/** Samples of fewer values, as rows of sensors, are equal by chance. */
const TELLING_VALUES = 32
/** Fewer copies move an accuracy by less than can be seen. */
const COPIED_SHARE = 0.02

/** Says where samples of the validation or the test part are copies of training samples; nothing for most data. */
function copyNotes({ samples, inputShape, splits }: Dataset): readonly string[] {
  const size = sizeOf(inputShape)
  if (size < TELLING_VALUES) return []
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
  const width = size * samples.BYTES_PER_ELEMENT
  const digestOf = (sample: number): string =>
    createHash('sha1')
      .update(bytes.subarray(sample * width, (sample + 1) * width))
      .digest('base64')
  const known = new Set(Array.from(splits.train, digestOf))
  const found = (['validation', 'test'] as const).flatMap((part) => {
    const copies = splits[part].filter((sample) => known.has(digestOf(sample))).length
    return copies > 1 && copies > COPIED_SHARE * splits[part].length
      ? [`${copies} of ${splits[part].length} ${part} samples`]
      : []
  })
  if (found.length === 0) return []
  return [
    `${found.join(' and ')} are copies of training samples: accuracies look better than new samples will have it; take the copies away, or keep them in one part`,
  ]
}

/** What of the data was left out, and what makes accuracies worth less than they look, one sentence each; none for most data. */
export function dataNotes(dataset: Dataset): readonly string[] {
  const { classNames, labels, notes: left = [] } = dataset
  const { validation } = dataset.splits
  const counts = new Uint32Array(classNames.length)
  for (const sample of validation) counts[labels[sample]!]! += 1
  const missing = classNames.filter((_, i) => counts[i] === 0)
  const notes: string[] = [...left]
  if (missing.length > 0) {
    const more = missing.length > SHOWN_CLASSES ? `, and ${missing.length - SHOWN_CLASSES} more` : ''
    notes.push(
      `the validation part lacks ${missing.length} of ${classNames.length} classes (${missing.slice(0, SHOWN_CLASSES).join(', ')}${more}): accuracies say nothing about them`,
    )
  }
  const alike = classNames.find((name, i) => classNames.findIndex((other) => plain(other) === plain(name)) < i)
  if (alike !== undefined) {
    const other = classNames.find((name) => plain(name) === plain(alike))!
    notes.push(`the classes '${other}' and '${alike}' differ in capitals, spaces or underscores only: are they one?`)
  }
  notes.push(...copyNotes(dataset))
  if (validation.length < FEW_SAMPLES) {
    notes.push(
      `the validation part has ${counted(validation.length, 'sample')}: accuracies move in steps of ${(100 / validation.length).toPrecision(2)} points, and small differences mean nothing`,
    )
  }
  return notes
}

/** Says what limits count beside the networks of sound; nothing for other data, or where no device counts it. */
export function frontEndNotes(
  { frontEnd }: Pick<SearchSettings, 'frontEnd'>,
  profiles: readonly Profile[],
): readonly string[] {
  if (frontEnd === undefined) return []
  const size = [frontEnd.frames, frontEnd.bands] as const
  const costs = profiles.flatMap((profile) => {
    const found = frontEndCostModel(frontEnd, frontEnd.counted, profile)?.(size)
    if (found === undefined) return []
    const { latencyMs, energyMj, peakRamBytes, flashBytes } = found
    const time = latencyMs === 0 ? [] : [`${formatLatency(latencyMs)} and ${formatEnergy(energyMj)} (derived)`]
    const memory = `${formatBytes(peakRamBytes)} of RAM and ${formatBytes(flashBytes)} of flash`
    return [
      `${[...time, memory].join(', ')} on ${profile.id}${latencyMs === 0 ? ' (its time is not known there)' : ''}`,
    ]
  })
  if (costs.length === 0) return []
  return [
    `limits count the front end of sound beside the network, ${countedFrames(frontEnd)}: ${costs.join('; ')}; costs of networks are shown without it; --front-end clip, stream or none sets what is counted`,
  ]
}

const countedFrames = ({ counted: kept, frames }: CountedFrontEnd): string =>
  kept === 'clip' ? `all ${frames} frames of a clip` : 'the last frame'

/** What is to be known beside a table of networks' costs, in a line; nothing where limits count nothing but the networks. */
export const costsNote = (frontEnd: CountedFrontEnd | undefined): string =>
  frontEnd === undefined
    ? ''
    : `Costs are the networks' alone, without the front end of sound, of which limits count ${countedFrames(frontEnd)}.`

/** A look-ahead of up to this share of the trials costs little (docs/searching.md). */
const CHEAP_SHARE = 1 / 6
/** With so many times the cores, they seldom wait for each other. */
const PLENTY = 4

/** Says what a machine with more cores than the look-ahead can do. The look-ahead itself never follows the machine. */
export function crewNotes(
  { lookAhead, trials }: Pick<SearchSettings, 'lookAhead' | 'trials'>,
  asked: { readonly workers: number | undefined },
  trainsAlone: boolean,
  cores = os.availableParallelism(),
): readonly string[] {
  if (asked.workers !== undefined || trainsAlone || Math.min(cores, trials) <= lookAhead) return []
  const cheap = Math.min(PLENTY * cores, Math.floor(CHEAP_SHARE * trials))
  const advice =
    cheap > lookAhead
      ? `--look-ahead ${cheap} trains more at a time and finds about as much`
      : 'with more --trials it may be up to a sixth of them; beyond that a search learns too little from each network'
  return [
    `--look-ahead ${lookAhead} keeps at most ${lookAhead} of ${cores} cores busy; it decides what is found, so it does not follow the machine: ${advice}`,
  ]
}
