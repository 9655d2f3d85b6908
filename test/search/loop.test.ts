import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { openStore } from '../../results/sqlite/open.ts'
import { listAlgorithms, loadAlgorithm } from '../../search/discover.ts'
import { impossibleLimits } from '../../search/impossible-limits.ts'
import { type SearchEvent, SearchLoop, type SearchPlan } from '../../search/loop.ts'
import { priceGenome } from '../../search/pricing.ts'
import { probeSpace } from '../../search/probe.ts'
import {
  denseSpace,
  denseTask,
  newExperiment,
  outcome,
  toyDevice,
  toyEvaluator,
  toyMeasurement,
  toyPlan,
} from './fixtures-loop.ts'

function withStore<T>(t: ExecutionContext, work: (file: string) => T): T {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-loop-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return work(path.join(folder, 'results.db'))
}

const NEVER = new AbortController().signal
const ignore = () => undefined

async function wholeRun(t: ExecutionContext, plan: SearchPlan) {
  return withStore(t, async (file) => {
    const store = openStore(file, { write: true })
    const id = newExperiment(store, plan)
    const status = await new SearchLoop(plan, store.journal(id), ignore).run(NEVER)
    const result = outcome(store, id)
    store.close()
    return { status, ...result }
  })
}

test('the outcome does not depend on the number of workers or on who finishes first', async (t) => {
  const one = await wholeRun(t, toyPlan({ workers: 1 }))
  t.is(one.status, 'done')
  t.is(one.trials.length, 40)
  for (const [workers, delay] of [
    [2, 5],
    [5, 11],
    [5, 0],
  ] as const) {
    const evaluator = toyEvaluator(toyMeasurement, (archId) =>
      delay === 0 ? 0 : Number.parseInt(archId.slice(3, 5), 16) % delay,
    )
    t.deepEqual(await wholeRun(t, toyPlan({ workers, evaluator })), one)
  }
})

test('another look-ahead is another search', async (t) => {
  const near = await wholeRun(t, toyPlan({ lookAhead: 1, workers: 1 }))
  const far = await wholeRun(t, toyPlan({ lookAhead: 20 }))
  t.notDeepEqual(
    near.trials.map(({ archId }) => archId),
    far.trials.map(({ archId }) => archId),
  )
})

for (const { id: algorithmId } of listAlgorithms()) {
  test(`${algorithmId}: stopped anywhere and resumed, again and again, a search ends as if it had never stopped`, async (t) => {
    const algorithm = await loadAlgorithm(algorithmId)
    const expected = await wholeRun(t, toyPlan({}, algorithm))
    await withStore(t, async (file) => {
      const random = randomStream(1, 'stops')
      let id: number | undefined
      let status = 'running'
      let stops = 0
      while (status !== 'done') {
        const store = openStore(file, { write: true })
        const plan = toyPlan({}, algorithm)
        id ??= newExperiment(store, plan)
        const stop = new AbortController()
        let eventsLeft = 1 + random.int(12)
        const loop = new SearchLoop(plan, store.journal(id), () => {
          if (--eventsLeft === 0) stop.abort()
        })
        status = await loop.run(stop.signal)
        stops++
        if (status === 'done') t.deepEqual({ status, ...outcome(store, id) }, expected)
        store.close()
      }
      t.true(stops > 8, `stopped ${stops} times`)
    })
  })
}

test('no candidate that breaks the limits of every device is trained, and none is trained twice', async (t) => {
  const evaluator = toyEvaluator()
  const plan = toyPlan({ evaluator })
  const { trials, rejections } = await wholeRun(t, plan)
  const rejected = new Set(rejections.map(({ archId }) => archId))
  t.true(rejected.size > 0)
  for (const { archId } of evaluator.requests) t.false(rejected.has(archId))
  for (const { costs } of trials) t.true(costs.some(({ violation }) => violation === 0))
  t.is(new Set(evaluator.requests.map(({ archId }) => archId)).size, evaluator.requests.length)
  for (const { violations } of rejections) {
    for (const broken of Object.values(violations)) {
      t.true(broken.length > 0)
      for (const { value, allowed } of broken) t.true(value > allowed)
    }
  }
})

