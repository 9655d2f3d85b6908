import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Dataset } from '../datasets/dataset.ts'
import { trainingEnvironment } from './training-environment.ts'
import type { Order } from './training-process.ts'
import { type Candidate, type Result, type WorkerData, WorkerDeath, type Workers } from './workers.ts'

interface Child {
  readonly process: ChildProcess
  trials: number
}

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
 * Processes, as many as candidates are run at the same time: one that crashes takes its candidates with it and nothing
 * else. They give the same figures as threads.
 * @param lifetime trials after which a process is replaced by a fresh one, which begins when the old one has ended.
 */
export function createProcesses(data: WorkerData, lifetime: number): Workers {
  const filename = path.join(import.meta.dirname, `training-process${path.extname(import.meta.filename)}`)
  const idle: Child[] = []
  const endings = new Set<Promise<unknown>>()
  const order = ({ process: child }: Child, what: Order): void => {
    // Nobody is there to be told once it has ended; its end is noticed where its answer is awaited.
    if (child.connected) child.send(what, () => {})
  }

  /** One that has nothing to do may have been killed meanwhile. */
  const lives = ({ process: { exitCode, signalCode } }: Child): boolean => exitCode === null && signalCode === null

  function idleChild(): Child | undefined {
    let child = idle.pop()
    while (child !== undefined && !lives(child)) child = idle.pop()
    return child
  }

  async function start(): Promise<Child> {
    await Promise.all(endings)
    const child = {
      process: fork(filename, { serialization: 'advanced', env: trainingEnvironment(process.env) }),
      trials: 0,
    }
    order(child, { data: { ...data, dataset: unshared(data.dataset) } })
    return child
  }

  function end({ process: child }: Child): void {
    const ended = once(child, 'exit')
    endings.add(ended)
    void ended.then(() => endings.delete(ended))
    // The channel of one that was killed a moment ago may be gone before its end is told.
    if (child.connected) child.disconnect()
  }

  return {
    async run(candidates, terminate) {
      const child = idleChild() ?? (await start())
      const results = await answerOf(child, candidates, terminate, order)
      child.trials += candidates.length
      if (child.trials < lifetime) idle.push(child)
      else end(child)
      return results
    },
    async end() {
      for (const child of idle.splice(0).filter(lives)) end(child)
      await Promise.all(endings)
    },
  }
}

/** @throws when the process ends first. */
async function answerOf(
  child: Child,
  candidates: readonly Candidate[],
  terminate: AbortSignal,
  order: (child: Child, what: Order) => void,
): Promise<readonly Result[]> {
  const over = new AbortController()
  const options = { once: true, signal: over.signal } as const
  terminate.addEventListener('abort', () => child.process.kill('SIGKILL'), options)
  order(child, { requests: candidates.map(({ request }) => request) })
  for (const [place, { signal }] of candidates.entries()) {
    const cancel = () => order(child, { cancel: place })
    signal.addEventListener('abort', cancel, options)
    if (signal.aborted) cancel()
  }
  try {
    return await new Promise((resolve, reject) => {
      const { process: spawned } = child
      over.signal.addEventListener('abort', () => spawned.removeAllListeners())
      spawned.once('message', (results) => resolve(results as readonly Result[]))
      spawned.once('error', reject)
      spawned.once('exit', (code, killedBy) =>
        reject(new WorkerDeath(`its process ended with ${killedBy ?? `code ${code}`}`, killedBy === 'SIGKILL')),
      )
    })
  } finally {
    over.abort()
  }
}
