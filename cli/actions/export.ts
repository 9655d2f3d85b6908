import path from 'node:path'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { engineName, loadEngine } from '../../evaluators/training/engines.ts'
import type { TrainedNetwork } from '../../evaluators/training/train.ts'
import { affordableCosts, exportNetwork as writeExport } from '../../export/export-network.ts'
import { defaultFormats, parseFormats } from '../../export/formats/index.ts'
import { type ExportedDevice, renderIndex } from '../../export/index-page.ts'
import type { ModelCard } from '../../export/model-card.ts'
import { type Selection, selectTrial } from '../../export/select.ts'
import { trainFinal } from '../../export/train-final.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { pathInside, writeFileAtomic } from '../../lib/files.ts'
import { formatLatency } from '../../lib/units.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { openStore } from '../../results/sqlite/open.ts'
import type { Experiment, Front } from '../../results/store.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { SearchSpace } from '../../spaces/space.ts'
import { wholeNumber } from '../commands/shared.ts'
import { packageVersion } from '../package-version.ts'
import { deviceOf } from './inspect.ts'
import { print } from './output.ts'
import { loadData, taskOf, trainingSeed } from './session.ts'
import { dataPathOf, readSettings, type SearchSettings } from './settings.ts'

/** The final training is this many times as long as the search's, unless told otherwise. */
const FINAL_EPOCHS_FACTOR = 4

interface ExportArguments {
  readonly id: number | undefined
  readonly db: string
  readonly device: string | undefined
  readonly out: string
  readonly trial: number | undefined
  readonly epochs: number | undefined
  readonly data: string | undefined
  readonly format: string | undefined
  readonly all: boolean
  readonly verify: boolean
  readonly name: string
}

/** Everything that the exports of one command share. */
interface Session {
  readonly args: ExportArguments
  readonly experiment: Experiment
  readonly settings: SearchSettings
  readonly trials: readonly TrialRecord[]
  readonly dataset: Dataset
  readonly space: SearchSpace
  readonly epochs: number
  readonly signal: AbortSignal
  /** By trial: devices that share a network share its training. */
  readonly trained: Map<number, TrainedNetwork>
}

