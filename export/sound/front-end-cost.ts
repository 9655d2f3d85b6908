import { type SoundFrontEnd, tablesOf } from '../../evaluators/datasets/sound/front-end.ts'
import { wholeTaps } from '../../evaluators/datasets/whole-resize.ts'
import type { Profile } from '../../hardware-profiles/index.ts'
import { tableBytes } from './front-end-source.ts'
import { prepareBytes } from './prepare-source.ts'

/** What the exported C's profile takes for a Cortex-M4: derived from instruction timings, never measured on a board. */
export const CYCLES_PER_INSTRUCTION = 1.5

/** What the front end of sound takes on a device beside the network that reads its features. */
interface FrontEndCosts {
  readonly latencyMs: number
  readonly energyMj: number
  readonly peakRamBytes: number
  readonly flashBytes: number
}

/**
 * How much of the front end an inference waits for: all frames of a clip that is there as a whole, or the last frame of
 * sound that comes in while frames are computed.
 */
export const COUNTED_FRAMES = ['clip', 'stream'] as const
type CountedFrames = (typeof COUNTED_FRAMES)[number]

/** Height (time) and width (bands) of the features that a network reads. */
type InputSize = readonly [height: number, width: number]

/** Code of the front end without its tables; with start-up 1,858 to 1,906 B were linked for 16 settings. */
const CODE_BYTES = 1920
/** Code that resizes features. */
const RESIZING_BYTES = 180

/**
 * Instructions of one frame on a Cortex-M4. Fitted to 16 settings (4 to 48 kHz, 12 to 80 bands, transforms of 128 to
 * 2,048): settings left out of the fit are 0.9 % off in the mean, 2.6 % at most (`bench/front-end-cost.ts`).
 */
export function frameInstructions(frontEnd: SoundFrontEnd): number {
  const points = frontEnd.fftLength / 2
  const butterflies = (points * Math.log2(points)) / 2
  return 29.98 * butterflies + 54.04 * points + 115.4 * tablesOf(frontEnd).weights.length + 189.4 * frontEnd.bands
}

/** Instructions from features to the input of a network that reads `[height, width]`; counted for four sizes. */
export function prepareInstructions({ frames, bands }: SoundFrontEnd, [height, width]: InputSize): number {
  if (height === frames && width === bands) return 3.76 * frames * bands
  const [rows, columns] = [wholeTaps(frames, height).width, wholeTaps(bands, width).width]
  return height * width * (20.5 + rows * (14.6 + 6.92 * columns))
}

/**
 * What a front end takes on a device, by the input of the network: instructions × 1.5 cycles for Cortex-M, **derived**;
 * no time for NPUs, since the clock of the processor beside them is not in their profiles. Samples and stack are not counted.
 * @returns undefined for GPUs and computers, whose memory it does not fill and whose front end is another program.
 */
export function frontEndCostModel(
  frontEnd: SoundFrontEnd,
  counted: CountedFrames,
  { family, clockHz, energy }: Pick<Profile, 'family' | 'clockHz' | 'energy'>,
): ((input: InputSize) => FrontEndCosts) | undefined {
  if (family !== 'cortex-m' && family !== 'npu') return undefined
  const { frames, bands, fftLength } = frontEnd
  const instructions = (counted === 'clip' ? frames : 1) * frameInstructions(frontEnd)
  const tables = tableBytes(frontEnd)
  return (input) => {
    const isResized = input[0] !== frames || input[1] !== bands
    const cycles = CYCLES_PER_INSTRUCTION * (instructions + prepareInstructions(frontEnd, input))
    const latencyMs = family === 'cortex-m' ? (1000 * cycles) / clockHz : 0
    return {
      latencyMs,
      energyMj: (latencyMs * energy.activePowerMw) / 1000,
      peakRamBytes: 4 * fftLength + frames * bands,
      flashBytes: CODE_BYTES + (isResized ? RESIZING_BYTES : 0) + tables + prepareBytes(frontEnd, input),
    }
  }
}
