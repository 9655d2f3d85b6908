/**
 * What makes a spectrogram of sound: everything that a device has to do before the network. Lengths are in samples.
 * The features are `frames` × `bands` unsigned bytes, time first.
 */
export interface SoundFrontEnd {
  readonly sampleRate: number
  /** Of one clip: the last frame ends with it. */
  readonly clipSamples: number
  readonly frames: number
  readonly frameSamples: number
  readonly hopSamples: number
  /** A power of two: a frame is filled up with silence. */
  readonly fftLength: number
  readonly bands: number
  /** Edges of the first and the last band. */
  readonly lowHz: number
  readonly highHz: number
}

/** Integers that the features are computed with, equal in training and in the exported C. */
export interface FrontEndTables {
  /** Von Hann's window, 0 … 32767, one for each sample of a frame. */
  readonly window: Int16Array
  /** 32767 · cos(2πk / fftLength), k = 0 … fftLength / 4. */
  readonly cosine: Int16Array
  /** Bins from `firstBins[i]` to before `firstBins[i + 1]` lie between the centres of bands i − 1 and i. */
  readonly firstBins: Int32Array
  /** Of each bin from `firstBins[0]`: how far it is on its way from the one centre to the next, 0 … 32768. */
  readonly weights: Uint16Array
  /** Where 1/6 octave rounds up: of a mantissa of 16 bits, 2^15 … 2^16 − 1. */
  readonly thresholds: readonly number[]
}

/** 6 steps for each factor of 2 of the energy are half a decibel each: 10 log10(2) / 6 = 0.5017 dB. */
export const STEPS_PER_OCTAVE = 6
/** Octaves of the energy below which everything is 0; 255 is reached 42.5 octaves (128 dB) above. */
export const SILENT_OCTAVES = 20

/** Mel scale of O'Shaughnessy 1987, as HTK and most others compute it. */
export const melOf = (hertz: number): number => 1127 * Math.log(1 + hertz / 700)

export function tablesOf(frontEnd: SoundFrontEnd): FrontEndTables {
  const { frameSamples, fftLength, sampleRate, bands, lowHz, highHz } = frontEnd
  const low = melOf(lowHz)
  const step = (melOf(highHz) - low) / (bands + 1)
  const firstBins = new Int32Array(bands + 2)
  const weights: number[] = []
  let next = 0
  for (let bin = 0; bin <= fftLength / 2; bin++) {
    const place = (melOf((bin * sampleRate) / fftLength) - low) / step
    while (next < firstBins.length && place >= next) firstBins[next++] = bin
    if (place >= 0 && place < bands + 1) weights.push(Math.round((place - Math.floor(place)) * 32768))
  }
  // The upper edge may lie at half the sample rate.
  firstBins.fill(fftLength / 2 + 1, next)
  return {
    window: Int16Array.from({ length: frameSamples }, (_, n) =>
      Math.round(32767 * (0.5 - 0.5 * Math.cos((2 * Math.PI * (n + 0.5)) / frameSamples))),
    ),
    cosine: Int16Array.from({ length: fftLength / 4 + 1 }, (_, k) =>
      Math.round(32767 * Math.cos((2 * Math.PI * k) / fftLength)),
    ),
    firstBins,
    weights: Uint16Array.from(weights),
    thresholds: Array.from({ length: STEPS_PER_OCTAVE }, (_, j) =>
      Math.ceil(32768 * 2 ** ((j + 0.5) / STEPS_PER_OCTAVE)),
    ),
  }
}

/** Bands that no frequency of the transform falls into: they would always be silent. */
export function emptyBands(frontEnd: SoundFrontEnd): number {
  const { firstBins, weights } = tablesOf(frontEnd)
  let empty = 0
  for (let band = 0; band < frontEnd.bands; band++) {
    const [rising, falling, end] = firstBins.subarray(band, band + 3) as unknown as [number, number, number]
    const isHeard = (bin: number): boolean => bin >= falling || weights[bin - firstBins[0]!]! > 0
    let heard = false
    for (let bin = rising; bin < end && !heard; bin++) heard = isHeard(bin)
    if (!heard) empty++
  }
  return empty
}
