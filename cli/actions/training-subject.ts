import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import type { Origin } from '../../export/train/training-folder.ts'
import { readModel } from '../../formats/read-model.ts'
import { UserError } from '../../lib/errors.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { noSuchTrial } from '../../results/no-such-trial.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { wholeNumber } from '../commands/shared.ts'
import type { FullTrainingArguments } from '../commands/training-options.ts'
import { bestTrial, type TeachingNetwork } from './full-teacher.ts'
import { FULL_EPOCHS_FACTOR } from './full-training.ts'
import { reading } from './read-store.ts'
import { loadData, trainingSeed } from './session.ts'
import { dataPathOf, readSettings } from './settings.ts'
import { dataOfExperiment, networkOfTrial } from './trial-network.ts'

/** Without a search to go by: as many epochs as show about this many samples, within bounds. */
const SAMPLES_SEEN = 250_000
const EPOCH_BOUNDS = { least: 10, greatest: 200 }

export interface TrainArguments extends FullTrainingArguments {
  readonly network: string | undefined
  readonly db: string
  readonly trial: number | undefined
  readonly data: string | undefined
  readonly seed: number | undefined
  readonly engine: string | undefined
  readonly provider: string | undefined
  readonly out: string
  readonly json: boolean
}

/** What is trained and how, before flags change it. */
export interface Subject {
  readonly graph: NetworkGraph
  readonly dataset: Dataset
  readonly recipe: Recipe
  readonly epochs: number
  readonly seed: number
  readonly engine: string
  readonly provider: string
  readonly origin: Origin
  /** The best network of the experiment; undefined without one. */
  readonly best: (() => TeachingNetwork) | undefined
}

/**
 * What the command names: a file, or a trial.
 * @throws UserError when it names neither, or the data are not those of the trial.
 */
export const subjectOf = (args: TrainArguments): Promise<Subject> =>
  args.trial === undefined ? architectureOf(args) : trialOf(args, args.trial)

async function architectureOf(args: TrainArguments): Promise<Subject> {
  const { network } = args
  if (network === undefined) {
    throw new UserError('name what to train: frugal train architecture.json, or frugal train --trial 7')
  }
  if (!network.toLowerCase().endsWith('.json')) {
    throw new UserError(`'${network}' is no architecture.json: give such a file, or a trial with --trial`)
  }
  const { graph } = readModel(network)
  const seed = args.seed ?? 1
  const dataset = await loadData(dataPathOf(args.data ?? 'builtin'), seed)
  const epochs = Math.round(SAMPLES_SEEN / dataset.splits.train.length)
  return {
    graph,
    dataset,
    recipe: DEFAULT_RECIPE,
    epochs: Math.min(EPOCH_BOUNDS.greatest, Math.max(EPOCH_BOUNDS.least, epochs)),
    seed: trainingSeed(seed, archId(graph)),
    engine: 'auto',
    provider: 'cpu',
    origin: {},
    best: undefined,
  }
}

async function trialOf(args: TrainArguments, trial: number): Promise<Subject> {
  const { network } = args
  const id = network === undefined ? undefined : wholeNumber(Number(network), 'the experiment id', 1, 1e9)
  const { experiment, record, trials } = readTrial(args.db, id, trial)
  if (record === undefined) throw noSuchTrial(experiment.id, trial, trials.length)
  const settings = readSettings(experiment.settings, experiment.id)
  const dataset = await dataOfExperiment(args.data, settings, experiment)
  const space = await loadSpace(settings.space)
  return {
    graph: networkOfTrial(space, dataset, record),
    dataset,
    recipe: settings.recipe,
    epochs: FULL_EPOCHS_FACTOR * settings.fidelity.epochs,
    seed: trainingSeed(settings.seed, record.archId),
    engine: settings.engine,
    provider: settings.provider,
    origin: { space: { id: space.id, version: space.version }, genome: record.genome },
    best: () => {
      const best = bestTrial(trials)
      if (best === undefined)
        throw new UserError(`no trial of experiment ${experiment.id} has succeeded yet: give FILE.onnx as the teacher`)
      return { graph: networkOfTrial(space, dataset, best), seed: trainingSeed(settings.seed, best.archId) }
    },
  }
}

const readTrial = (db: string, id: number | undefined, trial: number) =>
  reading(db, (store) => {
    const experiment = store.experiment(id)
    const trials = store.trials(experiment.id)
    return { experiment, record: trials.find((candidate) => candidate.trial === trial), trials }
  })
