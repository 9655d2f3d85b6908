import { fork } from 'node:child_process'
import path from 'node:path'
import { type Failure, failure } from '../../lib/errors.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { EvaluationRequest, Measurement } from '../evaluator.ts'
import type { TrainingThreadData } from './training-thread.ts'

/** Shared memory cannot cross to another process: the arrays travel as copies. */
function unshared(dataset: Dataset): Dataset {
  const { train, validation, test } = dataset.splits
  return {
    ...dataset,
    samples: dataset.samples.slice(),
    labels: dataset.labels.slice(),
    splits: { train: train.slice(), validation: validation.slice(), test: test.slice() },
    ...(dataset.teacher === undefined
      ? {}
      : { teacher: { ...dataset.teacher, logits: dataset.teacher.logits.slice() } }),
  }
}

/**
 * Trains a candidate in a child process. It gives the same figures as a thread would.
 * @returns `crashed-twice` when the process dies without an answer: it is only used for candidates that were in flight
 * when a whole search died, so this is their second crash and the first that is surely their own.
 */
export function evaluateIsolated(
  request: EvaluationRequest,
  data: TrainingThreadData,
  signal: AbortSignal | undefined,
): Promise<Measurement | Failure> {
  const extension = path.extname(import.meta.filename)
  const child = fork(path.join(import.meta.dirname, `training-process${extension}`), { serialization: 'advanced' })
  return new Promise((resolve) => {
    const stop = () => {
      child.kill('SIGKILL')
      resolve(failure('timed-out', 'given up while training in a process of its own'))
    }
    signal?.addEventListener('abort', stop, { once: true })
    child.once('message', (result) => resolve(result as Measurement | Failure))
    child.once('error', (error) => resolve(failure('worker-died', error.message)))
    child.once('exit', (code, killedBy) => {
      signal?.removeEventListener('abort', stop)
      resolve(
        failure('crashed-twice', `its process ended with ${killedBy ?? `code ${code}`} while it was trained alone`),
      )
    })
    child.send({ request, data: { ...data, dataset: unshared(data.dataset) } })
    if (signal?.aborted) stop()
  })
}
