import { existsSync, mkdtempSync, rmdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { trainInFolder } from '../../export/train/training-folder.ts'
import { type FullyTrained, type TrainingJob, trainingKey } from '../../export/train/training-job.ts'
import { UserError } from '../../lib/errors.ts'
import { formatAccuracy } from '../../lib/units.ts'
import { archId } from '../../network/measure.ts'
import { counted, messagesOf, say } from './output.ts'
import { reportTraining, type TrainingWords } from './training-report.ts'

/** Where an export keeps its trainings, one folder each. */
const FOLDER = 'training'

/** @throws UserError for a folder to write to that is a file, would be inside one, or may not be written to. */
export function checkOutFolder(out: string, flag = '--out'): void {
  if (out === '') throw new UserError(`${flag} is empty: name a folder to write to, which is made where there is none`)
  let folder = path.resolve(out)
  while (!existsSync(folder) && path.dirname(folder) !== folder) folder = path.dirname(folder)
  if (!statSync(folder).isDirectory()) {
    throw new UserError(
      `${flag} '${out}': '${path.basename(folder)}' is a file; name a folder, which is made where there is none`,
    )
  }
  try {
    // Permissions alone do not tell of places such as /proc.
    rmdirSync(mkdtempSync(path.join(folder, '.frugal-')))
  } catch {
    throw new UserError(`${flag} '${out}': the folder '${folder}' cannot be written to; name another one`)
  }
}

/** Runs one training of an export. */
export type ExportTrainer = (what: string, job: TrainingJob) => Promise<FullyTrained>

/** The folder of a job's own. */
export const trainingFolder = (out: string, job: TrainingJob): string =>
  path.join(out, FOLDER, `${archId(job.graph)}-${trainingKey(job).slice(0, 8)}`)

/**
 * Trains in a folder of the job's own under the export's, so that the same export finds a finished training again, goes on
 * with a stopped one, and devices share what they have in common.
 */
export function exportTrainer(out: string, signal: AbortSignal, words: TrainingWords): ExportTrainer {
  const print = (text: string): void => say(messagesOf(words === 'text-beside-json'), text)
  const json = words === 'events'
  return async (what, job) => {
    const folder = trainingFolder(out, job)
    if (!json) print(`${what}: ${counted(job.epochs, 'epoch')}, kept in ${folder}`)
    const report = reportTraining(job.epochs, words, what)
    const { trained, reused } = await trainInFolder(folder, job, { signal, ...report })
    const { accuracy, kept, endedEarly, history } = trained
    if (json) return trained
    print(
      `${what}: ${reused ? 'trained before' : endedEarly ? `ended early after ${counted(history.length, 'epoch')}` : 'done'}; ` +
        `weights of epoch ${kept.epoch}, validation ${formatAccuracy(accuracy.validation!)}`,
    )
    return trained
  }
}
