import type { Dataset } from '../evaluators/datasets/dataset.ts'
import { inputShapeOf, type TrainedNetwork } from '../evaluators/training/train.ts'
import type { CostModel, Costs, Profile } from '../hardware-profiles/index.ts'
import { archId, countMacs, countParams } from '../network/measure.ts'
import { sameShape, shapeText } from '../network/shapes.ts'
import type { NetworkGraph } from '../network/types.ts'
import { costModelOfC } from './c-runtime.ts'
import { energyLabel, type LabelOptions } from './energy-label.ts'
import type { Artefact, CFootprint } from './formats/format.ts'
import { costsWithFourBits, savedBytes } from './four-bit-cost.ts'
import type { Int8Card, ModelCard } from './model-card.ts'
import { pairwiseSums } from './pairwise-sums.ts'
import type { PruningReport } from './prune/fine-tune.ts'
import type { TunedQuantisation } from './quantise/fine-tune.ts'
import { allWeightBytes, layerBits } from './quantise/weight-bits.ts'
import type { Selection } from './select.ts'
import { frontEndCardOf } from './sound/front-end-card.ts'
import { type PassEnergy, trainingEnergy } from './training-energy.ts'
import { verifiedAccuracy } from './verify.ts'

/** What an export is about: the card says it all. */
export interface CardSources {
  readonly selection: Selection
  /** The command that makes this export again. */
  readonly command: string
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly trained: TrainedNetwork
  /** How it was trained. */
  readonly training: ModelCard['training']
  /** What one pass over the training part takes, where that is known. */
  readonly passEnergy?: PassEnergy | undefined
  /** What was taken out of the trial's network before this one was exported. */
  readonly pruning?: PruningReport
  readonly costModel: CostModel
  readonly search: ModelCard['search']
  /** How the device is used, for the energy label. */
  readonly label: LabelOptions
  readonly frugalVersion: string
}

/** A drop of accuracy over this many points is worth a warning. */
const TOLERATED_DROP_POINTS = 1
/** What is measured of the C's memory should be within this of what was predicted. */
const TOLERATED_MEMORY_ERROR = 0.05

/** Puts the card of an export together; what was measured on files is taken from their artefacts. */
export function buildCard(
  job: CardSources,
  costs: Costs,
  int8: TunedQuantisation | undefined,
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
  const floatFiles = artefacts.flatMap(({ floatFile }) => floatFile ?? [])
  const int8Card = int8 === undefined ? undefined : int8CardOf(int8, float.accuracy)
  const footprint = artefacts.find((artefact) => artefact.footprint !== undefined)?.footprint
  const ofFrontEnd = artefacts.find((artefact) => artefact.frontEnd !== undefined)?.frontEnd
  const ofC = footprint === undefined ? undefined : costModelOfC(profile)
  const inC = pairwiseSums(graph)
  const pricedC = ofC?.price(inC, { layers: true })
  const costsOfC = pricedC && int8 ? costsWithFourBits(pricedC, inC, int8.network) : pricedC
  return {
    $schema: 'card.schema.json',
    format: 'frugal-card/1',
    frugalVersion: job.frugalVersion,
    archId: archId(graph),
    trial: record.trial,
    rule,
    command: job.command,
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
        (dataset.frontEnd === undefined
          ? `raw sample values as the data set holds them${dataset.sampleMeaning === undefined ? '' : ` (${dataset.sampleMeaning})`}; the file normalises by itself`
          : 'features that frontend/frontend.c makes of sound, 0 to 255; the file normalises by itself') +
        (sameShape(inputShape, dataset.inputShape) ? '' : `, and resizes to ${shapeText(inputShape)} first`),
    },
    output: { shape: [dataset.classNames.length], meaning: 'one logit for each class' },
    training: { ...job.training, ...energyOfTraining(job, int8Card) },
    ...(job.pruning === undefined ? {} : { pruning: job.pruning }),
    accuracy: {
      test: float,
      measuredOn: onFile === undefined ? 'the trained network, by the training engine' : 'model.onnx',
      validation: trained.accuracy.validation!,
      searchValidation: record.result.ok ? record.result.accuracy : 0,
    },
    ...(floatFiles.length === 0 ? {} : { floatFiles }),
    ...(int8Card === undefined ? {} : { int8: int8Card }),
    ...(footprint === undefined ? {} : { footprint }),
    ...(dataset.frontEnd === undefined || ofFrontEnd === undefined
      ? {}
      : { frontEnd: frontEndCardOf(dataset.frontEnd, ofFrontEnd, profile) }),
    verification: artefacts.flatMap(({ checks }) => checks),
    warnings: [...accuracyWarnings(int8Card, artefacts), ...footprintWarnings(footprint, costsOfC)],
    cost: {
      macs: countMacs(graph),
      params: countParams(graph),
      latencyMs,
      latencyLowMs,
      latencyHighMs,
      energyMj,
      peakRamBytes,
      // Devices with other types hold the network in other files.
      flashBytes: flashBytes - (int8 !== undefined && profile.dataType === 'int8' ? savedBytes(int8.network) : 0),
      basis,
      sources: sourcesOf(profile),
    },
    ...(costsOfC === undefined ? {} : { costOfC: costOfC(ofC!.profile, costsOfC) }),
    ...(profile.family === 'cortex-m' ? { layers: layersOf(job, costsOfC, footprint) } : {}),
    energy: energyLabel(costs, profile, job.label),
    search: job.search,
  }
}

