import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Algorithm, FrontResult, Told } from '../../search/algorithm.ts'
import nsga2 from '../../search/algorithms/nsga2.algorithm.ts'
import { listAlgorithms, loadAlgorithm } from '../../search/discover.ts'
import { NO_LADDER, networksPerRung, plannedTrials, promotionQuota } from '../../search/fidelity/ladder.ts'
import { promotionOrder } from '../../search/fidelity/promotion-order.ts'
import { FidelityScheduler, type PastTrial } from '../../search/fidelity/scheduler.ts'
import {
  advance,
  asTold,
  fronts,
  LADDER,
  newScheduler,
  type Run,
  schedulerPlan,
  type ToldTrial,
  wholeRun,
} from './fidelity-support.ts'
import { toyConfig, toyResult } from './toy-problem.ts'

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
const FAILED: readonly FrontResult[] = [{ objectives: undefined, violation: Number.POSITIVE_INFINITY }]

/** An algorithm that proposes 0, 1, 2, … and writes down what it is told. */
function recorder(first = 0): Algorithm & { readonly told: Told[] } {
  const told: Told[] = []
  let next = first
  return { told, ask: () => [next++], tell: (result) => void told.push(result), state: () => next }
}

test('counts per rung: every third, rounded up, and at least one at the top', (t) => {
  t.deepEqual(networksPerRung(100, LADDER), [100, 34, 12])
  t.deepEqual(networksPerRung(2, LADDER), [2, 1, 1])
  t.deepEqual(networksPerRung(7, NO_LADDER), [7])
  t.is(plannedTrials(100, LADDER), 146)
})

test('few go up at first, more later, never more than one in so many of those told', (t) => {
  const quotas = Array.from({ length: 101 }, (_, told) => promotionQuota(told, 100, false, LADDER))
  for (const [told, quota] of quotas.entries()) t.true(quota <= told / 3 && quota >= (quotas[told - 1] ?? 0))
  t.true(quotas[50]! < 50 / 3 - 4)
  t.is(quotas[100], 33)
  t.is(promotionQuota(100, 100, true, LADDER), 34)
  t.is(promotionQuota(99, 100, false, { ...LADDER, promotion: 'synchronous' }), 0)
})

for (const { id } of listAlgorithms()) {
  test(`${id}: with one rung the scheduler is the algorithm itself`, async (t) => {
    const definition = await loadAlgorithm(id)
    const create = () => definition.create(toyConfig(), randomStream(3, 'search'))
    const plan = schedulerPlan({ ladder: NO_LADDER, networks: 40 })
    const answer = ({ genome }: { genome: readonly number[] }) => toyResult(genome, 0).fronts
    const told = wholeRun(new FidelityScheduler(create(), plan), 1, answer)
    const alone = create()
    const expected = Array.from({ length: 40 }, () => {
      const result = toyResult(alone.ask(), 0)
      alone.tell(result)
      return result.genome
    })
    t.deepEqual(
      told.map(({ genome }) => genome),
      expected,
    )
  })
}

for (const promotion of ['asynchronous', 'synchronous'] as const) {
  for (const lookAhead of [1, 8]) {
    test(`${promotion}, ${lookAhead} at once: as many trials as planned, each from one of its network a rung below`, (t) => {
      const ladder = { ...LADDER, promotion }
      const told = wholeRun(newScheduler(schedulerPlan({ ladder })), lookAhead)
      t.is(told.length, plannedTrials(50, ladder))
      t.deepEqual(
        [0, 1, 2].map((rung) => told.filter((trial) => trial.rung === rung).length),
        [...networksPerRung(50, ladder)],
      )
      for (const { trial, rung, continues, genome } of told) {
        if (rung === 0) t.is(continues, undefined)
        else t.like(told[continues!], { genome, rung: rung - 1 })
        if (continues !== undefined) t.true(continues < trial)
      }
      t.is(new Set(told.map(({ continues }) => continues ?? -1)).size, 1 + told.filter(({ rung }) => rung > 0).length)
    })
  }
}

