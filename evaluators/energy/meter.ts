import type { EnergyCounter } from './counter.ts'
import { openEstimate } from './estimate.ts'
import { openGpu } from './gpu.ts'
import { openRapl } from './rapl.ts'

/** Energy that went into one training, or into the search between trainings. */
export interface EnergyUse {
  /** Which architecture was trained; undefined: no training, the search itself. */
  readonly archId: string | undefined
  /** Stages that the architecture went through before; 0 between trainings. */
  readonly rung: number
  readonly measuredJoules: number
  readonly estimatedJoules: number
}

/** Trainings that run now share what the counters count; each is closed with `end`. */
export interface EnergyMeter {
  /** Where the figures come from, in words, as far as is known now. */
  readonly sources: readonly string[]
  /** Whether the processor's energy is an estimate. */
  readonly estimates: boolean
  begin(archId: string, rung: number): OpenTraining
  /** What a training used. `extraEstimatedJoules`: what the counters cannot see, such as another process. */
  end(training: OpenTraining, extraEstimatedJoules?: number): EnergyUse
  /** What was used since the last call while nothing was trained. */
  between(): EnergyUse
  /** Counted so far and not given out yet. */
  openJoules(): number
  close(): void
}

export interface OpenTraining {
  readonly archId: string
  readonly rung: number
  measuredJoules: number
  estimatedJoules: number
}

/** Counters wrap around after a few minutes of full load at the earliest. */
const POLL_MS = 20_000

/**
 * A meter over some counters. What they count from one begin or end to the next is split evenly among the trainings that
 * ran meanwhile: each has one thread, so that their shares are alike.
 */
export function createMeter(counters: readonly EnergyCounter[], notes: readonly string[] = []): EnergyMeter {
  const open = new Set<OpenTraining>()
  const estimates = counters.some(({ measured }) => !measured)
  const idle = { measuredJoules: 0, estimatedJoules: 0 }
  const last = counters.map((counter) => counter.joules())
  const advance = (): void => {
    for (const [i, counter] of counters.entries()) {
      const now = counter.joules()
      const used = now - last[i]!
      last[i] = now
      const member = counter.measured ? 'measuredJoules' : 'estimatedJoules'
      if (open.size === 0) idle[member] += used
      else for (const training of open) training[member] += used / open.size
    }
  }
  const poll = setInterval(advance, POLL_MS)
  poll.unref()
  return {
    get sources() {
      return [...counters.map(({ source }) => source), ...notes]
    },
    estimates,
    begin(archId, rung) {
      advance()
      const training = { archId, rung, measuredJoules: 0, estimatedJoules: 0 }
      open.add(training)
      return training
    },
    end(training, extraEstimatedJoules = 0) {
      advance()
      open.delete(training)
      return { ...training, estimatedJoules: training.estimatedJoules + extraEstimatedJoules }
    },
    between() {
      advance()
      const use = { archId: undefined, rung: 0, ...idle }
      idle.measuredJoules = 0
      idle.estimatedJoules = 0
      return use
    },
    openJoules() {
      advance()
      return [idle, ...open].reduce((sum, use) => sum + use.measuredJoules + use.estimatedJoules, 0)
    },
    close() {
      clearInterval(poll)
      for (const counter of counters) counter.close()
    },
  }
}

/**
 * The best meter this machine has.
 * @param gpu whether trainings run on a GPU, so that its energy counts
 * @param onLost told in a sentence when a counter is lost while it counts; the meter's sources say so then
 */
export async function openMeter(gpu: boolean, onLost: (sentence: string) => void): Promise<EnergyMeter> {
  const processor = openRapl() ?? openEstimate()
  if (!gpu) return createMeter([processor])
  const graphics = await openGpu(onLost)
  return graphics === undefined
    ? createMeter([processor], ['the GPU is not counted: nvidia-smi does not tell its power'])
    : createMeter([processor, graphics])
}
