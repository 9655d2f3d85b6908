import path from 'node:path'
import test from 'ava'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { type FrontCandidate, frontOf, hypervolumeShare } from '../../results/front.ts'
import { frontJson } from '../../results/report/front-json.ts'
import { openStore } from '../../results/sqlite/open.ts'
import type { Experiment } from '../../results/store.ts'
import { asked, completed, costsOf, experiment, failed, temporaryFolder } from './fixtures.ts'

const searched = (objectives: readonly string[], reference: readonly number[], id = 1): Experiment => ({
  ...experiment({ objectives, references: { mcu: reference } }),
  id,
  status: 'done',
  createdAt: '2026-01-01T00:00:00.000Z',
})

const candidate = (trial: number, error: number, latencyMs: number, energyMj = 1): FrontCandidate => ({
  trial,
  archId: `arch-${trial}`,
  accuracy: 1 - error,
  latencyMs,
  energyMj,
  peakRamBytes: 1000,
  flashBytes: 2000,
  macs: 3000,
  params: 4000,
  testAccuracy: 0.5,
  objectives: [error, latencyMs, energyMj],
})

const dominates = (a: readonly number[], b: readonly number[]) =>
  a.every((value, i) => value <= b[i]!) && a.some((value, i) => value < b[i]!)

test('the front is what a pairwise comparison finds, one of equals, by latency then trial', (t) => {
  const random = randomStream(11, 'front')
  for (let round = 0; round < 50; round++) {
    // Coarse values make equal points and ties common.
    const coarse = () => random.int(6) / 8 + 0.125
    const candidates = Array.from(random.permutation(30), (trial) => candidate(trial, coarse(), coarse(), coarse()))
    const expected = candidates
      .filter(
        (one) =>
          !candidates.some(
            (other) =>
              dominates(other.objectives, one.objectives) ||
              (other.trial < one.trial && other.objectives.every((value, i) => value === one.objectives[i])),
          ),
      )
      .sort((a, b) => a.latencyMs - b.latencyMs || a.trial - b.trial)
      .map(({ trial }) => trial)
    const front = frontOf(searched(['accuracy', 'latencyMs', 'energyMj'], [1, 1, 1]), 'mcu', candidates)
    t.deepEqual(
      front.points.map(({ trial }) => trial),
      expected,
    )
  }
})

test('hypervolume is the dominated share of the box up to the reference', (t) => {
  t.is(hypervolumeShare([], [1, 10]), 0)
  t.is(hypervolumeShare([[0, 0]], [0.9, 10]), 1)
  t.is(hypervolumeShare([[0.25, 5]], [0.5, 10]), 0.25)
  // 1 − 0.5 wide by 1 − 0.25 high, and 0.25 wide more by 1 − 0.75 high.
  t.is(
    hypervolumeShare(
      [
        [0.25, 1],
        [0.75, 0.5],
      ],
      [1, 2],
    ),
    0.75 * 0.5 + 0.25 * 0.25,
  )
  t.is(hypervolumeShare([[0.5, 10]], [0.5, 20]), 0, 'on the reference')
  t.is(hypervolumeShare([[0.1, 30]], [0.5, 20]), 0, 'beyond the reference')
})

test('the reference is shown in the units of the objectives', (t) => {
  const front = frontOf(searched(['accuracy', 'latencyMs'], [0.9, 12.5]), 'mcu', [])
  t.deepEqual(front.reference, [0.1, 12.5])
  t.deepEqual(front.points, [])
  t.is(front.hypervolume, 0)
})

test('each device has its own front of feasible, completed trials', (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  const store = openStore(file, { write: true })
  t.teardown(() => store.close())
  const wanted = experiment({
    objectives: ['accuracy', 'latencyMs'],
    references: { mcu: [0.5, 40], gpu: [0.5, 4] },
  })
  const accuracy = 1 - 0.1 * 3
  const measured = { ok: true, accuracy, testAccuracy: 0.5, loss: 1, cpuSeconds: 1, wallSeconds: 1 } as const
  const error = 1 - accuracy
  const records = [
    completed(0, {
      result: measured,
      costs: [
        costsOf('mcu', { latencyMs: 20, objectives: [error, 20] }),
        costsOf('gpu', { latencyMs: 1, objectives: [error, 1], violation: 0.5 }),
      ],
    }),
    completed(1, {
      result: measured,
      costs: [
        costsOf('mcu', { latencyMs: 30, objectives: [error, 30] }),
        costsOf('gpu', { latencyMs: 2, objectives: [error, 2] }),
      ],
    }),
    failed(2),
  ]
  const write = () => {
    const id = store.createExperiment(wanted)
    const journal = store.journal(id)
    for (const finished of records) {
      journal.commit({ asked: [asked(finished.trial)], rejections: [], algorithmState: 0 })
      journal.commit({ finished, asked: [], rejections: [], algorithmState: 0 })
    }
    return id
  }
  const id = write()
  const trialsOn = (device: string) => store.front(id, device).points.map(({ trial }) => trial)
  t.deepEqual(trialsOn('mcu'), [0])
  t.deepEqual(trialsOn('gpu'), [1], 'trial 0 breaks a limit of this device')
  t.is(store.front(id, 'mcu').points[0]!.accuracy, accuracy)
  t.is(store.front(id, 'mcu').hypervolume, hypervolumeShare([[error, 20]], [0.5, 40]))
  t.throws(() => store.front(id, 'gpv'), { instanceOf: UserError, message: /unknown device 'gpv': did you mean 'gpu'/ })

  const again = write()
  const text = (experimentId: number) => frontJson(store.front(experimentId, 'mcu'))
  t.not(text(again), text(id))
  t.is(text(again).replace(`"experiment":${again}`, `"experiment":${id}`), text(id))
})
