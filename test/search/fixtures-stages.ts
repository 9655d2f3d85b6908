import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { EvaluationRequest, Fidelity, Measurement } from '../../evaluators/evaluator.ts'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import type { Failure } from '../../lib/errors.ts'
import { CheckpointFolder } from '../../search/fidelity/checkpoints.ts'
import type { Ladder } from '../../search/fidelity/ladder.ts'
import type { SearchPlan } from '../../search/loop.ts'
import { type ToyEvaluator, toyEvaluator, toyMeasurement, toyPlan } from './fixtures-loop.ts'

export interface StagedEvaluator extends ToyEvaluator {
  /** Trainings that began from nothing although there were stages before. */
  readonly restarts: () => number
}

const STAGES: readonly Fidelity[] = [
  { epochs: 1, dataFraction: 1 },
  { epochs: 2, dataFraction: 1 },
  { epochs: 6, dataFraction: 1 },
]

const isWhole = (file: string): boolean => existsSync(file) && /^[0-9a-f]{64}$/.test(readFileSync(file, 'utf8'))

/** Trains in name only: the "weights" are a digest of all that real weights would depend on, kept in real files. */
export function stagedEvaluator(delayMs?: (archId: string) => number): StagedEvaluator {
  let restarts = 0
  const answer = (request: EvaluationRequest): Measurement | Failure => {
    const { archId, seed, fidelity, earlier = [], checkpoints } = request
    const file = (name: string | undefined) =>
      name === undefined ? undefined : path.join(checkpoints!.directory, `${name}.checkpoint`)
    const [before, parent] = [file(checkpoints?.continueFrom), file(checkpoints?.inheritFrom)]
    let weights: string
    let stages: readonly Fidelity[] = [fidelity]
    if (before !== undefined && isWhole(before)) weights = readFileSync(before, 'utf8')
    else {
      if (parent !== undefined && !isWhole(parent)) return { ok: false, code: 'checkpoint', message: 'no parent' }
      weights = sha256Hex(`${archId} ${seed} ${parent === undefined ? '' : readFileSync(parent, 'utf8')}`)
      stages = [...earlier, fidelity]
      if (earlier.length > 0) restarts++
    }
    for (const stage of stages) weights = sha256Hex(`${weights} ${canonicalJson(stage)}`)
    const saved = file(checkpoints?.save)
    if (saved !== undefined) writeFileSync(saved, weights)
    const reached = 1 - 0.3 / [...earlier, fidelity].reduce((sum, { epochs }) => sum + epochs, 0)
    const ripple = Number.parseInt(weights.slice(0, 6), 16) / 0xffffff
    const measured = toyMeasurement(request) as Measurement
    return { ...measured, accuracy: reached * (measured.accuracy - 0.02 * ripple) }
  }
  return { ...toyEvaluator(answer, delayMs), restarts: () => restarts }
}

const LADDER: Ladder = { rungs: 3, reduction: 3, promotion: 'asynchronous' }

/** A search of 30 networks in three stages that inherit weights, with its checkpoints in a folder. */
export function stagedPlan(directory: string, changes: Partial<SearchPlan> = {}): SearchPlan {
  const base = toyPlan()
  return {
    ...base,
    networks: 30,
    ladder: LADDER,
    stages: STAGES,
    inherit: true,
    checkpoints: new CheckpointFolder(directory),
    evaluator: stagedEvaluator(),
    request: (candidate, rung) => ({
      ...base.request(candidate, rung),
      fidelity: STAGES[rung]!,
      ...(rung === 0 ? {} : { earlier: STAGES.slice(0, rung) }),
    }),
    cacheKey: ({ archId, seed, fidelity, earlier }, origin) =>
      sha256Hex(canonicalJson({ archId, seed, fidelity, earlier, origin })),
    ...changes,
  }
}
