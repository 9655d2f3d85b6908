import { createHash } from 'node:crypto'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'

/** Four signed 32-bit words: the whole state of a stream, as JSON. */
export type RandomState = readonly number[]

/**
 * A seeded stream of random numbers (xoroshiro128+). Every consumer owns a stream derived from the
 * seed and a name, so that adding a draw in one place never changes the numbers seen in another.
 */
export interface RandomStream {
  /** Uniform in [0, 1), 32 bits of resolution. */
  float(): number
  /** Uniform integer in [0, maxExclusive). */
  int(maxExclusive: number): number
  /** Standard normal (Box–Muller, one value per call, no hidden state). */
  normal(): number
  /** True with the given probability. */
  chance(probability: number): boolean
  /** One element of a non-empty array. */
  pick<T>(items: readonly T[]): T
  /** 0…n−1 in random order (Fisher–Yates). */
  permutation(n: number): Uint32Array
  state(): RandomState
}

/** The stream called `names` of this seed. Same seed and names: same numbers, on every platform. */
export function randomStream(seed: number, ...names: readonly (string | number)[]): RandomStream {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...names]))
    .digest()
  return randomStreamFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)))
}

/** Continues a stream from what `state()` returned. */
export function randomStreamFromState(state: RandomState): RandomStream {
  const generator = xoroshiro128plusFromState(state)
  const uint32 = () => generator.next() >>> 0
  const stream: RandomStream = {
    float: () => uint32() / 0x1_0000_0000,
    int: (maxExclusive) => Math.floor((uint32() / 0x1_0000_0000) * maxExclusive),
    normal: () => {
      const radius = Math.sqrt(-2 * Math.log((uint32() + 1) / 0x1_0000_0001))
      return radius * Math.cos((2 * Math.PI * uint32()) / 0x1_0000_0000)
    },
    chance: (probability) => uint32() / 0x1_0000_0000 < probability,
    pick: (items) => items[stream.int(items.length)] as (typeof items)[number],
    permutation: (n) => {
      const order = new Uint32Array(n)
      for (let i = 0; i < n; i++) order[i] = i
      for (let i = n - 1; i > 0; i--) {
        const j = stream.int(i + 1)
        const swapped = order[i]!
        order[i] = order[j]!
        order[j] = swapped
      }
      return order
    },
    state: () => [...generator.getState()],
  }
  return stream
}
