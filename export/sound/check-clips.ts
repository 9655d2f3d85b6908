import type { SoundFrontEnd } from '../../evaluators/datasets/sound/front-end.ts'
import type { RandomStream } from '../../lib/random.ts'

/** Kinds of clips, each at every loudness in turn. */
const KINDS = 5
const PEAKS: readonly number[] = [32_767, 8000, 900, 60, 4]

/** A clip that the front end is checked on: noise, a chirp, a square wave, clicks, or a tone, louder and quieter. */
export function checkClip({ clipSamples }: SoundFrontEnd, n: number, random: RandomStream): Int16Array {
  const peak = PEAKS[Math.floor(n / KINDS) % PEAKS.length]!
  const [rate, period] = [0.1 + random.float() / 2, 7 + random.int(60)]
  const value = [
    () => 2 * random.float() - 1,
    (i: number) => Math.sin((i * i * Math.PI) / (2 * clipSamples)),
    (i: number) => (Math.floor(i / period) % 2 === 0 ? 1 : -1),
    (i: number) => (i % (8 * period) === 0 ? 1 : 0),
    (i: number) => Math.sin(rate * i),
  ][n % KINDS]!
  return Int16Array.from({ length: clipSamples }, (_, i) => Math.round(peak * value(i)))
}