test('a device keeps what it can take: infeasible trials never reach its front', async (t) => {
  const { fronts, trials } = await wholeRun(t, toyPlan())
  const small = fronts[0]!
  t.true(small.points.length > 0)
  for (const { flashBytes } of small.points) t.true(flashBytes <= 900)
  t.true(trials.some(({ costs }) => costs[0]!.violation > 0 && costs[1]!.violation === 0))
})

test('failures and figures that are not finite are recorded, and the search goes on', async (t) => {
  const evaluator = toyEvaluator((request) => {
    const kind = Number.parseInt(request.archId[5]!, 16) % 4
    if (kind === 0) return { ok: false, code: 'timed-out', message: 'too slow' }
    if (kind === 1) return { ...toyMeasurement(request), accuracy: Number.NaN }
    if (kind === 2) return { ...toyMeasurement(request), loss: Number.POSITIVE_INFINITY }
    return toyMeasurement(request)
  })
  const { status, trials, fronts } = await wholeRun(t, toyPlan({ evaluator }))
  t.is(status, 'done')
  const codes = trials.map(({ result }) => (result.ok ? 'ok' : result.code))
  t.is(codes.length, 40)
  for (const code of ['ok', 'timed-out', 'non-finite-objective'] as const) t.true(codes.includes(code), code)
  for (const { result, costs } of trials)
    t.is(
      costs.every(({ objectives }) => objectives !== undefined),
      result.ok,
    )
  for (const { points } of fronts) for (const { trial } of points) t.true(trials[trial]!.result.ok)
})

test('a measurement made before is not made again', async (t) => {
  await withStore(t, async (file) => {
    const store = openStore(file, { write: true })
    const first = toyEvaluator()
    const plan = toyPlan({ evaluator: first })
    await new SearchLoop(plan, store.journal(newExperiment(store, plan)), ignore).run(NEVER)
    t.is(first.requests.length, 40)
    const second = toyEvaluator()
    const again = toyPlan({ evaluator: second })
    const id = newExperiment(store, again)
    await new SearchLoop(again, store.journal(id), ignore).run(NEVER)
    t.is(second.requests.length, 0)
    t.is(store.trials(id).length, 40)
    store.close()
  })
})

test('a space with fewer networks than the budget ends the search early', async (t) => {
  const { status, trials } = await wholeRun(
    t,
    toyPlan({ devices: [toyDevice('tiny', 250)], networks: 500, patience: 3000 }),
  )
  t.is(status, 'exhausted')
  t.true(trials.length > 0 && trials.length < 100, `${trials.length} trials`)
})

test('a trial in flight at a crash is trained alone after the resume, and only that one', async (t) => {
  await withStore(t, async (file) => {
    const first = openStore(file, { write: true })
    const plan = toyPlan({ workers: 1, networks: 6 })
    const id = newExperiment(first, plan)
    const stop = new AbortController()
    const loop = new SearchLoop(plan, first.journal(id), (event: SearchEvent) => {
      if (event.event === 'started' && event.trial === 2) stop.abort()
    })
    await loop.run(stop.signal)
    first.journal(id).markTraining(2, true) // as a crash would leave it
    first.close()

    const isolated: boolean[] = []
    const evaluator = toyEvaluator()
    const watching = {
      ...evaluator,
      evaluate: (request: Parameters<typeof evaluator.evaluate>[0], options: { isolated?: boolean } = {}) => {
        isolated.push(options.isolated === true)
        return evaluator.evaluate(request, options)
      },
    }
    const second = openStore(file, { write: true })
    t.is(await new SearchLoop({ ...plan, evaluator: watching }, second.journal(id), ignore).run(NEVER), 'done')
    t.deepEqual(isolated, [true, false, false, false])
    second.close()
  })
})

