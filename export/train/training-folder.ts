import { existsSync, readFileSync, rmSync } from 'node:fs'
import { z } from 'zod'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { decodeTensors, encodeTensors } from '../../formats/safetensors/safetensors.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { pathInside, writeFileAtomic } from '../../lib/files.ts'
import { archId, weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { preparationOf } from '../preparation.ts'
import { epochRecordSchema, readCheckpoint } from './checkpoint.ts'
import { type TrainingRun, trainFully } from './full-training.ts'
import { type FullyTrained, type TrainingJob, trainingKey, weightsDigest } from './training-job.ts'

export const TRAINING_FILES = {
  checkpoint: 'training.checkpoint',
  weights: 'weights.safetensors',
  architecture: 'architecture.json',
  onnx: 'model.onnx',
  /** Written last: where it is, the others are whole. */
  metrics: 'training.json',
} as const

const share = z.number().min(0).max(1)
const metricsSchema = z.object({
  format: z.literal('frugal-training/1'),
  key: z.string(),
  archId: z.string(),
  data: z.object({ digest: z.string() }),
  engine: z.string(),
  epochs: z.int().positive(),
  seed: z.int().min(0),
  recipe: z.record(z.string(), z.unknown()),
  accuracy: z.object({ validation: share, test: share }),
  keptEpoch: z.int().positive(),
  endedEarly: z.boolean(),
  history: z.array(epochRecordSchema).min(1),
})

/** How a training is recorded; what its figures came from. */
export type TrainingRecord = Pick<
  z.infer<typeof metricsSchema>,
  'key' | 'archId' | 'data' | 'engine' | 'epochs' | 'seed' | 'recipe'
>

/** A finished training as a folder holds it. */
export interface StoredTraining {
  readonly trained: FullyTrained
  readonly record: TrainingRecord
}

/** What goes beside the network in `architecture.json`: where it came from. */
export type Origin = Readonly<Record<string, unknown>>

/**
 * Trains a network into a folder: weights, architecture, metrics and ONNX when it is done, a checkpoint until then. A
 * training that the folder already holds is read, one that was stopped goes on.
 * @throws UserError when the folder holds a training with other settings; as `trainFully` does.
 */
export async function trainInFolder(
  folder: string,
  job: TrainingJob,
  run: Omit<TrainingRun, 'checkpoint'>,
  origin: Origin = {},
): Promise<{ readonly trained: FullyTrained; readonly reused: boolean }> {
  const key = trainingKey(job)
  const file = (name: keyof typeof TRAINING_FILES): string => pathInside(folder, TRAINING_FILES[name])
  if (existsSync(file('metrics'))) {
    const { trained, record } = readTraining(folder, job.graph)
    if (record.key === key) return { trained, reused: true }
    throw otherTraining(folder)
  }
  const saved = readCheckpoint(file('checkpoint'))
  if (saved !== undefined && saved.key !== key) throw otherTraining(folder)
  const trained = await trainFully(job, { ...run, checkpoint: file('checkpoint') })
  const { graph } = job
  const architecture = { format: 'frugal-architecture/1', archId: archId(graph), ...origin, graph }
  writeFileAtomic(file('weights'), encodeWeights(graph, trained.weights))
  writeFileAtomic(file('architecture'), `${canonicalJson(architecture)}\n`)
  writeFileAtomic(file('onnx'), floatOnnx(graph, trained.weights, job.dataset))
  writeFileAtomic(file('metrics'), `${JSON.stringify(metricsOf(job, trained, key), null, 2)}\n`)
  rmSync(file('checkpoint'), { force: true })
  return { trained, reused: false }
}

const otherTraining = (folder: string): UserError =>
  new UserError(
    `'${folder}' holds a training with other settings, data or network: name another folder, or delete this one`,
  )

function metricsOf(job: TrainingJob, trained: FullyTrained, key: string) {
  const { dataset, engine, engineName, recipe, epochs, patience, seed, start } = job
  return {
    format: 'frugal-training/1',
    key,
    archId: archId(job.graph),
    data: { name: dataset.name, digest: dataset.digest },
    engine: `${engineName}@${engine.version}`,
    epochs,
    patience,
    seed,
    recipe,
    ...(start === undefined ? {} : { startedFrom: weightsDigest(start) }),
    accuracy: trained.accuracy,
    loss: trained.loss,
    keptEpoch: trained.kept.epoch,
    endedEarly: trained.endedEarly,
    history: trained.history,
  }
}

/** Weights as a safetensors file, shaped as `weightSpecs` lists them. */
export function encodeWeights(graph: NetworkGraph, weights: Weights): Uint8Array {
  const tensors = new Map(
    weightSpecs(graph).map(({ name, shape }) => [name, { shape, data: weights.get(name)! }] as const),
  )
  return encodeTensors({ tensors, metadata: { format: 'frugal-weights/1', archId: archId(graph) } })
}

/** The float network in ONNX, taking raw samples. */
function floatOnnx(graph: NetworkGraph, weights: Weights, dataset: Dataset): Uint8Array {
  return buildInferenceGraph(graph, weights, { batch: 'batch', preparation: preparationOf(dataset), routed: true })
}

/**
 * Reads a finished training back.
 * @throws UserError when there is none, it is damaged, or it is of another network than `graph`.
 */
export function readTraining(folder: string, graph: NetworkGraph): StoredTraining {
  const file = pathInside(folder, TRAINING_FILES.metrics)
  if (!existsSync(file)) {
    throw new UserError(
      `'${folder}' holds no finished training (no ${TRAINING_FILES.metrics}): name a folder that frugal train filled`,
    )
  }
  try {
    const metrics = metricsSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    const { tensors } = decodeTensors(readFileSync(pathInside(folder, TRAINING_FILES.weights)))
    if (metrics.archId !== archId(graph)) {
      throw new UserError(`it is of network ${metrics.archId}, not of ${archId(graph)}`)
    }
    const kept = metrics.history[metrics.keptEpoch - 1]
    if (kept === undefined) throw new UserError(`its kept epoch is ${metrics.keptEpoch} of ${metrics.history.length}`)
    const weights = new Map(
      weightSpecs(graph).map(({ name, shape }) => {
        const data = tensors.get(name)?.data
        if (data?.length !== sizeOf(shape)) throw new UserError(`its weights lack '${name}'`)
        return [name, data]
      }),
    )
    const { accuracy, endedEarly, history } = metrics
    const trained = { ok: true as const, weights, loss: kept.loss, accuracy, history, kept, endedEarly }
    return { trained, record: metrics }
  } catch (error) {
    const [line] = messageOf(error).split('\n')
    throw new UserError(`the training in '${folder}' cannot be used: ${line}`, { cause: error })
  }
}
