import { createHash } from 'node:crypto'
import test from 'ava'
import { melOf, type SoundFrontEnd, tablesOf } from '../../evaluators/datasets/sound/front-end.ts'
import { createSpectrogram, loudness } from '../../evaluators/datasets/sound/spectrogram.ts'
import { randomStream } from '../../lib/random.ts'

const FRONT_END: SoundFrontEnd = {
  sampleRate: 16_000,
  frames: 5,
  frameSamples: 480,
  hopSamples: 320,
  clipSamples: 4 * 320 + 480,
  fftLength: 512,
  bands: 40,
  lowHz: 80,
  highHz: 7600,
}

/** The documented formula in double precision, with a Fourier transform from its definition. */
function expected(frontEnd: SoundFrontEnd, samples: Int16Array): number[] {
  const { frames, frameSamples, hopSamples, fftLength, bands, lowHz, highHz, sampleRate } = frontEnd
  const low = melOf(lowHz)
  const step = (melOf(highHz) - low) / (bands + 1)
  const out: number[] = []
  for (let frame = 0; frame < frames; frame++) {
    const power = Array.from({ length: fftLength / 2 + 1 }, (_, k) => {
      let [re, im] = [0, 0]
      for (let n = 0; n < frameSamples; n++) {
        const hann = Math.sin((Math.PI * (n + 0.5)) / frameSamples) ** 2
        const x = samples[frame * hopSamples + n]! * hann
        re += x * Math.cos((2 * Math.PI * k * n) / fftLength)
        im -= x * Math.sin((2 * Math.PI * k * n) / fftLength)
      }
      return re * re + im * im
    })
    for (let band = 0; band < bands; band++) {
      const energy = power.reduce((sum, each, k) => {
        const place = (melOf((k * sampleRate) / fftLength) - low) / step
        return sum + each * Math.max(0, 1 - Math.abs(place - band - 1))
      }, 0)
      // 2^9 for each sample of 16 bits, 2 / fftLength for the transform, 15 bits of weights.
      const scaled = energy * (2 ** 10 / fftLength) ** 2 * 2 ** 15
      out.push(Math.max(0, Math.min(255, 6 * (Math.log2(scaled) - 20))))
    }
  }
  return out
}

const clip = (length: number, value: (i: number) => number): Int16Array =>
  Int16Array.from({ length }, (_, i) => Math.max(-32768, Math.min(32767, Math.round(value(i)))))
const random = randomStream(5, 'sound')
const CLIPS: Readonly<Record<string, (i: number) => number>> = {
  'loud noise': () => (random.float() * 2 - 1) * 32767,
  'noise of a few steps': () => (random.float() * 2 - 1) * 4,
  'a chirp': (i) => 8000 * Math.sin(i * i * 1e-3),
  'a square wave at full scale': (i) => (Math.floor(i / 20) % 2 === 0 ? 32767 : -32768),
  'a tone': (i) => 20_000 * Math.sin(i * 0.3),
}

for (const [name, value] of Object.entries(CLIPS)) {
  test(`${name}: the whole-number features are the formula’s, rounded`, (t) => {
    for (const frontEnd of [FRONT_END, { ...FRONT_END, frameSamples: 512, clipSamples: 4 * 320 + 512, bands: 24 }]) {
      const samples = clip(frontEnd.clipSamples, value)
      const out = new Uint8Array(frontEnd.frames * frontEnd.bands)
      createSpectrogram(frontEnd)(samples, 0, out, 0)
      const right = expected(frontEnd, samples)
      const loudest = Math.max(...right)
      for (const [i, feature] of out.entries()) {
        // 70 dB and more below the loudest band, the 16 bits of window and factors show.
        const isHeard = right[i]! > loudest - 140
        const isRight = isHeard ? Math.abs(feature - right[i]!) <= 0.75 : feature <= loudest - 120
        t.true(isRight, `${i}: ${feature}, ${right[i]}`)
      }
    }
  })
}

test('silence is 0, and so are the features of a clip at another place', (t) => {
  const out = new Uint8Array(200).fill(9)
  createSpectrogram(FRONT_END)(new Int16Array(FRONT_END.clipSamples), 0, out, 0)
  t.true(out.every((value) => value === 0))
  const samples = clip(3000, (i) => 8000 * Math.sin(i * i * 1e-3))
  const [late, early] = [new Uint8Array(210), new Uint8Array(200)]
  createSpectrogram(FRONT_END)(samples, 700, late, 10)
  createSpectrogram(FRONT_END)(samples.slice(700), 0, early, 0)
  t.deepEqual(late.subarray(10), early)
  t.true(late.subarray(0, 10).every((value) => value === 0))
})

test('the features are the same everywhere', (t) => {
  const stream = randomStream(1, 'everywhere')
  const samples = clip(FRONT_END.clipSamples, (i) => 9000 * Math.sin(i * i * 1e-3) + (stream.float() - 0.5) * 2000)
  const out = new Uint8Array(200)
  createSpectrogram(FRONT_END)(samples, 0, out, 0)
  t.is(createHash('sha256').update(out).digest('hex').slice(0, 16), 'bc0e06b772ac5f1f')
})

test('loudness: 6 · log2 of up to 64 bits, rounded', (t) => {
  const { thresholds } = tablesOf(FRONT_END)
  const stream = randomStream(3, 'loudness')
  for (let i = 0; i < 20_000; i++) {
    const bits = stream.int(63)
    const energy = BigInt(Math.floor(2 ** Math.min(bits, 52) * (1 + stream.float()))) << BigInt(Math.max(0, bits - 52))
    // The parts may overlap, as sums of products do.
    const moved = energy >> 25n
    const [high, low] = [Number((energy >> 24n) - moved), Number(energy & 0xffffffn) + Number(moved) * 2 ** 24]
    if (low >= 2 ** 52) continue
    const right = Math.max(0, Math.min(255, 6 * Math.log2(Number(energy)) - 120))
    t.true(Math.abs(loudness(high, low, thresholds) - right) <= 0.5005, `${energy}`)
  }
  t.is(loudness(0, 0, thresholds), 0)
  t.is(loudness(2 ** 39, 0, thresholds), 255)
})

test('each bin counts fully: the weights of neighbouring bands sum to 1', (t) => {
  const { firstBins, weights, window } = tablesOf(FRONT_END)
  t.is(firstBins.length, 42)
  t.true(firstBins.every((bin, i) => i === 0 || bin >= firstBins[i - 1]!))
  t.is(weights.length, firstBins[41]! - firstBins[0]!)
  t.true(weights.every((weight) => weight <= 32768))
  t.deepEqual([...window], [...window].reverse())
})