/** `frugal export` */
export async function exportNetwork(args: ExportArguments): Promise<void> {
  if (args.epochs !== undefined) wholeNumber(args.epochs, '--epochs', 1, 100_000)
  if (args.trial !== undefined) wholeNumber(args.trial, '--trial', 0, Number.MAX_SAFE_INTEGER)
  if (args.all && args.device !== undefined)
    throw new UserError('--all and --device exclude each other: give one of them')
  if (args.format !== undefined) parseFormats(args.format)
  const { experiment, fronts, trials } = readExperiment(args)
  const settings = readSettings(experiment.settings, experiment.id)
  const selections = fronts.map((front) => ({ front, selection: selectionOf(front, trials, args) }))
  const dataset = await loadData(dataPathOf(args.data ?? settings.data), settings.seed)
  if (dataset.digest !== experiment.datasetDigest) {
    throw new UserError(
      `the data in '${args.data ?? settings.data}' are not those experiment ${experiment.id} was run on: name the right ones with --data`,
    )
  }
  const stop = new AbortController()
  const interrupt = () => {
    if (stop.signal.aborted) process.kill(process.pid, 'SIGKILL')
    stop.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  const space = await loadSpace(settings.space)
  const epochs = args.epochs ?? FINAL_EPOCHS_FACTOR * settings.fidelity.epochs
  const shared = { args, experiment, settings, trials, dataset, space, epochs, trained: new Map() }
  const session: Session = { ...shared, signal: stop.signal }
  try {
    const exported: ExportedDevice[] = []
    for (const { front, selection } of selections) {
      const out = args.all ? pathInside(args.out, front.device) : args.out
      if (selection === undefined) print(`${front.device}: no trained network is within its limits`)
      exported.push({
        device: front.device,
        card: selection === undefined ? undefined : await exportOne(session, front, selection, out),
      })
    }
    if (args.all) {
      writeFileAtomic(path.join(args.out, 'README.md'), renderIndex(exported))
      print(`${args.out}: README.md and a folder for each device`)
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error
    process.stderr.write('frugal: stopped; what was not finished was not written\n')
    process.exitCode = 130
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

function readExperiment(args: ExportArguments) {
  const store = openStore(args.db, { write: false })
  try {
    const experiment = store.experiment(args.id)
    const devices = args.all ? experiment.devices : [deviceOf(experiment, args.device)]
    const fronts = devices.map((device) => store.front(experiment.id, device))
    return { experiment, fronts, trials: store.trials(experiment.id) }
  } finally {
    store.close()
  }
}

/** With `--all` a device without any network is left out; alone it is an error. */
const selectionOf = (front: Front, trials: readonly TrialRecord[], { all, trial }: ExportArguments) =>
  all && trial === undefined && front.points.length === 0 ? undefined : selectTrial(front, trials, trial)

function graphOf({ space, dataset }: Session, { record }: Selection): NetworkGraph {
  const graph = space.decode(record.genome, taskOf(dataset))
  if (archId(graph) === record.archId) return graph
  throw new UserError(
    `the space '${space.id}' no longer decodes trial ${record.trial} to the network that was trained: use the version it was searched with`,
  )
}

async function exportOne(session: Session, front: Front, selection: Selection, out: string): Promise<ModelCard> {
  const { args, experiment, settings, trials, dataset, space, epochs, signal } = session
  const graph = graphOf(session, selection)
  const costModel = createCostModel(loadProfile(settings.devices[experiment.devices.indexOf(front.device)]!))
  affordableCosts(costModel, graph)
  const engine = await loadEngine(engineName(settings))
  const seed = trainingSeed(settings.seed, selection.record.archId)
  const { trial } = selection.record
  const trained = session.trained.get(trial) ?? (await train(session, selection, graph))
  session.trained.set(trial, trained)
  const card = await writeExport({
    selection,
    graph,
    space: { id: space.id, version: space.version },
    dataset,
    trained,
    training: { engine: `${engineName(settings)}@${engine.version}`, epochs, seed, recipe: { ...settings.recipe } },
    costModel,
    formats: args.format === undefined ? defaultFormats(costModel.profile.family) : parseFormats(args.format),
    verify: args.verify,
    name: args.name,
    search: {
      trials: trials.length,
      failures: trials.filter(({ result }) => !result.ok).length,
      cpuSeconds: trials.reduce((sum, { result }) => sum + (result.ok ? result.cpuSeconds : 0), 0),
      settings: { ...settings, data: dataset.name },
    },
    frugalVersion: packageVersion(),
    out,
    signal,
  })
  report(card, out)
  return card
}

async function train(session: Session, { record }: Selection, graph: NetworkGraph): Promise<TrainedNetwork> {
  const { experiment, settings, dataset, epochs, signal } = session
  print(`Training trial ${record.trial} (${record.archId}) of experiment ${experiment.id} for ${epochs} epochs`)
  return trainFinal({
    graph,
    dataset,
    engine: await loadEngine(engineName(settings)),
    recipe: settings.recipe,
    epochs,
    seed: trainingSeed(settings.seed, record.archId),
    signal,
    onEpoch: ({ epoch, loss, accuracy }) =>
      print(`epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}, training accuracy ${(100 * accuracy).toFixed(2)} %`),
  })
}

/** What was written and what came of running it. */
function report(card: ModelCard, out: string): void {
  const { test, measuredOn } = card.accuracy
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
  print(
    `${out}: ${[...card.files, 'architecture.json', 'card.json', 'README.md'].join(', ')}; test accuracy ${percent(test.accuracy)} ` +
      `(${test.correct} of ${test.samples}, measured on ${measuredOn}), ${formatLatency(card.cost.latencyMs)} on ${card.device.id}`,
  )
  if (card.int8 !== undefined) {
    const { test: int8, dropPoints } = card.int8
    print(
      `int8: test accuracy ${percent(int8.accuracy)} (${int8.correct} of ${int8.samples}), drop ${dropPoints.toFixed(2)} points`,
    )
  }
  for (const { artefact, where, verified, detail } of card.verification) {
    print(`${verified ? 'verified' : 'NOT verified'}: ${artefact} on ${where}: ${detail}`)
  }
  for (const warning of card.warnings) print(`warning: ${warning}`)
}