test('synchronous: nothing goes up before its rung is complete, and then the best do', (t) => {
  const told = wholeRun(newScheduler(schedulerPlan({ ladder: { ...LADDER, promotion: 'synchronous' } })))
  const rungs = told.map(({ rung }) => rung)
  t.deepEqual(rungs, [...rungs].sort())
  const lowest = told.filter(({ rung }) => rung === 0)
  const best = promotionOrder(lowest.map(asTold), 1, 2).slice(0, 17)
  const went = told.filter(({ rung }) => rung === 1).map(({ continues }) => continues!)
  t.deepEqual(new Set(went), new Set(best))
})

test('asynchronous: what goes up is, at that moment, the best of its rung that has not gone yet', (t) => {
  const told: ToldTrial[] = []
  const scheduler = newScheduler()
  let promotions = 0
  for (;;) {
    const assignment = scheduler.ask()
    if (assignment === undefined) break
    const { rung, continues } = assignment
    if (rung > 0) {
      const below = told.filter((trial) => trial.rung === rung - 1)
      const gone = new Set(told.map((trial) => trial.continues))
      const order = promotionOrder(below.map(asTold), 1, 2).map((i) => below[i]!.trial)
      t.is(
        continues,
        order.find((trial) => !gone.has(trial)),
      )
      t.true(told.filter((trial) => trial.rung === rung).length < Math.ceil(below.length / 3))
      promotions++
    }
    const trial = told.length
    scheduler.accept(trial, assignment)
    const result = fronts(assignment, 3)
    scheduler.tell(trial, result)
    told.push({ ...assignment, trial, fronts: result })
  }
  t.is(promotions, 17 + 6)
})

test('a network that is best for one device only goes up before one that is second for all', (t) => {
  const on = (a: readonly number[], b: readonly number[], violation = 0): Told => ({
    genome: [],
    fronts: [
      { objectives: a, violation: 0 },
      { objectives: b, violation },
    ],
  })
  const order = promotionOrder(
    [on([0.3, 3], [0.3, 3]), on([0.2, 2], [0.2, 2]), on([0.25, 9], [0.25, 1]), on([0.1, 1.5], [0.1, 1.5], 0.5)],
    2,
    2,
  )
  t.deepEqual(order.slice(0, 3).toSorted(), [1, 2, 3])
  t.is(order[3], 0)
})

test('restored from JSON after any tell, it goes on in the same way', (t) => {
  const plan = schedulerPlan({ networks: 30 })
  const whole = wholeRun(newScheduler(plan))
  for (let after = 0; after <= whole.length; after += 4) {
    const original = newScheduler(plan)
    const run = advance(original, { told: [], open: [] }, 4, after)
    const copy: Run = { told: [...run.told], open: [...run.open] }
    const history = [...run.told, ...run.open.map(({ trial, assignment }) => ({ ...assignment, trial }))]
    const state = json(original.state())
    const restored = FidelityScheduler.restore((stored) => nsga2.restore(toyConfig(), stored), plan, state, history)
    t.deepEqual(json(restored.state()), state)
    t.deepEqual(advance(restored, copy, 4).told, whole)
    advance(original, run, 4)
    t.deepEqual(json(restored.state()), json(original.state()))
  }
})

test('the algorithm is told errors of full training: those of lower rungs are carried up, and told again', (t) => {
  const algorithm = recorder()
  const told = wholeRun(
    new FidelityScheduler(algorithm, schedulerPlan({ networks: 81 })),
    4,
    ({ genome, rung }): FrontResult[] => [
      { objectives: [(0.1 + (genome[0]! % 9) / 30) ** 0.8 * 2 ** (2 - rung), (genome[0]! * 7) % 11], violation: 0 },
    ],
  )
  t.true(algorithm.told.length > told.length)
  const last = new Map(algorithm.told.map(({ genome, fronts }) => [genome[0]!, fronts[0]!.objectives!]))
  t.is(last.size, 81)
  for (const [number, [error, cost]] of last) {
    const full = (0.1 + (number % 9) / 30) ** 0.8
    t.true(Math.abs(error! / full - 1) < 0.05, `${number}: ${error} instead of ${full}`)
    t.is(cost, (number * 7) % 11)
  }
  for (const { genome, fronts } of told.filter(({ rung }) => rung === 2)) {
    t.is(last.get(genome[0]!)![0], fronts[0]!.objectives![0])
  }
})

