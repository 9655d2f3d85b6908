import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { type Failure, failure, messageOf } from '../../lib/errors.ts'
import { fileSystemTrouble } from '../../lib/files.ts'
import { randomStream } from '../../lib/random.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { CheckpointUse, Fidelity } from '../evaluator.ts'
import { checkpointFile, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import type { Recipe, TrainingEngine } from './engine.ts'
import { inheritWeights } from './inherit.ts'
import { initialWeights } from './initial-weights.ts'
import { layersOf } from './layers.ts'

/** What decides the state of a network after some stages of training. */
interface StagedJob {
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly recipe: Recipe
  readonly engine: TrainingEngine
  readonly seed: number
  readonly fidelity: Fidelity
  readonly earlier?: readonly Fidelity[]
  readonly checkpoints?: CheckpointUse
}

/** A network between two steps, named as in its graph at full resolution. */
export interface TrainingState {
  readonly weights: Weights
  /** As `readOptimiser` gives it; nothing for a fresh network. */
  readonly optimiser: Weights
}

export const stagesOf = ({ earlier = [], fidelity }: StagedJob): readonly Fidelity[] => [...earlier, fidelity]

/** Equal for states that are equal bit for bit: everything they depend on. */
function keyOf({ graph, dataset, recipe, engine, seed, checkpoints }: StagedJob, stages: readonly Fidelity[]): string {
  const content = {
    graph,
    data: dataset.digest,
    recipe,
    engine: `${engine.id}@${engine.version}`,
    seed,
    stages,
    inheritFrom: checkpoints?.inheritFrom,
  }
  return sha256Hex(canonicalJson(content))
}

/**
 * Where a training begins, and after how many stages: the state after the earlier ones where a checkpoint holds it, else
 * initial weights, drawn by the seed or inherited.
 */
export function startOf(job: StagedJob): (TrainingState & { readonly ok: true; readonly stage: number }) | Failure {
  const { earlier = [], checkpoints } = job
  if (checkpoints?.continueFrom !== undefined && earlier.length > 0) {
    const found = readCheckpoint(checkpointFile(checkpoints.directory, checkpoints.continueFrom))
    if (found !== undefined && !('ok' in found) && found.key === keyOf(job, earlier)) {
      return { ok: true, stage: earlier.length, weights: found.weights, optimiser: found.optimiser }
    }
  }
  const fresh = initialWeights(job.graph, randomStream(job.seed, 'initialisation'))
  const first = { ok: true, stage: 0, optimiser: new Map() } as const
  if (checkpoints?.inheritFrom === undefined) return { ...first, weights: fresh }
  const file = checkpointFile(checkpoints.directory, checkpoints.inheritFrom)
  const parent = readCheckpoint(file)
  if (parent === undefined)
    return failure('checkpoint', `the checkpoint '${file}' to inherit weights from does not exist`)
  if ('ok' in parent) return parent
  return { ...first, weights: inheritWeights(layersOf(job.graph), fresh, parent) }
}

/** Keeps the state after all stages, if that was asked for; a `Failure` where the file cannot be written. */
export function saveState(job: StagedJob, state: TrainingState): Failure | undefined {
  const { checkpoints } = job
  if (checkpoints?.save === undefined) return undefined
  const file = checkpointFile(checkpoints.directory, checkpoints.save)
  try {
    writeCheckpoint(file, { key: keyOf(job, stagesOf(job)), layers: layersOf(job.graph), ...state })
    return undefined
  } catch (error) {
    if (fileSystemTrouble(error) === undefined) throw error
    return failure('checkpoint', `the checkpoint '${file}' cannot be written (${messageOf(error)})`)
  }
}
