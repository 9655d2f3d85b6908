import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { engineName, loadEngine } from '../../evaluators/training/engines.ts'
import type { ExportJob } from '../../export/export-network.ts'
import type { ModelCard } from '../../export/model-card.ts'
import { pruningJob, pruningReport } from '../../export/prune/fine-tune.ts'
import { pruneNetwork } from '../../export/prune/prune.ts'
import { type FineTuner, fineTuningJob } from '../../export/quantise/fine-tune.ts'
import { QAT_MODES, type QatMode } from '../../export/quantise/qat-mode.ts'
import { readTraining, type TrainingRecord } from '../../export/train/training-folder.ts'
import type { FullyTrained, TrainingJob } from '../../export/train/training-job.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { TrialRecord } from '../../search/journal.ts'
import type { SearchSpace } from '../../spaces/space.ts'
import type { FullTrainingArguments } from '../commands/training-options.ts'
import type { ExportTrainer } from './export-training.ts'
import { bestTrial, teach } from './full-teacher.ts'
import { checkTrainingFlags, FULL_EPOCHS_FACTOR, trainingPlan } from './full-training.ts'
import { trainingSeed } from './session.ts'
import type { SearchSettings } from './settings.ts'
import { networkOfTrial } from './trial-network.ts'

export interface PreparationArguments extends FullTrainingArguments {
  readonly out: string
  /** Folder of a finished training to take the weights from. */
  readonly weights: string | undefined
  readonly qat: string
  /** Share of the channels to take away. */
  readonly prune: number | undefined
}

interface PreparationSession {
  readonly args: PreparationArguments
  readonly qat: QatMode
  readonly settings: SearchSettings
  readonly trials: readonly TrialRecord[]
  readonly dataset: Dataset
  readonly space: SearchSpace
  readonly train: ExportTrainer
  /** Says what is done, in a line. */
  readonly tell: (text: string) => void
}

/** Most that `--prune` takes away: beyond it little is left to fine-tune. */
const MOST_PRUNED = 0.9

/** Checks the flags that need nothing else. @returns when fine-tuning is wanted. @throws UserError naming the flag. */
export function checkPreparation(args: PreparationArguments): QatMode {
  checkTrainingFlags(args)
  if (args.prune !== undefined && !(args.prune > 0 && args.prune <= MOST_PRUNED)) {
    throw new UserError(`--prune must be a share of the channels above 0 and at most ${MOST_PRUNED}, not ${args.prune}`)
  }
  return qatMode(args.qat)
}

/**
 * The network that is exported for a trial: fully trained, pruned where that is asked for, and what is needed to train it
 * on with fake quantisation.
 * @param affordable throws for a network that the device has no room for; asked before anything is trained.
 */
export async function prepareNetwork(
  session: PreparationSession,
  record: TrialRecord,
  affordable: (graph: NetworkGraph) => void,
): Promise<Pick<ExportJob, 'graph' | 'trained' | 'training' | 'fineTuner' | 'pruning'>> {
  const { args, settings, dataset, space, trials } = session
  const graph = networkOfTrial(space, dataset, record)
  // What pruning leaves is known only after training.
  if (args.prune === undefined) affordable(graph)
  const plain = await trainingJob(session, graph, trainingSeed(settings.seed, record.archId))
  const job = await teach(args, plain, session.train, () => {
    const best = bestTrial(trials)!
    return { graph: networkOfTrial(space, dataset, best), seed: trainingSeed(settings.seed, best.archId) }
  })
  const { trained, training } = await trainedNetwork(session, record, job)
  if (args.prune === undefined) return { graph, trained, training, fineTuner: fineTuner(session, job) }
  const pruned = pruneNetwork(graph, trained.weights, args.prune)
  affordable(pruned.graph)
  session.tell(`pruned: ${pruned.channelsAfter} of ${pruned.channelsBefore} channels are left`)
  const tuning = pruningJob(job, pruned)
  const tuned = await session.train('fine-tuning of the pruned network', tuning)
  return {
    graph: pruned.graph,
    trained: tuned,
    training,
    pruning: pruningReport(args.prune, { graph, trained }, pruned, { job: tuning, trained: tuned }),
    fineTuner: fineTuner(session, { ...job, graph: pruned.graph }),
  }
}

/** The float network: from a folder that is named, or trained. */
async function trainedNetwork(
  session: PreparationSession,
  { trial, archId: id }: TrialRecord,
  job: TrainingJob,
): Promise<{ readonly trained: FullyTrained; readonly training: ModelCard['training'] }> {
  const { args, dataset } = session
  if (args.weights !== undefined) {
    const stored = readTraining(args.weights, job.graph)
    if (stored.record.data.digest !== dataset.digest) {
      throw new UserError(`'${args.weights}' was trained on other data than the experiment: train it on these`)
    }
    return { trained: stored.trained, training: describeTraining(stored.record, stored.trained) }
  }
  const trained = await session.train(`training trial ${trial} (${id})`, job)
  const { engineName: name, engine, epochs, seed, recipe } = job
  return {
    trained,
    training: describeTraining({ engine: `${name}@${engine.version}`, epochs, seed, recipe: { ...recipe } }, trained),
  }
}

/** Trains on with fake quantisation, where that is wanted. */
const fineTuner = ({ qat, train }: PreparationSession, job: TrainingJob): FineTuner => ({
  mode: qat,
  train: async (start, fourBitLayers) => {
    const tuning = fineTuningJob(job, start, fourBitLayers)
    return { trained: await train('quantisation-aware fine-tuning', tuning), job: tuning }
  },
})

/** @throws UserError for anything but the three modes. */
function qatMode(text: string): QatMode {
  const mode = QAT_MODES.find((name) => name === text)
  if (mode === undefined) throw new UserError(unknownName('--qat mode', text, QAT_MODES))
  return mode
}

async function trainingJob(session: PreparationSession, graph: NetworkGraph, seed: number): Promise<TrainingJob> {
  const { args, dataset, settings } = session
  const name = engineName(settings)
  const usual = { recipe: settings.recipe, epochs: FULL_EPOCHS_FACTOR * settings.fidelity.epochs }
  return {
    graph,
    dataset,
    seed,
    engine: await loadEngine(name),
    engineName: name,
    ...trainingPlan(args, usual, dataset),
  }
}

const describeTraining = (
  { engine, epochs, seed, recipe }: Pick<TrainingRecord, 'engine' | 'epochs' | 'seed' | 'recipe'>,
  { history, kept }: FullyTrained,
): ModelCard['training'] => ({ engine, epochs, seed, recipe, epochsRun: history.length, keptEpoch: kept.epoch })