test('a network that fails on its way up is told as failed, and another goes up', (t) => {
  const algorithm = recorder()
  const told = wholeRun(new FidelityScheduler(algorithm, schedulerPlan()), 3, ({ genome, rung }) =>
    (genome[0]! + rung) % 4 === 0 ? FAILED : [{ objectives: [1 / (1 + genome[0]!), genome[0]!], violation: 0 }],
  )
  t.is(told.length, plannedTrials(50, LADDER))
  const failed = new Set(told.flatMap(({ genome, fronts }) => (fronts === FAILED ? [genome[0]!] : [])))
  t.true(failed.size > 15)
  for (const { continues } of told) if (continues !== undefined) t.not(told[continues]!.fronts, FAILED)
  const last = new Map(algorithm.told.map(({ genome, fronts }) => [genome[0]!, fronts]))
  for (const number of failed) t.deepEqual(last.get(number), FAILED)
})

test('when everything fails nothing goes up, and the search ends', (t) => {
  t.is(wholeRun(newScheduler(), 4, () => FAILED).length, 50)
})

test('a space that runs out: those begun go on to the top', (t) => {
  const scheduler = newScheduler()
  const run = advance(scheduler, { told: [], open: [] }, 1, 11)
  scheduler.exhaust()
  const { told } = advance(scheduler, run, 1)
  const begun = told.filter(({ rung }) => rung === 0).length
  t.deepEqual(
    [0, 1, 2].map((rung) => told.filter((trial) => trial.rung === rung).length),
    [...networksPerRung(begun, LADDER)],
  )
})

test('a state of another ladder, or none, is refused', (t) => {
  const state = json(newScheduler().state())
  for (const [bad, plan] of [
    [{}, schedulerPlan()],
    [state, schedulerPlan({ ladder: NO_LADDER })],
  ] as const) {
    t.throws(() => FidelityScheduler.restore(() => recorder(), plan, bad, []), {
      name: 'UserError',
      message: /state of this search cannot be continued/,
    })
  }
})

test('sizes: from the sixteenth error of a rung on larger networks are believed to gain more, after a restart, too', (t) => {
  const plan = schedulerPlan({ networks: 40, ladder: { rungs: 2, reduction: 4, promotion: 'synchronous' } })
  const sizeOf = (number: number): number => 1e6 * 1.2 ** ((number * 7) % 40)
  const answer = (number: number, rung: number): FrontResult[] => [
    { objectives: [(0.5 + ((number * 11) % 40) / 40) * 0.5 ** rung, (number * 3) % 40], violation: 0 },
  ]
  const algorithm = recorder()
  const scheduler = new FidelityScheduler(algorithm, plan)
  const history: PastTrial[] = []
  const advanceBy = (search: FidelityScheduler, count: number) => {
    for (let i = 0; i < count; i++) {
      const assignment = search.ask()
      if (assignment === undefined) return
      const number = assignment.genome[0]!
      const accepted = { ...assignment, size: sizeOf(number) }
      const trial = history.length
      search.accept(trial, accepted)
      search.tell(trial, answer(number, assignment.rung))
      history.push({ ...accepted, trial, fronts: answer(number, assignment.rung) })
    }
  }
  const last = () => new Map(algorithm.told.map(({ genome, fronts }) => [genome[0]!, fronts[0]!.objectives![0]!]))
  advanceBy(scheduler, 15)
  for (const [number, error] of last()) t.is(error, answer(number, 0)[0]!.objectives![0]!)
  advanceBy(scheduler, 1)
  t.is(last().size, 16)
  const gains = [...last()].map(
    ([number, error]) => [sizeOf(number), answer(number, 0)[0]!.objectives![0]! / error] as const,
  )
  const bySize = gains.toSorted(([a], [b]) => a - b).map(([, gain]) => gain)
  t.deepEqual(
    bySize,
    bySize.toSorted((a, b) => a - b),
  )
  t.true(bySize[0]! < 0.99 && bySize.at(-1)! > 1.01)

  for (const after of [20, 45]) {
    advanceBy(scheduler, after - history.length)
    const before = algorithm.told.length
    const state = json(scheduler.state())
    const copyOf = [...history]
    advanceBy(scheduler, 3)
    const [expected, went] = [algorithm.told.slice(before), history.splice(after)]
    const again = recorder(Math.min(after, 40))
    const restored = FidelityScheduler.restore(() => again, plan, state, copyOf)
    advanceBy(restored, 3)
    t.deepEqual(history.slice(after), went)
    t.deepEqual(again.told, expected)
  }
})
