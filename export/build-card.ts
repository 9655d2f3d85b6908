import type { Dataset } from '../evaluators/datasets/dataset.ts'
import { inputShapeOf, type TrainedNetwork } from '../evaluators/training/train.ts'
import type { CostModel, Costs } from '../hardware-profiles/index.ts'
import { countMacs, countParams } from '../network/measure.ts'
import { sameShape, shapeText } from '../network/shapes.ts'
import type { NetworkGraph } from '../network/types.ts'
import type { Artefact, CFootprint } from './formats/format.ts'
import type { Int8Card, ModelCard } from './model-card.ts'
import type { QuantisationChoice } from './quantise/choose.ts'
import type { Selection } from './select.ts'
import { verifiedAccuracy } from './verify.ts'

/** What an export is about: the card says it all. */
export interface CardSources {
  readonly selection: Selection
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly trained: TrainedNetwork
  /** How it was trained. */
  readonly training: ModelCard['training']
  readonly costModel: CostModel
  readonly search: ModelCard['search']
  readonly frugalVersion: string
}

/** A drop of accuracy over this many points is worth a warning. */
const TOLERATED_DROP_POINTS = 1
/** An arena should be used up to this share. */
const LEAST_ARENA_USE = 0.95

/** Puts the card of an export together; what was measured on files is taken from their artefacts. */
export function buildCard(
  job: CardSources,
  costs: Costs,
  int8: QuantisationChoice | undefined,
  artefacts: readonly Artefact[],
): ModelCard {
  const { dataset, graph, trained, selection, costModel } = job
  const { record, rule } = selection
  const { profile } = costModel
  const inputShape = inputShapeOf(graph)
  const { latencyMs, latencyLowMs, latencyHighMs, energyMj, peakRamBytes, flashBytes, basis } = costs
  const { train, validation, test } = dataset.splits
  const onFile = artefacts.find(({ accuracy }) => accuracy !== undefined)?.accuracy
  const float = onFile ?? verifiedAccuracy(Math.round(trained.accuracy.test! * test.length), test.length)
  const int8Card = int8 === undefined ? undefined : int8CardOf(int8, float.accuracy)
  const footprint = artefacts.find((artefact) => artefact.footprint !== undefined)?.footprint
  return {
    format: 'frugal-card/1',
    frugalVersion: job.frugalVersion,
    archId: record.archId,
    trial: record.trial,
    rule,
    files: artefacts.flatMap(({ files }) => [...files.keys()]),
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
    training: job.training,
    accuracy: {
      test: float,
      measuredOn: onFile === undefined ? 'the trained network, by the training engine' : 'model.onnx',
      validation: trained.accuracy.validation!,
      searchValidation: record.result.ok ? record.result.accuracy : 0,
    },
    ...(int8Card === undefined ? {} : { int8: int8Card }),
    ...(footprint === undefined ? {} : { footprint }),
    verification: artefacts.flatMap(({ checks }) => checks),
    warnings: warningsOf(int8Card, footprint),
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
}

function int8CardOf(choice: QuantisationChoice, floatAccuracy: number): Int8Card {
  const { network, calibrationSamples, validation, validationSamples, test } = choice
  const dropPoints = Number((100 * (floatAccuracy - test.accuracy)).toFixed(4))
  return { test, dropPoints, calibration: network.calibration, calibrationSamples, validation, validationSamples }
}

function warningsOf(int8: Int8Card | undefined, footprint: CFootprint | undefined): readonly string[] {
  const warnings: string[] = []
  if (int8 !== undefined && int8.dropPoints > TOLERATED_DROP_POINTS) {
    warnings.push(
      `int8 costs ${int8.dropPoints.toFixed(2)} points of test accuracy: train longer or export another trial`,
    )
  }
  if (footprint?.arenaUsedBytes !== undefined && footprint.arenaUsedBytes < LEAST_ARENA_USE * footprint.arenaBytes) {
    warnings.push(`only ${footprint.arenaUsedBytes} of the arena's ${footprint.arenaBytes} bytes were used`)
  }
  return warnings
}

/** Where the device's figures come from, each source once. */
function sourcesOf({ profile }: CostModel): readonly string[] {
  const tables = profile.tables.flatMap(({ models }) => models.map(({ provenance }) => provenance))
  const lines = tables.map(({ kind, source }) => `latency, ${kind}: ${source}`)
  lines.push(`energy, ${profile.energy.provenance.kind}: ${profile.energy.provenance.source}`)
  lines.push(`memory, ${profile.memory.provenance.kind}: ${profile.memory.provenance.source}`)
  return [...new Set(lines)]
}
