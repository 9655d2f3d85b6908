import { statSync } from 'node:fs'
import path from 'node:path'
import { assembleDataset } from './assemble.ts'
import { BrokenFiles } from './broken-files.ts'
import type { LabelledFile } from './class-folders.ts'
import type { DatasetFormat } from './dataset.ts'
import { badFile, readFileStart, readInputFile } from './input-file.ts'
import { sharedInt32, sharedUint8 } from './shared-arrays.ts'
import type { SoundFrontEnd } from './sound/front-end.ts'
import { holdsSound, listingNotes, listSounds, SOUND, speakersOf } from './sound/listing.ts'
import { createResampler, type Resampler } from './sound/resample.ts'
import { frontEndOf, readSoundSettings, SETTINGS_FILE, type SoundSettings } from './sound/settings.ts'
import { createSpectrogram } from './sound/spectrogram.ts'
import { decodeMono, readWavFormat, type WavFormat } from './sound/wav.ts'

/** Enough of a file to find its sound in, past most descriptions. */
const HEADER_BYTES = 1 << 12
const MAX_FILE_BYTES = 1 << 28

/** Formats of all recordings, in their order; undefined for broken ones. */
function readFormats(files: readonly LabelledFile[], broken: BrokenFiles): readonly (WavFormat | undefined)[] {
  return files.map(({ file }) =>
    broken.reading(file, () => {
      const start = readFileStart(file, HEADER_BYTES)
      const { size } = statSync(file)
      return readWavFormat(start, size) ?? readWavFormat(readInputFile(file, MAX_FILE_BYTES), size)
    }),
  )
}

/** The one rate that all recordings have, or are brought to. @throws UserError when neither is known. */
function commonRate(root: string, settings: SoundSettings, formats: readonly WavFormat[]): number {
  if (settings.sampleRate !== undefined) return settings.sampleRate
  const rates = [...new Set(formats.map(({ sampleRate }) => sampleRate))].sort((a, b) => a - b)
  if (rates.length === 1 && rates[0]! <= 48_000) return rates[0]!
  const has = rates.length === 1 ? `recordings at ${rates[0]} Hz` : `recordings at ${rates.join(' and ')} Hz`
  throw badFile(
    root,
    `holds ${has}`,
    `write the rate of the device's microphone into '${path.join(root, SETTINGS_FILE)}', such as {"sampleRate": 16000}, and all are brought to it`,
  )
}

/** Samples in the middle of a recording, or all with silence on both sides, at the front end's rate. */
function clipOf(
  bytes: Uint8Array,
  format: WavFormat,
  { clipSamples, sampleRate }: SoundFrontEnd,
  resampler: Resampler | undefined,
): Int16Array {
  const middle = (length: number, wanted: number): number => Math.floor((length - wanted) / 2)
  if (resampler === undefined) return decodeMono(bytes, format, middle(format.length, clipSamples), clipSamples)
  const wanted = Math.ceil((clipSamples * format.sampleRate) / sampleRate) + 1
  return resampler(decodeMono(bytes, format, middle(format.length, wanted), wanted)).subarray(0, clipSamples)
}

/** How the recordings fit the clips, for people. */
function lengthNote(root: string, frontEnd: SoundFrontEnd, lengths: readonly number[]): string {
  const { clipSamples, sampleRate } = frontEnd
  const shorter = lengths.filter((length) => length < clipSamples).length
  const longer = lengths.filter((length) => length >= clipSamples + frontEnd.hopSamples).length
  const seconds = (clipSamples / sampleRate).toFixed(2)
  return `clips of sound are ${seconds} s long: of ${lengths.length} recordings ${longer} longer ones are cut on both sides and ${shorter} shorter ones have silence added; clipSeconds in '${path.join(root, SETTINGS_FILE)}' sets another length`
}

/** Recordings as logarithmic mel spectrograms: class folders, parts of them, or names that begin with the class. */
export const soundFolderFormat: DatasetFormat = {
  id: 'sound-folder',
  description:
    'sound folder: one sub-folder of WAV files per class, or such sub-folders inside train, test and val, or WAV files named class_….wav',
  matches: holdsSound,
  load: async (folder, options) => {
    const settings = readSoundSettings(folder)
    const listing = listSounds(folder)
    const { classNames, files, ranges } = listing
    const broken = new BrokenFiles(SOUND.names[1], SOUND.formats[0])
    const found = readFormats(files, broken)
    const formats = found.filter((format) => format !== undefined)
    if (formats.length === 0) broken.refuse(folder)
    const sampleRate = commonRate(folder, settings, formats)
    const lengths = formats.map((format) => Math.floor((format.length * sampleRate) / format.sampleRate))
    const frontEnd = frontEndOf(folder, settings, sampleRate, lengths)
    const spectrogram = createSpectrogram(frontEnd)
    const resamplers = new Map<number, Resampler>()
    const resamplerOf = (rate: number): Resampler | undefined => {
      if (rate === sampleRate) return undefined
      const resampler = resamplers.get(rate) ?? createResampler(rate, sampleRate)
      resamplers.set(rate, resampler)
      return resampler
    }
    const size = frontEnd.frames * frontEnd.bands
    const samples = sharedUint8(files.length * size)
    for (const [i, { file }] of files.entries()) {
      const format = found[i]
      if (format === undefined) continue
      const clip = broken.reading(file, () =>
        clipOf(readInputFile(file, MAX_FILE_BYTES), format, frontEnd, resamplerOf(format.sampleRate)),
      )
      if (clip !== undefined) spectrogram(clip, 0, samples, i * size)
    }
    broken.refuse(folder)
    const labels = sharedInt32(files.length)
    for (const [i, { label }] of files.entries()) labels[i] = label
    const speakers = speakersOf(listing)
    const raw = {
      name: path.basename(path.resolve(folder)),
      kind: 'spectrogram' as const,
      inputShape: [frontEnd.frames, frontEnd.bands, 1],
      classNames,
      samples,
      labels,
      ranges,
      ...(speakers === undefined ? {} : { groups: speakers }),
    }
    const notes = [...listingNotes(folder, listing), lengthNote(folder, frontEnd, lengths)]
    return { ...assembleDataset(raw, options), frontEnd, notes }
  },
}
