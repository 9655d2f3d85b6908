import { type FrontEndTables, SILENT_OCTAVES, type SoundFrontEnd, STEPS_PER_OCTAVE, tablesOf } from './front-end.ts'

/** Writes the features of the clip that begins at `samples[first]` to `out` from `at`: frames × bands. */
export type Spectrogram = (samples: Int16Array, first: number, out: Uint8Array, at: number) => void

const TWO_24 = 2 ** 24
const TWO_32 = 2 ** 32

/** Position of the highest bit of a whole number below 2^53. */
const highestBit = (value: number): number =>
  value >= TWO_32 ? 63 - Math.clz32(Math.floor(value / TWO_32)) : 31 - Math.clz32(value)

/** round(6 · log2(high · 2^24 + low)), less the silent octaves, within a byte. The energy is below 2^64. */
export function loudness(high: number, low: number, thresholds: readonly number[]): number {
  const carry = Math.floor(low / TWO_24)
  const upper = high + carry
  // Above 2^40 the upper part alone holds the 16 bits that are looked at.
  const isLarge = upper >= 1 << 16
  const value = isLarge ? upper : upper * TWO_24 + (low - carry * TWO_24)
  if (value === 0) return 0
  const octave = highestBit(value)
  const mantissa = Math.floor(value * 2 ** (15 - octave))
  let steps = STEPS_PER_OCTAVE * (octave + (isLarge ? 24 : 0) - SILENT_OCTAVES)
  for (const threshold of thresholds) if (mantissa >= threshold) steps++
  return Math.max(0, Math.min(255, steps))
}

/** cos and sin of 2πk / fftLength, k = 0 … fftLength / 2, from a quarter of a wave. */
function wave(cosine: Int16Array, fftLength: number): readonly [Int16Array, Int16Array] {
  const quarter = fftLength / 4
  const at = (k: number): number => (k <= quarter ? cosine[k]! : -cosine[2 * quarter - k]!)
  const all = { length: 2 * quarter + 1 }
  return [Int16Array.from(all, (_, k) => at(k)), Int16Array.from(all, (_, k) => at(Math.abs(k - quarter)))]
}

/**
 * Complex Fourier transform in place, divided by its length: each of its stages halves. Values of less than 31 bits,
 * factors of 16: products are whole numbers below 2^53 and so exact, as they are in 64 bits in C. (Arrays of doubles, since
 * changing between the two kinds of numbers takes a third of the time.)
 * @param re, im in bit-reversed order.
 */
function transform(re: Float64Array, im: Float64Array, cos: Int16Array, sin: Int16Array): void {
  const points = re.length
  for (let half = 1; half < points; half *= 2) {
    const stride = points / half
    for (let j = 0; j < half; j++) {
      const c = cos[j * stride]!
      const s = sin[j * stride]!
      for (let a = j; a < points; a += 2 * half) {
        const b = a + half
        const br = re[b]!
        const bi = im[b]!
        const tr = Math.floor((br * c + bi * s + 32768) / 65536)
        const ti = Math.floor((bi * c - br * s + 32768) / 65536)
        const ar = Math.floor((re[a]! + 1) / 2)
        const ai = Math.floor((im[a]! + 1) / 2)
        re[a] = ar + tr
        im[a] = ai + ti
        re[b] = ar - tr
        im[b] = ai - ti
      }
    }
  }
}

/** Energies |X|² of the bins of a real transform whose even and odd samples went through one of half the length. */
function energies(
  re: Float64Array,
  im: Float64Array,
  cos: Int16Array,
  sin: Int16Array,
  first: number,
  out: Float64Array,
) {
  const points = re.length
  const scale = 2 ** -22
  for (let i = 0; i < out.length; i++) {
    const k = first + i
    const a = k & (points - 1)
    const b = (points - k) & (points - 1)
    const [ar, ai, br, bi] = [re[a]!, im[a]!, re[b]!, im[b]!]
    const [c, s] = [cos[k]!, sin[k]!]
    const real = Math.floor(((ar + br) * 32768 + c * (ai + bi) - s * (ar - br) + 2 ** 21) * scale)
    const imaginary = Math.floor(((ai - bi) * 32768 - c * (ar - br) - s * (ai + bi) + 2 ** 21) * scale)
    out[i] = real * real + imaginary * imaginary
  }
}

/**
 * Energies of the bands as loudness: each bin counts for the band below and the band above it, in 15 bits. Numbers of up to
 * 64 bits are held in two parts, so that every sum is exact.
 */
function bandsOf(power: Float64Array, tables: FrontEndTables, bands: number, out: Uint8Array, at: number): void {
  const { firstBins, weights, thresholds } = tables
  const origin = firstBins[0]!
  let [risingHigh, risingLow] = [0, 0]
  for (let i = 0; i <= bands; i++) {
    let [sumHigh, sumLow, upHigh, upLow] = [0, 0, 0, 0]
    for (let bin = firstBins[i]! - origin; bin < firstBins[i + 1]! - origin; bin++) {
      const high = Math.floor(power[bin]! * 2 ** -24)
      const low = power[bin]! - high * TWO_24
      sumHigh += high
      sumLow += low
      upHigh += weights[bin]! * high
      upLow += weights[bin]! * low
    }
    if (i > 0) {
      const high = risingHigh + sumHigh * 32768 - upHigh
      out[at + i - 1] = loudness(high, risingLow + sumLow * 32768 - upLow, thresholds)
    }
    risingHigh = upHigh
    risingLow = upLow
  }
}

/** Order in which values go in, so that they come out in order. */
function bitReversed(points: number): Int32Array {
  const order = new Int32Array(points)
  for (let i = 1; i < points; i++) order[i] = (order[i >> 1]! >> 1) + (i & 1) * (points / 2)
  return order
}

/**
 * Logarithmic mel spectrograms in whole numbers: window, Fourier transform, energies, triangular bands, logarithm. The
 * exported C computes the same numbers, bit for bit (docs/data.md has the formula).
 */
export function createSpectrogram(frontEnd: SoundFrontEnd): Spectrogram {
  const { frames, frameSamples, hopSamples, fftLength, bands } = frontEnd
  const tables = tablesOf(frontEnd)
  const { window } = tables
  const [cos, sin] = wave(tables.cosine, fftLength)
  const order = bitReversed(fftLength / 2)
  const [re, im] = [new Float64Array(fftLength / 2), new Float64Array(fftLength / 2)]
  const power = new Float64Array(tables.weights.length)
  return (samples, first, out, at) => {
    for (let frame = 0; frame < frames; frame++) {
      const start = first + frame * hopSamples
      re.fill(0)
      im.fill(0)
      for (let n = 0; n < frameSamples; n += 2) re[order[n >> 1]!] = samples[start + n]! * window[n]!
      for (let n = 1; n < frameSamples; n += 2) im[order[n >> 1]!] = samples[start + n]! * window[n]!
      transform(re, im, cos, sin)
      energies(re, im, cos, sin, tables.firstBins[0]!, power)
      bandsOf(power, tables, bands, out, at + frame * bands)
    }
  }
}
