import path from 'node:path'
import { z } from 'zod'
import { badFile, MAX_BYTES } from '../input-file.ts'
import { readSettingsFile } from '../settings-file.ts'
import { emptyBands, type SoundFrontEnd } from './front-end.ts'

/** Beside the classes, may be missing. */
export const SETTINGS_FILE = 'sound.json'

const settingsSchema = z.strictObject({
  sampleRate: z.int().min(4000).max(48_000).optional(),
  clipSeconds: z.number().positive().max(60).optional(),
  frameMs: z.number().min(4).max(128).default(32),
  hopMs: z.number().min(1).max(1000).default(20),
  bands: z.int().min(8).max(128).default(40),
  lowHz: z.number().min(0).default(80),
  highHz: z.number().positive().optional(),
})

/** How sound becomes samples; what is left out follows from the recordings. */
export type SoundSettings = z.infer<typeof settingsSchema>

/** @throws UserError when the file is there and does not say what it should. */
export function readSoundSettings(folder: string): SoundSettings {
  const file = path.join(folder, SETTINGS_FILE)
  const parsed = settingsSchema.safeParse(readSettingsFile(file, '{"clipSeconds": 1}') ?? {})
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  const names = Object.keys(settingsSchema.shape).join(', ')
  throw badFile(file, `holds no settings of sound (${where}${issue.message})`, `a JSON object with any of ${names}`)
}

/** Without `clipSeconds`, so many of the recordings are not cut, as long as that gives no longer clips than these. */
const WHOLE_SHARE = 0.95
const LONGEST_CLIP_SECONDS = 10
const MAX_FFT = 4096
/** Bands end a little below half the sample rate, where microphones and resampling take away, and at most here. */
const HIGHEST_BAND_HZ = 7600
const UPPER_EDGE = 0.95

/**
 * The front end that settings and recordings lead to.
 * @param lengths of the recordings in samples of `sampleRate`.
 * @throws UserError naming the folder when they fit no spectrogram.
 */
export function frontEndOf(
  folder: string,
  settings: SoundSettings,
  sampleRate: number,
  lengths: readonly number[],
): SoundFrontEnd {
  const frameSamples = Math.round((settings.frameMs / 1000) * sampleRate)
  const hopSamples = Math.max(1, Math.round((settings.hopMs / 1000) * sampleRate))
  const fftLength = 2 ** Math.ceil(Math.log2(frameSamples))
  const refuse = (wrong: string, right: string): never => {
    throw badFile(folder, wrong, `${right} in ${SETTINGS_FILE}`)
  }
  if (fftLength > MAX_FFT) refuse(`has frames of ${frameSamples} samples`, `give a smaller frameMs or sampleRate`)
  const sorted = [...lengths].sort((a, b) => a - b)
  const usual = sorted[Math.ceil(WHOLE_SHARE * sorted.length) - 1]!
  const wanted =
    settings.clipSeconds === undefined
      ? Math.min(usual, LONGEST_CLIP_SECONDS * sampleRate)
      : Math.round(settings.clipSeconds * sampleRate)
  const frames = 1 + Math.floor((wanted - frameSamples) / hopSamples)
  if (frames < 4) {
    refuse(`has clips of ${wanted} samples, less than four frames of sound`, 'give a longer clipSeconds')
  }
  const highHz = settings.highHz ?? Math.min(HIGHEST_BAND_HZ, (UPPER_EDGE * sampleRate) / 2)
  if (highHz > sampleRate / 2 || settings.lowHz >= highHz) {
    const wrong = `has bands from ${settings.lowHz} to ${highHz} Hz of sound of ${sampleRate} Hz`
    refuse(wrong, `give lowHz below highHz, and highHz up to ${sampleRate / 2},`)
  }
  const frontEnd: SoundFrontEnd = {
    sampleRate,
    clipSamples: (frames - 1) * hopSamples + frameSamples,
    frames,
    frameSamples,
    hopSamples,
    fftLength,
    bands: settings.bands,
    lowHz: settings.lowHz,
    highHz,
  }
  const empty = emptyBands(frontEnd)
  if (empty > 0) {
    const wrong = `has ${empty} of ${settings.bands} bands too narrow for frames of ${settings.frameMs} ms`
    refuse(wrong, 'give fewer bands or a longer frameMs')
  }
  const bytes = lengths.length * frames * settings.bands
  if (bytes > MAX_BYTES) {
    refuse(
      `needs ${bytes} bytes (${lengths.length} clips of ${frames}×${settings.bands})`,
      'give a shorter clipSeconds',
    )
  }
  return frontEnd
}
