import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { UserError } from '../../lib/errors.ts'
import { openStore } from '../../results/sqlite/open.ts'
import type { Store } from '../../results/store.ts'
import { asked, completed, costsOf, experiment, failed, temporaryFolder } from './fixtures.ts'

/** A fresh store, and a function that closes it and opens the same file again. */
function storeOf(t: ExecutionContext): { store: Store; reopen: () => Store } {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  let open = openStore(file, { write: true })
  t.teardown(() => open.close())
  return {
    store: open,
    reopen: () => {
      open.close()
      open = openStore(file, { write: true })
      return open
    },
  }
}

test('an experiment comes back as it was given, with an id, a time and a status', (t) => {
  const { store, reopen } = storeOf(t)
  const id = store.createExperiment(experiment())
  const read = reopen().experiment(id)
  const { createdAt, ...rest } = read
  t.deepEqual(rest, { ...experiment(), id, status: 'running' })
  t.regex(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('without an id the latest experiment is meant; an unknown id lists what there is', (t) => {
  const { store } = storeOf(t)
  t.throws(() => store.experiment(), {
    instanceOf: UserError,
    message: /holds no experiments: run 'frugal search.*-wal, too$/,
  })
  store.createExperiment(experiment({ name: 'first' }))
  const second = store.createExperiment(experiment({ name: 'second' }))
  t.is(store.experiment().id, second)
  t.throws(() => store.experiment(9), {
    instanceOf: UserError,
    message: /no experiment 9 in .*1 \(first\), 2 \(second\)/,
  })
})

test('a turn is read back whole: trials, costs, rejections, pending trials, state and status', (t) => {
  const { store, reopen } = storeOf(t)
  const id = store.createExperiment(experiment())
  const journal = store.journal(id)
  t.is(journal.loopState(), undefined)
  const rejection = {
    beforeTrial: 1,
    genome: [9, 9],
    archId: 'too-big',
    violations: { mcu: [{ limit: 'peakRamBytes', value: 70000, allowed: 65536 }], gpu: [] },
  }
  journal.commit({ asked: [asked(0), asked(1)], rejections: [], algorithmState: { step: 1 } })
  journal.commit({
    finished: completed(0),
    asked: [asked(2)],
    rejections: [rejection],
    algorithmState: { step: 2, random: [1, -2, 3, -4] },
  })
  journal.commit({ finished: failed(1), asked: [], rejections: [], algorithmState: null, status: 'exhausted' })

  const again = reopen()
  t.deepEqual(again.journal(id).loopState(), {
    algorithmState: null,
    pending: [{ ...asked(2), crashes: 0 }],
    told: 2,
  })
  t.deepEqual(again.trials(id), [completed(0), failed(1)])
  t.deepEqual(again.journal(id).trials(), again.trials(id))
  t.deepEqual(
    again.outcomes(id),
    [completed(0), failed(1)].map(({ costs: _, ...outcome }) => outcome),
  )
  t.deepEqual(again.trial(id, 1), failed(1))
  t.is(again.trial(id, 2), undefined)
  t.deepEqual(again.rejections(id), [rejection])
  t.is(again.experiment(id).status, 'exhausted')
})

test('a turn that cannot be recorded leaves nothing behind', (t) => {
  const { store } = storeOf(t)
  const id = store.createExperiment(experiment())
  const journal = store.journal(id)
  journal.commit({ asked: [asked(0)], rejections: [], algorithmState: { step: 1 } })
  const before = journal.loopState()
  const turn = { asked: [asked(1)], rejections: [], algorithmState: { step: 2 } }
  t.throws(() => journal.commit({ ...turn, finished: completed(5) }), { message: /trial 5 was finished without being/ })
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const costs = [costsOf('mcu', { energyMj: bad })]
    t.throws(() => journal.commit({ ...turn, finished: completed(0, { costs }) }), { message: `energyMj is ${bad}` })
    t.throws(() => journal.commit({ ...turn, algorithmState: [bad] }), { instanceOf: TypeError })
  }
  t.throws(() => journal.commit({ ...turn, asked: [asked(0)] }), {
    message: /UNIQUE constraint failed: pending\.experiment, pending\.trial/,
  })
  t.deepEqual(journal.loopState(), before)
  t.deepEqual(journal.trials(), [])
})

test('numbers survive exactly', (t) => {
  const { store, reopen } = storeOf(t)
  const id = store.createExperiment(experiment())
  const numbers = [
    0.1 + 0.2,
    1 / 3,
    Number.MIN_VALUE,
    Number.MAX_VALUE,
    Number.EPSILON,
    2 ** 53 + 2,
    5e-324,
    1e21 + 65536,
  ]
  const records = numbers.map((number, trial) =>
    completed(trial, {
      macs: number,
      params: number,
      result: {
        ok: true,
        accuracy: number,
        crossEntropy: number,
        testAccuracy: number,
        loss: number,
        cpuSeconds: number,
        wallSeconds: number,
      },
      costs: [
        costsOf('mcu', {
          latencyMs: number,
          energyMj: number,
          peakRamBytes: number,
          flashBytes: number,
          violation: number,
          objectives: [number, -number],
          basis: { exact: number },
        }),
      ],
    }),
  )
  const journal = store.journal(id)
  journal.commit({ asked: numbers.map((_, trial) => asked(trial)), rejections: [], algorithmState: numbers })
  for (const finished of records) journal.commit({ finished, asked: [], rejections: [], algorithmState: numbers })
  const again = reopen()
  t.deepEqual(again.trials(id), records)
  t.deepEqual(again.journal(id).loopState()?.algorithmState, numbers)
})

test('crashes are counted for the trials that were marked when the process died, once each', (t) => {
  const { store, reopen } = storeOf(t)
  const id = store.createExperiment(experiment())
  const journal = store.journal(id)
  journal.commit({ asked: [asked(0), asked(1), asked(2)], rejections: [], algorithmState: 0 })
  for (const trial of [0, 1, 2]) journal.markTraining(trial, true)
  journal.markTraining(1, false)

  const crashesOf = (opened: Store) =>
    opened
      .journal(id)
      .loopState()!
      .pending.map(({ crashes }) => crashes)
  const second = reopen()
  second.journal(id).countCrashes()
  t.deepEqual(crashesOf(second), [1, 0, 1])
  second.journal(id).countCrashes()
  t.deepEqual(crashesOf(second), [1, 0, 1], 'the marks are gone')
  second.journal(id).markTraining(2, true)
  const third = reopen()
  third.journal(id).countCrashes()
  t.deepEqual(crashesOf(third), [1, 0, 2])
  t.throws(() => third.journal(id).markTraining(7, true), { message: /trial 7 is trained without being asked/ })
  t.notThrows(() => third.journal(id).markTraining(7, false))
})

test('measurements are cached across experiments, the first one stays', (t) => {
  const { store, reopen } = storeOf(t)
  const [first, second] = [store.createExperiment(experiment()), store.createExperiment(experiment())]
  const measurement = {
    ok: true,
    accuracy: 0.1 + 0.2,
    testAccuracy: 0.5,
    loss: 1.5,
    cpuSeconds: 3,
    wallSeconds: 4,
  } as const
  t.is(store.journal(first).cachedMeasurement("key'; --"), undefined)
  store.journal(first).cacheMeasurement("key'; --", measurement)
  store.journal(second).cacheMeasurement("key'; --", { ...measurement, accuracy: 0 })
  const again = reopen().journal(second)
  t.deepEqual(again.cachedMeasurement("key'; --"), measurement)
  t.throws(() => again.cacheMeasurement('bad', { ...measurement, loss: Number.NaN }), { message: /loss/ })
  t.is(again.cachedMeasurement('bad'), undefined)
})

test('a measurement without the test part is kept so, until one with it comes', (t) => {
  const { store, reopen } = storeOf(t)
  const id = store.createExperiment(experiment({ rungs: 2 }))
  const short = { ok: true, accuracy: 0.5, loss: 1.5, cpuSeconds: 3, wallSeconds: 4 } as const
  const whole = { ...short, testAccuracy: 0.4 }
  const journal = store.journal(id)
  journal.cacheMeasurement('key', short)
  t.deepEqual(journal.cachedMeasurement('key'), short)
  journal.cacheMeasurement('key', { ...whole, cpuSeconds: 9 })
  t.deepEqual(journal.cachedMeasurement('key'), whole, 'its times are those of the first')
  journal.cacheMeasurement('key', short)
  t.deepEqual(journal.cachedMeasurement('key'), whole)

  const records = [completed(0, { result: short }), completed(1, { rung: 1, continues: 0, result: whole })]
  journal.commit({ asked: [asked(0), asked(1)], rejections: [], algorithmState: 0 })
  for (const finished of records) journal.commit({ finished, asked: [], rejections: [], algorithmState: 0 })
  t.deepEqual(reopen().trials(id), records)
})

test('experiments do not see each other, and summaries count', (t) => {
  const { store } = storeOf(t)
  const [first, second] = [store.createExperiment(experiment()), store.createExperiment(experiment({ name: 'b' }))]
  for (const id of [first, second]) {
    store.journal(id).commit({ asked: [asked(0), asked(1)], rejections: [], algorithmState: id })
  }
  const rejection = { beforeTrial: 1, genome: [1], archId: 'x', violations: {} }
  const better = completed(0, {
    result: { ok: true, accuracy: 0.875, testAccuracy: 0.5, loss: 1, cpuSeconds: 1, wallSeconds: 1 },
  })
  store.journal(first).commit({ finished: better, asked: [], rejections: [rejection, rejection], algorithmState: 0 })
  store.journal(first).commit({ finished: failed(1), asked: [], rejections: [], algorithmState: 0 })
  store.setStatus(first, 'done')
  const shown = store.summaries().map(({ createdAt: _, ...rest }) => rest)
  const { devices, budget } = experiment()
  t.deepEqual(shown, [
    {
      id: first,
      name: 'digits',
      status: 'done',
      budget,
      devices,
      completed: 1,
      failed: 1,
      rejected: 2,
      bestAccuracy: 0.875,
    },
    {
      id: second,
      name: 'b',
      status: 'running',
      budget,
      devices,
      completed: 0,
      failed: 0,
      rejected: 0,
      bestAccuracy: undefined,
    },
  ])
  t.deepEqual(store.trials(second), [])
  t.is(store.journal(second).loopState()?.pending.length, 2)
})

test('a reader sees what is committed while a writer is at work', (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  const writer = openStore(file, { write: true })
  t.teardown(() => writer.close())
  const id = writer.createExperiment(experiment())
  const reader = openStore(file, { write: false })
  t.teardown(() => reader.close())
  const journal = writer.journal(id)
  for (let trial = 0; trial < 5; trial++) {
    journal.commit({ asked: [asked(trial)], rejections: [], algorithmState: trial })
    journal.commit({ finished: completed(trial), asked: [], rejections: [], algorithmState: trial })
    t.is(reader.trials(id).length, trial + 1)
  }
  t.throws(() => reader.setStatus(id, 'done'), { instanceOf: UserError, message: /cannot be written to/ })
})
