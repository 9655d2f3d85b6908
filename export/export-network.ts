import path from 'node:path'
import type { Dataset } from '../evaluators/datasets/dataset.ts'
import type { Recipe, TrainingEngine } from '../evaluators/training/engine.ts'
import { buildInferenceGraph } from '../evaluators/training/onnx/inference-graph.ts'
import { inputShapeOf, type TrainingJob, trainNetwork } from '../evaluators/training/train.ts'
import { type CostModel, checkLimits } from '../hardware-profiles/index.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { OperationalError, UserError } from '../lib/errors.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { countMacs, countParams } from '../network/measure.ts'
import { sameShape, shapeText } from '../network/shapes.ts'
import type { NetworkGraph } from '../network/types.ts'
import { type ModelCard, renderModelCard } from './model-card.ts'
import type { Selection } from './select.ts'
import { verifyOnnx } from './verify.ts'

export interface ExportJob {
  readonly selection: Selection
  readonly graph: NetworkGraph
  /** Recorded beside the graph, so that the genome can be read again. */
  readonly space: { readonly id: string; readonly version: string }
  readonly dataset: Dataset
  readonly engine: TrainingEngine
  readonly engineId: string
  readonly recipe: Recipe
  readonly epochs: number
  readonly seed: number
  readonly costModel: CostModel
  readonly search: ModelCard['search']
  readonly frugalVersion: string
  readonly out: string
  readonly signal: AbortSignal
  readonly onEpoch: NonNullable<TrainingJob['onEpoch']>
}

/** Between the trained network and its file, at most this share of the test samples may be classified otherwise. */
const TOLERATED_DIFFERENCE = 0.002

/**
 * Trains the chosen network fully, writes `model.onnx`, `architecture.json`, `card.json` and `README.md`, and runs the
 * written file on the test part before anything is said of it. The same job writes the same bytes.
 * @throws UserError when the network is over the device's memory; OperationalError when training fails or the file does
 * not give the accuracy that the trained network has.
 */
export async function exportNetwork(job: ExportJob): Promise<ModelCard> {
  const { dataset, graph, selection, costModel } = job
  const { profile } = costModel
  const costs = costModel.price(graph)
  const [broken] = checkLimits(costs, profile)
  if (broken !== undefined) {
    throw new UserError(
      `the network is over ${profile.id}: ${broken.limit} is ${Math.round(broken.value)}, the device has ${broken.allowed}`,
    )
  }
  const trained = await trainNetwork({
    graph,
    dataset,
    recipe: job.recipe,
    fidelity: { epochs: job.epochs, dataFraction: 1 },
    seed: job.seed,
    engine: job.engine,
    measureOn: ['validation', 'test'],
    onEpoch: job.onEpoch,
    signal: job.signal,
  })
  if (!trained.ok) throw new OperationalError(`the final training failed: ${trained.code}: ${trained.message}`)

  const { mean, standardDeviation } = dataset
  const model = buildInferenceGraph(graph, trained.weights, {
    batch: 'batch',
    preparation: {
      inputShape: dataset.inputShape,
      mean,
      standardDeviation,
      roundResized: !(dataset.samples instanceof Float32Array),
    },
  })
  const verified = await verifyOnnx(model, dataset, 'test')
  const difference = Math.abs(verified.accuracy - trained.accuracy.test!)
  if (difference > Math.max(TOLERATED_DIFFERENCE, 1 / verified.samples)) {
    throw new OperationalError(
      `model.onnx has ${verified.accuracy} test accuracy, the trained network ${trained.accuracy.test}: the file does not hold what was trained`,
    )
  }

  const { record, rule } = selection
  const inputShape = inputShapeOf(graph)
  const { latencyMs, latencyLowMs, latencyHighMs, energyMj, peakRamBytes, flashBytes, basis } = costs
  const { train, validation, test } = dataset.splits
  const card: ModelCard = {
    format: 'frugal-card/1',
    frugalVersion: job.frugalVersion,
    archId: record.archId,
    trial: record.trial,
    rule,
    device: { id: profile.id, title: profile.title, runtime: profile.runtime, dataType: profile.dataType },
    data: {
      name: dataset.name,
      digest: dataset.digest,
      classNames: dataset.classNames,
      trainSamples: train.length,
      validationSamples: validation.length,
      testSamples: test.length,
    },
    input: {
      shape: dataset.inputShape,
      meaning:
        'raw sample values as the data set holds them; the file normalises by itself' +
        (sameShape(inputShape, dataset.inputShape) ? '' : `, and resizes to ${shapeText(inputShape)} first`),
    },
    output: { shape: [dataset.classNames.length], meaning: 'one logit for each class' },
    training: {
      engine: `${job.engineId}@${job.engine.version}`,
      epochs: job.epochs,
      seed: job.seed,
      recipe: { ...job.recipe },
    },
    accuracy: {
      test: verified,
      validation: trained.accuracy.validation!,
      searchValidation: record.result.ok ? record.result.accuracy : 0,
    },
    cost: {
      macs: countMacs(graph),
      params: countParams(graph),
      latencyMs,
      latencyLowMs,
      latencyHighMs,
      energyMj,
      peakRamBytes,
      flashBytes,
      basis,
      sources: sourcesOf(costModel),
    },
    search: job.search,
  }
  const write = (name: string, data: string | Uint8Array) => writeFileAtomic(path.join(job.out, name), data)
  write('model.onnx', model)
  write(
    'architecture.json',
    `${canonicalJson({ format: 'frugal-architecture/1', archId: record.archId, space: job.space, genome: record.genome, graph })}\n`,
  )
  write('card.json', `${JSON.stringify(card, null, 2)}\n`)
  write('README.md', renderModelCard(card))
  return card
}

/** Where the device's figures come from, each source once. */
function sourcesOf({ profile }: CostModel): readonly string[] {
  const tables = profile.tables.flatMap(({ models }) => models.map(({ provenance }) => provenance))
  const lines = tables.map(({ kind, source }) => `latency, ${kind}: ${source}`)
  lines.push(`energy, ${profile.energy.provenance.kind}: ${profile.energy.provenance.source}`)
  lines.push(`memory, ${profile.memory.provenance.kind}: ${profile.memory.provenance.source}`)
  return [...new Set(lines)]
}
