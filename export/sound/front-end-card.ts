import type { SoundFrontEnd } from '../../evaluators/datasets/sound/front-end.ts'
import type { Profile } from '../../hardware-profiles/index.ts'
import { formatBytes, formatLatency, formatNumber } from '../../lib/units.ts'
import type { FrontEndFootprint } from '../formats/format.ts'
import type { ModelCard } from '../model-card.ts'
import { CYCLES_PER_INSTRUCTION } from './front-end-cost.ts'

type FrontEndCard = NonNullable<ModelCard['frontEnd']>

/** What a front end does and needs, as the card says it. */
export function frontEndCardOf(frontEnd: SoundFrontEnd, footprint: FrontEndFootprint, profile: Profile): FrontEndCard {
  const { instructions, stackBytes, flashBytes, ...memory } = footprint
  const ms = (count: number): number => (1000 * count * CYCLES_PER_INSTRUCTION) / profile.clockHz
  const counted =
    instructions === undefined
      ? undefined
      : { instructionsPerFrame: instructions.frame, instructionsToPrepare: instructions.prepare }
  const timed =
    instructions === undefined || profile.family !== 'cortex-m'
      ? undefined
      : {
          latency: {
            frameMs: ms(instructions.frame),
            clipMs: ms(frontEnd.frames * instructions.frame + instructions.prepare),
            basis: 'derived' as const,
            source: `instructions on an emulated Cortex-M4 x ${CYCLES_PER_INSTRUCTION} cycles at ${profile.clockHz / 1e6} MHz; never run on the board`,
          },
        }
  return {
    features: 'log-mel, round(6 log2 energy) - 120, 0 to 255',
    ...frontEnd,
    ...memory,
    ...(stackBytes === undefined ? {} : { stackBytes }),
    ...(flashBytes === undefined ? {} : { flashBytes }),
    ...counted,
    ...timed,
  }
}

/** What has to be computed before the network, and what that costs beside it; nothing for other data than sound. */
export function frontEndSection({ frontEnd, cost }: ModelCard): string {
  if (frontEnd === undefined) return ''
  const { sampleRate, clipSamples, frames, frameSamples, hopSamples, fftLength, bands, lowHz, highHz } = frontEnd
  const { workBytes, featureBytes, constantBytes, stackBytes, flashBytes, latency } = frontEnd
  const ms = (samples: number): string => `${formatNumber((1000 * samples) / sampleRate)} ms`
  const stack = stackBytes === undefined ? 'stack not measured here' : `stack ${stackBytes} B`
  const flash = flashBytes === undefined ? 'not measured here' : `${flashBytes} B linked for a Cortex-M4`
  const counted =
    frontEnd.instructionsPerFrame === undefined
      ? 'not measured here: that needs arm-none-eabi-gcc, qemu-system-arm and verification'
      : `${frontEnd.instructionsPerFrame} for each frame, ${frontEnd.instructionsToPrepare} to prepare the network's input, on an emulated Cortex-M4`
  const share = latency === undefined ? 0 : (100 * latency.frameMs * sampleRate) / (1000 * hopSamples)
  const time =
    latency === undefined
      ? ''
      : `| latency | **derived**: ${formatLatency(latency.frameMs)} for a frame (${formatNumber(share)} % of the time from one to the next), ${formatLatency(latency.clipMs)} for a whole clip; ${latency.source} |\n| with the network | ${formatLatency(cost.latencyMs + latency.clipMs)} for a whole clip; ${formatLatency(cost.latencyMs + latency.frameMs)} after the last frame where frames are computed as sound comes in |\n`
  return `## Sound

The network reads spectrograms of sound. **Latency, energy, RAM and flash above are the network's alone**; what makes the spectrograms, \`frontend/frontend.c\`, comes on top.

| | |
|---|---|
| sound | 16 bits, one channel, ${sampleRate} Hz; clips of ${clipSamples} samples (${ms(clipSamples)}) |
| frames | ${frames} of ${frameSamples} samples (${ms(frameSamples)}), one every ${hopSamples} (${ms(hopSamples)}); von Hann's window; transform of ${fftLength} |
| bands | ${bands} triangles, equally wide in mel (1127 ln(1 + f / 700)), ${formatNumber(lowHz)} to ${formatNumber(highHz)} Hz |
| feature | round(6 log2 of the band's energy) - 120, within 0 and 255: half a decibel a step |
| RAM | ${formatBytes(workBytes)} (${workBytes} B) for the transform, ${featureBytes} B for the features of a clip, ${stack}; and the samples: ${2 * frameSamples} B for one frame, ${2 * clipSamples} B for a whole clip |
| flash | ${flash}, of which ${constantBytes} B are tables |
| instructions | ${counted} |
${time}
`
}
