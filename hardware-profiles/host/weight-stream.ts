import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { Provenance } from '../fit-table.ts'
import type { Profile } from '../profile.ts'

/**
 * A 1×1 convolution of 1 MiB of weights on a map so small that reading them counts, and how many of it the networks hold:
 * within the caches, beyond them and far beyond.
 */
const [MAP, CHANNELS] = [7, 512]
export const STREAMED_REPEATS = [6, 16, 48] as const
/** Less than this share is no more than timings differ by. */
const LEAST_EXTRA = 0.02
const WEIGHTS = CHANNELS ** 2

/** Networks of ever more equal convolutions: what the weights take that the caches do not hold. */
export const streamingNetworks = (): readonly NetworkGraph[] =>
  STREAMED_REPEATS.map((repeats) => {
    const b = new GraphBuilder()
    let x = b.input([MAP, MAP, CHANNELS])
    for (let i = 0; i < repeats; i++) x = b.conv2d(x, CHANNELS, { kernel: 1, bias: true })
    return b.build(x)
  })

/**
 * What a byte of weights beyond the caches takes on top, in µs, and how many bytes the caches hold, from the milliseconds of
 * the networks above, with so many bytes for a weight: the line through the two larger ones, from where it leaves what the smallest takes for its size.
 * Undefined where weights from memory take no longer.
 */
export function weightStreamOf(ms: readonly number[], bytes: number, provenance: Provenance): Profile['weightStream'] {
  const [within, beyond, far] = ms as readonly [number, number, number]
  const [few, many, most] = STREAMED_REPEATS
  const cachedMs = within / few
  const extraMs = (far - beyond) / (most - many) - cachedMs
  if (!(extraMs > LEAST_EXTRA * cachedMs)) return undefined
  const held = many - (beyond - many * cachedMs) / extraMs
  const cacheBytes = Math.round(Math.min(Math.max(held, few), many) * bytes * WEIGHTS)
  return { cacheBytes, usPerByte: Number(((1000 * extraMs) / (bytes * WEIGHTS)).toPrecision(4)), provenance }
}
