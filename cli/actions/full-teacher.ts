import path from 'node:path'
import { TRAINING_FILES } from '../../export/train/training-folder.ts'
import type { TrainingJob } from '../../export/train/training-job.ts'
import { UserError } from '../../lib/errors.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { type ExportTrainer, trainingFolder } from './export-training.ts'
import { print } from './output.ts'
import { type TeacherArguments, taught, withTeacherFlags } from './teacher.ts'

/** Stands for the best network of the experiment instead of a file. */
const BEST = 'best'

/** The trial whose network teaches the others: the longest trained ones' highest validation accuracy, of equals the first. */
export function bestTrial(trials: readonly TrialRecord[]): TrialRecord | undefined {
  let best: { readonly record: TrialRecord; readonly accuracy: number } | undefined
  for (const record of trials) {
    if (!record.result.ok) continue
    const { accuracy } = record.result
    const longer = best === undefined ? 1 : record.rung - best.record.rung
    if (longer > 0 || (longer === 0 && accuracy > best!.accuracy)) best = { record, accuracy }
  }
  return best?.record
}

/** A network with the seed of its training. */
export interface TeachingNetwork {
  readonly graph: NetworkGraph
  readonly seed: number
}

/**
 * Lets a training learn from a teacher: a file, or with `best` the best network of the experiment, trained fully first by
 * the same plan. The best network itself has no teacher.
 * @param bestOf gives the network of the best trial; undefined outside experiments.
 */
export async function teach(
  args: TeacherArguments & { readonly out: string },
  job: TrainingJob,
  train: ExportTrainer,
  bestOf: (() => TeachingNetwork) | undefined,
): Promise<TrainingJob> {
  const file = await teacherFile(args, job, train, bestOf)
  if (file === undefined) return job
  const recipe = withTeacherFlags(job.recipe, { ...args, teacher: file })
  return { ...job, recipe, dataset: await taught(job.dataset, recipe, file) }
}

async function teacherFile(
  { teacher, out }: TeacherArguments & { readonly out: string },
  job: TrainingJob,
  train: ExportTrainer,
  bestOf: (() => TeachingNetwork) | undefined,
): Promise<string | undefined> {
  if (teacher !== BEST) return teacher
  if (bestOf === undefined) {
    throw new UserError(`--teacher ${BEST} is the best network of an experiment: name a trial, or give FILE.onnx`)
  }
  const best = { ...job, ...bestOf() }
  if (archId(best.graph) === archId(job.graph)) {
    print(`${archId(job.graph)} is the best network itself: it learns without a teacher`)
    return undefined
  }
  await train(`training the teacher (${archId(best.graph)})`, best)
  return path.join(trainingFolder(out, best), TRAINING_FILES.onnx)
}