const energyOfTraining = ({ passEnergy, training, pruning, label }: CardSources, int8: Int8Card | undefined) =>
  passEnergy === undefined
    ? {}
    : {
        energy: trainingEnergy(
          { training, int8, ...(pruning === undefined ? {} : { pruning }) },
          passEnergy,
          label.gramsPerKwh,
        ),
      }

const costOfC = (profile: Profile, costs: Costs): ModelCard['costOfC'] => ({
  profile: profile.id,
  latencyMs: costs.latencyMs,
  latencyLowMs: costs.latencyLowMs,
  latencyHighMs: costs.latencyHighMs,
  energyMj: costs.energyMj,
  peakRamBytes: costs.peakRamBytes,
  flashBytes: costs.flashBytes,
  sources: sourcesOf(profile),
})

/** Kernels with the cycles predicted for them, and the instructions that were counted. */
function layersOf({ costModel, graph }: CardSources, costsOfC: Costs | undefined, footprint: CFootprint | undefined) {
  const cycles = (latencyMs: number): number => Math.round((latencyMs / 1000) * costModel.profile.clockHz)
  const predictedOfC = new Map(costsOfC?.layers.map(({ id, latencyMs }) => [id, cycles(latencyMs)]))
  const counted = new Map(footprint?.layers?.map(({ id, instructions }) => [id, instructions]))
  const own = costModel.price(graph, { layers: true }).layers
  const predicted = new Map(own.map(({ id, latencyMs }) => [id, cycles(latencyMs)]))
  // What the device's runtime fuses and the C does not is a kernel of the C alone.
  const alone = (costsOfC?.layers ?? []).filter(({ id }) => !predicted.has(id))
  return [...own, ...alone].map(({ id, kind, macs }) => {
    const [ofDevice, cyclesOfC, instructionsOfC] = [predicted.get(id), predictedOfC.get(id), counted.get(id)]
    return {
      id,
      kind,
      macs,
      ...(ofDevice === undefined ? {} : { cycles: ofDevice }),
      ...(cyclesOfC === undefined ? {} : { cyclesOfC }),
      ...(instructionsOfC === undefined ? {} : { instructionsOfC }),
    }
  })
}

function int8CardOf(choice: TunedQuantisation, floatAccuracy: number): Int8Card {
  const { network, calibrationSamples, validation, validationSamples, test, fineTuning, weightBits } = choice
  const dropPoints = Number((100 * (floatAccuracy - test.accuracy)).toFixed(4))
  const calibrated = { calibration: network.calibration, calibrationSamples, validation, validationSamples }
  const layers = layerBits(network)
  const weights = {
    mode: weightBits.mode,
    bytes: allWeightBytes(network),
    bytesIn8Bits: layers.reduce((sum, { elements }) => sum + elements, 0),
    validation: weightBits.validation,
    validationIn8Bits: validation[network.calibration],
    layers,
  }
  return { test, dropPoints, ...calibrated, weights, fineTuning }
}

/** Where int8 costs much accuracy, or a file has clearly less in its runtime than the card says. */
function accuracyWarnings(int8: Int8Card | undefined, artefacts: readonly Artefact[]): readonly string[] {
  if (int8 === undefined) return []
  const warnings: string[] = []
  if (int8.dropPoints > TOLERATED_DROP_POINTS) {
    const four = int8.weights.bytes < int8.weights.bytesIn8Bits
    const [what, remedy] = four
      ? ['int8 with 4-bit weights', 'train longer, or take --weights-bits mixed or 8']
      : ['int8', 'train longer or export another trial']
    warnings.push(`${what} costs ${int8.dropPoints.toFixed(2)} points of test accuracy: ${remedy}`)
  }
  for (const { artefact, where, verified, classified } of artefacts.flatMap(({ checks }) => checks)) {
    if (!verified || classified === undefined || classified.samples !== int8.test.samples) continue
    const points = (100 * (int8.test.correct - classified.correct)) / classified.samples
    if (points <= TOLERATED_DROP_POINTS) continue
    warnings.push(
      `${artefact} classifies ${classified.correct} of ${classified.samples} test samples rightly on ${where}, ${points.toFixed(2)} points fewer than the reference: it rounds otherwise there`,
    )
  }
  return warnings
}

function footprintWarnings(footprint: CFootprint | undefined, predicted: Costs | undefined): readonly string[] {
  const warnings: string[] = []
  if (predicted === undefined || footprint === undefined) return warnings
  const { arenaUsedBytes, stackBytes, flashBytes } = footprint
  const compare = (what: string, measured: number, expected: number, most: number): void => {
    if (measured <= expected * most && measured >= expected * (1 - TOLERATED_MEMORY_ERROR)) return
    warnings.push(`the C takes ${measured} B of ${what}; ${Math.round(expected)} B were predicted`)
  }
  // A network that was promised to fit must fit: RAM may not be more than predicted.
  if (arenaUsedBytes !== undefined && stackBytes !== undefined) {
    compare('RAM', arenaUsedBytes + stackBytes, predicted.peakRamBytes, 1)
  }
  if (flashBytes !== undefined) compare('flash', flashBytes, predicted.flashBytes, 1 + TOLERATED_MEMORY_ERROR)
  return warnings
}

/** Where the device's figures come from, each source once. */
function sourcesOf(profile: Profile): readonly string[] {
  const tables = profile.tables.flatMap(({ models }) => models.map(({ provenance }) => provenance))
  const lines = tables.map(({ kind, source }) => `latency, ${kind}: ${source}`)
  lines.push(`energy, ${profile.energy.provenance.kind}: ${profile.energy.provenance.source}`)
  lines.push(`memory, ${profile.memory.provenance.kind}: ${profile.memory.provenance.source}`)
  return [...new Set(lines)]
}
