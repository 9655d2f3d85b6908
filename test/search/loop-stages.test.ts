import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Evaluator } from '../../evaluators/evaluator.ts'
import { OperationalError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { openStore } from '../../results/sqlite/open.ts'
import { networksPerRung } from '../../search/fidelity/ladder.ts'
import { type SearchEvent, SearchLoop, type SearchPlan } from '../../search/loop.ts'
import type { Candidate } from '../../search/pricing.ts'
import { newExperiment, outcome } from './fixtures-loop.ts'
import { stagedEvaluator, stagedPlan } from './fixtures-stages.ts'

const NEVER = new AbortController().signal
const ignore = () => undefined

interface Place {
  readonly file: string
  readonly checkpoints: string
}

function place(t: ExecutionContext): Place {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-stages-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return { file: path.join(folder, 'results.db'), checkpoints: path.join(folder, 'results.db.checkpoints', '1') }
}

async function wholeRun(
  t: ExecutionContext,
  changes: Partial<SearchPlan> = {},
  emit = ignore as (e: SearchEvent) => void,
) {
  const { file, checkpoints } = place(t)
  const store = openStore(file, { write: true })
  const plan = stagedPlan(checkpoints, changes)
  const id = newExperiment(store, plan)
  const status = await new SearchLoop(plan, store.journal(id), emit).run(NEVER)
  const result = { status, ...outcome(store, id) }
  store.close()
  return { result, checkpoints }
}

test('a search in stages: as many trials as planned, only the last stage on the fronts, checkpoints gone at the end', async (t) => {
  const evaluator = stagedEvaluator()
  const { result, checkpoints } = await wholeRun(t, { evaluator })
  const { status, trials, fronts } = result
  t.is(status, 'done')
  const counts = networksPerRung(30, { rungs: 3, reduction: 3, promotion: 'asynchronous' })
  t.deepEqual(
    [0, 1, 2].map((rung) => trials.filter((trial) => trial.rung === rung).length),
    [...counts],
  )
  for (const { points } of fronts) for (const { trial } of points) t.is(trials[trial]!.rung, 2)
  t.true(fronts.every(({ points }) => points.length > 0))
  for (const trial of trials) {
    t.true(trial.result.ok)
    if (trial.continues !== undefined) {
      const { archId, rung, inherits } = trials[trial.continues]!
      t.deepEqual([archId, rung, inherits], [trial.archId, trial.rung - 1, trial.inherits])
    }
  }
  t.true(trials.filter(({ inherits }) => inherits !== undefined).length > 25)
  t.is(evaluator.requests.length, trials.length, 'nothing is trained twice')
  t.is(evaluator.restarts(), 0)
  t.false(existsSync(path.dirname(checkpoints)))
})

test('the outcome does not depend on the number of workers or on who finishes first', async (t) => {
  const one = await wholeRun(t, { workers: 1 })
  for (const [workers, delay] of [
    [2, 5],
    [5, 11],
  ] as const) {
    const evaluator = stagedEvaluator((archId) => Number.parseInt(archId.slice(3, 5), 16) % delay)
    t.deepEqual((await wholeRun(t, { workers, evaluator })).result, one.result)
  }
})

test('without inheritance, checkpoints of networks that cannot go up any more are removed', async (t) => {
  const { file, checkpoints } = place(t)
  const store = openStore(file, { write: true })
  const plan = stagedPlan(checkpoints, { inherit: false, workers: 1, lookAhead: 2 })
  const id = newExperiment(store, plan)
  let most = 0
  let last = 0
  await new SearchLoop(plan, store.journal(id), ({ event }) => {
    if (event !== 'trial') return
    last = readdirSync(checkpoints).length
    most = Math.max(most, last)
  }).run(NEVER)
  t.true(most > 2 && most <= 15, `${most} checkpoints at a time`)
  t.true(last <= 1)
  t.true(store.trials(id).every(({ inherits }) => inherits === undefined))
  store.close()
})

test('stopped anywhere, with checkpoints lost or damaged, foreign files about and resumed, it ends as if it had never stopped', async (t) => {
  const { result: expected } = await wholeRun(t)
  const { file, checkpoints } = place(t)
  const random = randomStream(2, 'stops')
  let id: number | undefined
  let status = 'running'
  let [stops, restarts] = [0, 0]
  while (status !== 'done') {
    const store = openStore(file, { write: true })
    const evaluator = stagedEvaluator()
    const plan = stagedPlan(checkpoints, { evaluator })
    id ??= newExperiment(store, plan)
    const stop = new AbortController()
    let eventsLeft = 1 + random.int(25)
    const loop = new SearchLoop(plan, store.journal(id), () => {
      if (--eventsLeft === 0) stop.abort()
    })
    status = await loop.run(stop.signal)
    if (status === 'done') t.deepEqual({ status, ...outcome(store, id) }, expected)
    store.close()
    restarts += evaluator.restarts()
    if (stops++ % 3 === 0) rmSync(checkpoints, { recursive: true, force: true })
    else if (existsSync(checkpoints)) {
      for (const name of readdirSync(checkpoints)) {
        const fate = random.int(4)
        if (fate === 0) rmSync(path.join(checkpoints, name))
        if (fate === 1) writeFileSync(path.join(checkpoints, name), 'damaged')
      }
      writeFileSync(path.join(checkpoints, `${'0'.repeat(64)}.checkpoint.${stops}-0.tmp`), 'killed while writing')
    }
  }
  t.true(stops > 5, `stopped ${stops} times`)
  t.true(restarts > 0)
  t.false(existsSync(checkpoints))
})

test('where a checkpoint cannot be written the search ends, no trial is blamed, and it goes on once that is mended', async (t) => {
  const { result: expected } = await wholeRun(t)
  const { file, checkpoints } = place(t)
  const store = openStore(file, { write: true })
  let left = 12
  const message = "the checkpoint 'x' cannot be written (ENOSPC: no space left on device, write)"
  const staged = stagedEvaluator()
  const full: Evaluator = {
    ...staged,
    evaluate: async (request, options) =>
      left-- > 0 ? staged.evaluate(request, options) : { ok: false, code: 'checkpoint', message },
  }
  const plan = stagedPlan(checkpoints, { evaluator: full })
  const id = newExperiment(store, plan)
  await t.throwsAsync(new SearchLoop(plan, store.journal(id), ignore).run(NEVER), {
    instanceOf: OperationalError,
    message: `${message}: everything committed is safe; mend that, then continue with 'frugal resume'`,
  })
  t.true(store.trials(id).every(({ result }) => result.ok))
  const status = await new SearchLoop(stagedPlan(checkpoints), store.journal(id), ignore).run(NEVER)
  t.deepEqual({ status, ...outcome(store, id) }, expected)
  store.close()
})

test('measurements of an earlier search serve a later one, which trains what it has to go on from', async (t) => {
  const { file, checkpoints } = place(t)
  const store = openStore(file, { write: true })
  const plan = stagedPlan(checkpoints)
  const first = newExperiment(store, plan)
  await new SearchLoop(plan, store.journal(first), ignore).run(NEVER)
  const evaluator = stagedEvaluator()
  const same = stagedPlan(checkpoints, { evaluator })
  const second = newExperiment(store, same)
  await new SearchLoop(same, store.journal(second), ignore).run(NEVER)
  t.is(evaluator.requests.length, 0)
  t.deepEqual(store.trials(second), store.trials(first))

  const longer = stagedPlan(checkpoints, { networks: 40, evaluator })
  const third = newExperiment(store, longer)
  await new SearchLoop(longer, store.journal(third), ignore).run(NEVER)
  store.close()
  t.true(evaluator.requests.length > 0)
  const alone = await wholeRun(t, { networks: 40 })
  const again = openStore(file, { write: false })
  t.deepEqual(again.trials(third), alone.result.trials)
  again.close()
})

test('a full training is measured again where a lower rung left the test part out', async (t) => {
  const { file, checkpoints } = place(t)
  const store = openStore(file, { write: true })
  const request = (skipsOn: number) => (candidate: Candidate, rung: number) => ({
    ...stagedPlan(checkpoints).request(candidate, rung),
    ...(rung < skipsOn ? { skipTest: true } : {}),
  })
  const short = stagedPlan(checkpoints, { request: request(3) })
  const first = newExperiment(store, short)
  await new SearchLoop(short, store.journal(first), ignore).run(NEVER)
  const evaluator = stagedEvaluator()
  const whole = stagedPlan(checkpoints, { request: request(2), evaluator })
  const second = newExperiment(store, whole)
  await new SearchLoop(whole, store.journal(second), ignore).run(NEVER)
  const tested = (experiment: number) => store.trials(experiment).map(({ result }) => 'testAccuracy' in result)
  t.false(tested(first).includes(true))
  t.deepEqual(
    tested(second),
    store.trials(second).map(({ rung }) => rung === 2),
  )
  // What goes on needs checkpoints, which the first search has removed; on the last rung nothing else is trained.
  t.is(evaluator.requests.filter(({ skipTest }) => !skipTest).length, tested(second).filter(Boolean).length)
  store.close()
})

test('lower rungs are ranked by cross entropy where it is known, the last one by accuracy', async (t) => {
  const evaluator = stagedEvaluator()
  const withEntropy: typeof evaluator = {
    ...evaluator,
    evaluate: async (request, options) => {
      const result = await evaluator.evaluate(request, options)
      return result.ok ? { ...result, crossEntropy: 2 * Math.log(10) * (1 - result.accuracy) } : result
    },
  }
  const { result } = await wholeRun(t, { evaluator: withEntropy })
  t.deepEqual(new Set(result.trials.map(({ rung }) => rung)), new Set([0, 1, 2]))
  for (const { rung, result: measured, costs } of result.trials) {
    if (!measured.ok) continue
    // Of ten classes a guess leaves ln 10 nats.
    const error = rung === 2 ? 1 - measured.accuracy : measured.crossEntropy! / Math.log(10)
    for (const { objectives } of costs) t.true(Math.abs(objectives![0]! - error) < 1e-12)
    t.true(Math.abs(measured.crossEntropy! / Math.log(10) - 2 * (1 - measured.accuracy)) < 1e-12)
  }
})

test('a network trained on a rung is not mixed up with another fidelity of it in the cache', async (t) => {
  const { result } = await wholeRun(t)
  const accuracies = new Map<string, Set<number>>()
  for (const { archId, result: measured } of result.trials) {
    if (measured.ok) accuracies.set(archId, (accuracies.get(archId) ?? new Set()).add(measured.accuracy))
  }
  const trials = new Map<string, number>()
  for (const { archId } of result.trials) trials.set(archId, (trials.get(archId) ?? 0) + 1)
  for (const [archId, count] of trials) t.is(accuracies.get(archId)!.size, count)
})

test('checkpoints may lie elsewhere, behind a link', async (t) => {
  const { file, checkpoints } = place(t)
  const elsewhere = path.join(path.dirname(file), 'elsewhere')
  mkdirSync(elsewhere)
  symlinkSync(elsewhere, path.dirname(checkpoints), 'junction')
  const store = openStore(file, { write: true })
  const plan = stagedPlan(checkpoints, { networks: 5 })
  t.is(await new SearchLoop(plan, store.journal(newExperiment(store, plan)), ignore).run(NEVER), 'done')
  t.deepEqual(readdirSync(elsewhere), [])
  store.close()
})

test('a folder of checkpoints with other files in it keeps them', async (t) => {
  const { file, checkpoints } = place(t)
  mkdirSync(checkpoints, { recursive: true })
  writeFileSync(path.join(checkpoints, 'notes.txt'), 'mine')
  const store = openStore(file, { write: true })
  const plan = stagedPlan(checkpoints, { networks: 5 })
  const id = newExperiment(store, plan)
  await new SearchLoop(plan, store.journal(id), ignore).run(NEVER)
  t.deepEqual(readdirSync(checkpoints), ['notes.txt'])
  store.close()
})