test('networks in training when an algorithm throws are not marked as if they had crashed the process', async (t) => {
  await withStore(t, async (file) => {
    const store = openStore(file, { write: true })
    const plan = toyPlan({ workers: 3, networks: 30 })
    const id = newExperiment(store, plan)
    const journal = store.journal(id)
    let asks = 0
    const failing: SearchPlan = {
      ...plan,
      algorithm: {
        ...plan.algorithm,
        create: (config, random) => {
          const algorithm = plan.algorithm.create(config, random)
          const ask = () => {
            if (++asks === 15) throw new Error('no idea')
            return algorithm.ask()
          }
          return { ask, tell: (result) => algorithm.tell(result), state: () => algorithm.state() }
        },
      },
    }
    await t.throwsAsync(new SearchLoop(failing, journal, ignore).run(NEVER), { message: 'no idea' })
    journal.countCrashes()
    const crashes = journal.loopState()!.pending.map((trial) => trial.crashes)
    t.true(crashes.length > 3)
    t.deepEqual(new Set(crashes), new Set([0]))
    store.close()
  })
})

test('impossible limits are told in one sentence that names the limit and the closest candidate', async (t) => {
  const plan = toyPlan({ devices: [toyDevice('tiny', 100)] })
  const error = await t.throwsAsync(probeSpace(plan, randomStream(1, 'probe')), { instanceOf: UserError })
  t.regex(error!.message, /all break flash on tiny \(100 B allowed, the least seen is 118 B\)/)
  t.regex(error!.message, /closest candidate, [0-9a-f]{16} on tiny, has flash 118 B of 100 B allowed/)
  t.false(error!.message.includes('\n'))
})

test('limits are told in units that people read, with all digits where rounding would hide what is wrong', (t) => {
  const told = (limit: string, value: number, allowed: number): string => {
    const violations = [{ limit, value, allowed, relative: 1 }]
    const prices = [{ latencyMs: 1, energyMj: 1, peakRamBytes: 1, flashBytes: 1, basis: {}, violations }]
    const candidate = { ...priceGenome(denseSpace, denseTask, [], [0, 0, 0]), prices, violation: [1] }
    const plan = { space: denseSpace, devices: [toyDevice('tiny', 1)] }
    return impossibleLimits(plan, [candidate]).replaceAll(candidate.archId, 'ID')
  }
  t.is(
    told('RAM (bytes)', 70_000, 65_536),
    "no network of the space 'dense' meets the limits: of 1 candidates all break RAM on tiny (64 KB allowed, the least seen is 68.4 KB); " +
      'the closest candidate, ID on tiny, has RAM 68.4 KB of 64 KB allowed: raise these limits, or take another space or device',
  )
  t.regex(told('RAM (bytes)', 65_540, 65_536), /65536 bytes allowed, the least seen is 65540 bytes/)
  t.regex(told('latency (ms)', 1.983, 0.001), /break latency on tiny \(1 µs allowed, the least seen is 1\.98 ms\)/)
  t.regex(told('energy (mJ)', 1200, 5), /energy 1\.2 J of 5 mJ allowed/)
  t.regex(
    told('support for moe', 1, 0),
    /all find no support for moe on tiny; the closest candidate, ID on tiny, has no support for moe:/,
  )
})

test('narrow limits that random sampling misses are still found to be possible', async (t) => {
  const plan = toyPlan({ devices: [toyDevice('narrow', 118)] })
  const { references, doubtfulDevices } = await probeSpace(plan, randomStream(1, 'probe'))
  t.deepEqual(Object.keys(references), ['narrow'])
  t.is(references['narrow']![0], 0.9)
  t.deepEqual(doubtfulDevices, [])
  const mixed = toyPlan({ devices: [toyDevice('none', 50), toyDevice('wide', 3000)] })
  t.deepEqual((await probeSpace(mixed, randomStream(1, 'probe'))).doubtfulDevices, ['none'])
})
