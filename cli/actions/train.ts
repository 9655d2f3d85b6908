import { chooseEngine, engineName, loadEngine } from '../../evaluators/training/engines.ts'
import { logitsOf } from '../../evaluators/training/onnx/training-graph.ts'
import { TRAINING_FILES, trainInFolder } from '../../export/train/training-folder.ts'
import { type FullyTrained, peakOf, type TrainingJob } from '../../export/train/training-job.ts'
import { UserError } from '../../lib/errors.ts'
import { formatAccuracy } from '../../lib/units.ts'
import { archId } from '../../network/measure.ts'
import { wholeNumber } from '../commands/shared.ts'
import { checkOutFolder, exportTrainer } from './export-training.ts'
import { teach } from './full-teacher.ts'
import { checkTrainingFlags, trainingPlan } from './full-training.ts'
import { interruptible } from './interruption.ts'
import { counted, print, printJson } from './output.ts'
import { reportTraining, type TrainingReport } from './training-report.ts'
import { type Subject, subjectOf, type TrainArguments } from './training-subject.ts'

/** `frugal train` */
export async function train(args: TrainArguments): Promise<void> {
  checkFlags(args)
  const subject = await subjectOf(args)
  const plain = await jobOf(args, subject)
  const words = args.json ? 'events' : 'text'
  let report: TrainingReport | undefined
  const work = async (signal: AbortSignal): Promise<void> => {
    announce(plain, args.json)
    const job = await teach(args, plain, exportTrainer(args.out, signal, words), subject.best)
    report = reportTraining(job.epochs, words, archId(job.graph))
    const { trained, reused } = await trainInFolder(args.out, job, { signal, ...report }, subject.origin)
    conclude(trained, reused, args)
  }
  await interruptible(work, () => {
    const done = report?.epochsDone() ?? 0
    if (args.json) printJson({ event: 'interrupted', epochs: done })
    process.stderr.write(
      `frugal: stopped after ${done} of ${counted(plain.epochs, 'epoch')}, kept in ${args.out}; the same command goes on from there\n`,
    )
  })
}

function checkFlags(args: TrainArguments): void {
  checkTrainingFlags(args)
  checkOutFolder(args.out)
  if (args.trial !== undefined) wholeNumber(args.trial, '--trial', 0, Number.MAX_SAFE_INTEGER)
  if (args.seed !== undefined) wholeNumber(args.seed, '--seed', 0, Number.MAX_SAFE_INTEGER)
  if (args.trial !== undefined && args.seed !== undefined) {
    throw new UserError('--seed and --trial exclude each other: a trial is trained with the seed of its experiment')
  }
}

/** @throws UserError when the network does not give one number for each class of the data. */
async function jobOf(args: TrainArguments, subject: Subject): Promise<TrainingJob> {
  const { graph, dataset, seed } = subject
  const { classes } = logitsOf(graph)
  if (classes !== dataset.classNames.length) {
    throw new UserError(
      `the network tells ${classes} classes apart and the data set '${dataset.name}' has ${dataset.classNames.length}: give the data it was made for with --data`,
    )
  }
  const choice = await chooseEngine({
    engine: args.engine ?? subject.engine,
    provider: args.provider ?? subject.provider,
  })
  const engine = await loadEngine(engineName(choice))
  return { graph, dataset, engine, engineName: engineName(choice), seed, ...trainingPlan(args, subject, dataset) }
}

function announce({ graph, dataset, epochs, patience }: TrainingJob, json: boolean): void {
  const { train: training, validation, test } = dataset.splits
  if (json) {
    printJson({ event: 'start', archId: archId(graph), epochs, patience, dataset: dataset.digest })
    return
  }
  print(
    `Training ${archId(graph)} on ${dataset.name} for ${counted(epochs, 'epoch')} ` +
      `(${training.length} training, ${validation.length} validation, ${test.length} test samples)`,
  )
}

function conclude({ kept, accuracy, endedEarly, history }: FullyTrained, reused: boolean, args: TrainArguments): void {
  if (args.json) {
    const { validation, test } = accuracy
    const figures = { epochs: history.length, keptEpoch: kept.epoch, endedEarly, validation, test }
    printJson({ event: 'done', reused, ...figures })
    return
  }
  if (reused) print(`${args.out} holds this training already`)
  if (endedEarly)
    print(
      `ended early after ${counted(history.length, 'epoch')}: no better result since epoch ${peakOf(history).epoch}`,
    )
  print(
    `${args.out}: ${[TRAINING_FILES.weights, TRAINING_FILES.architecture, TRAINING_FILES.onnx, TRAINING_FILES.metrics].join(', ')}; ` +
      `weights of epoch ${kept.epoch}: validation ${formatAccuracy(accuracy.validation ?? 0)}, test accuracy ${formatAccuracy(accuracy.test ?? 0)}`,
  )
}
