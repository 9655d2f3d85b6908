import os from 'node:os'
import { type EngineChoice, engineName, stepsTogether, trainsAlone } from '../../evaluators/training/engines.ts'
import { UserError } from '../../lib/errors.ts'
import { wholeNumber } from '../commands/shared.ts'

/** Who trains. No figure of a search depends on it. */
export interface Crew {
  /** Threads, or processes. */
  readonly workers: number
  /** Networks that each trains at a time, with their steps together. */
  readonly netsPerStep: number
  /** Processes in place of threads. */
  readonly isolate: boolean
}

export interface CrewArguments {
  readonly workers: number | undefined
  readonly 'nets-per-step': number | undefined
  readonly isolate: boolean
}

const MOST_WORKERS = 1024
const MOST_NETS_PER_STEP = 64

/** Checks the flags as far as nothing else is known. */
export function checkCrew({ workers, 'nets-per-step': netsPerStep }: Omit<CrewArguments, 'isolate'>): void {
  if (workers !== undefined) wholeNumber(workers, '--workers', 1, MOST_WORKERS)
  if (netsPerStep !== undefined) wholeNumber(netsPerStep, '--nets-per-step', 1, MOST_NETS_PER_STEP)
}

/** Networks that are trained at the same time. */
export const trainedAtOnce = ({ workers, netsPerStep }: Pick<Crew, 'workers' | 'netsPerStep'>): number =>
  workers * netsPerStep

export interface CrewBounds {
  readonly lookAhead: number
  readonly trials: number
  /** Whether the search has begun, and keeps its look-ahead. */
  readonly begun?: boolean
}

/**
 * One thread per core by default, one where trainings share a GPU; more than the look-ahead could never be busy.
 * @param bounds of a search.
 * @throws UserError when the flags ask for what the engine or the look-ahead does not allow.
 */
export function crewOf(
  asked: CrewArguments,
  choice: EngineChoice,
  { lookAhead, trials, begun = false }: CrewBounds = { lookAhead: Infinity, trials: Infinity },
): Crew {
  const netsPerStep = asked['nets-per-step'] ?? 1
  if (netsPerStep > 1 && !stepsTogether(choice)) {
    throw new UserError(
      `--nets-per-step ${netsPerStep} is for the engine 'onnxruntime': '${choice.engine}' trains one network at a time`,
    )
  }
  if (trainsAlone(choice) && asked.workers !== undefined && asked.workers > 1) {
    const instead = stepsTogether(choice) ? '; --nets-per-step trains several there' : ''
    throw new UserError(
      `--workers ${asked.workers} is too many: ${engineName(choice)} trains on one thread at a time${instead}`,
    )
  }
  const wanted = (asked.workers ?? 1) * netsPerStep
  if (wanted > lookAhead) {
    const flags = [
      ...(asked.workers === undefined ? [] : [`--workers ${asked.workers}`]),
      ...(netsPerStep === 1 ? [] : [`--nets-per-step ${netsPerStep}`]),
    ]
    const given = flags.join(' with ')
    throw new UserError(
      begun
        ? `${given} is too many: the search was begun with --look-ahead ${lookAhead}, so at most ${lookAhead} networks train at a time`
        : `${given} is more than --look-ahead ${lookAhead}: raise --look-ahead to at least ${wanted}`,
    )
  }
  const workers = asked.workers ?? (trainsAlone(choice) ? 1 : os.availableParallelism())
  const most = Math.ceil(Math.min(Math.floor(lookAhead / netsPerStep), trials / netsPerStep))
  return { workers: Math.min(workers, most), netsPerStep, isolate: asked.isolate }
}
