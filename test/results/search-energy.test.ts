import path from 'node:path'
import test from 'ava'
import { createMeter } from '../../evaluators/energy/meter.ts'
import { meterEvaluator } from '../../evaluators/energy/metered-evaluator.ts'
import { atEnergyLimit, gramsOf, searchEnergy } from '../../results/search-energy.ts'
import { openStore } from '../../results/sqlite/open.ts'
import { SearchLoop } from '../../search/loop.ts'
import { toyEvaluator, toyMeasurement, toyPlan } from '../search/fixtures-loop.ts'
import { asked, completed, experiment, failed, temporaryFolder } from './fixtures.ts'

test('energy comes back by trial, with what was used beside them', (t) => {
  const store = openStore(path.join(temporaryFolder(t), 'frugal.db'), { write: true })
  t.teardown(() => store.close())
  const id = store.createExperiment(experiment())
  const journal = store.journal(id)
  for (const trial of [0, 1, 2]) {
    journal.commit({ asked: [asked(trial)], rejections: [], algorithmState: {} })
    journal.commit({
      finished: trial === 1 ? failed(1) : completed(trial),
      asked: [],
      rejections: [],
      algorithmState: {},
    })
  }
  t.like(store.energy(id), { joules: 48, basis: 'estimated', limitJoules: undefined }, '2 x 2 s at 12 W, from before')

  store.setEnergyPlan(id, { limitJoules: 100, gramsPerKwh: 250, sources: ['RAPL (package-0)'] })
  store.recordEnergy(id, { archId: 'arch-0', rung: 0, measuredJoules: 30, estimatedJoules: 0 })
  store.recordEnergy(id, { archId: 'arch-1', rung: 0, measuredJoules: 20, estimatedJoules: 0 })
  store.recordEnergy(id, { archId: undefined, rung: 0, measuredJoules: 5, estimatedJoules: 0 })
  const energy = store.energy(id)
  t.deepEqual(energy.trials, [
    { trial: 0, joules: 30 },
    { trial: 1, joules: 20 },
    { trial: 2, joules: 0 },
  ])
  t.like(energy, { joules: 55, overheadJoules: 5, basis: 'measured', limitJoules: 100, gramsPerKwh: 250 })
  t.false(atEnergyLimit(energy))

  store.recordEnergy(id, { archId: 'arch-2', rung: 0, measuredJoules: 40, estimatedJoules: 5 })
  store.setEnergyPlan(id, { limitJoules: undefined, gramsPerKwh: undefined, sources: ['RAPL (package-0)', 'other'] })
  t.like(store.energy(id), { joules: 100, measuredJoules: 95, basis: 'partly measured', limitJoules: undefined })
  t.true(atEnergyLimit({ ...store.energy(id), limitJoules: 100 }))
  t.is(gramsOf(3.6e6, 250), 250)
})

test('each stage of a network has its own energy', (t) => {
  const plan = { limitJoules: undefined, gramsPerKwh: undefined, sources: [] }
  const uses = [
    { archId: 'a', rung: 0, measuredJoules: 1, estimatedJoules: 0 },
    { archId: 'a', rung: 1, measuredJoules: 4, estimatedJoules: 0 },
    { archId: 'a', rung: 1, measuredJoules: 2, estimatedJoules: 0 },
  ]
  const records = [0, 1].map((rung) => ({ trial: rung, archId: 'a', rung, cpuSeconds: 2 }))
  t.deepEqual(searchEnergy(plan, uses, records).trials, [
    { trial: 0, joules: 1 },
    { trial: 1, joules: 6 },
  ])
  t.deepEqual(
    searchEnergy(undefined, [], records).trials.map(({ joules }) => joules),
    [24, 24],
  )
})

test('a search that its limit of energy stops, again and again, ends as an unbroken one does', async (t) => {
  const folder = temporaryFolder(t)
  const outcomeOf = async (file: string, stepJoules: number) => {
    const store = openStore(path.join(folder, file), { write: true })
    const plan = toyPlan({ workers: 3 })
    const references = Object.fromEntries(plan.devices.map(({ id }) => [id, [0.9, 1e4, 1e4]]))
    const devices = plan.devices.map(({ id }) => id)
    const id = store.createExperiment(experiment({ devices, objectives: plan.objectives, references, budget: 40 }))
    store.setEnergyPlan(id, { limitJoules: undefined, gramsPerKwh: undefined, sources: [] })
    let runs = 0
    let status = ''
    while (status !== 'done') {
      runs++
      let joules = 0
      const counter = { source: 'hand', measured: true, joules: () => joules, close: () => undefined }
      const trained = toyEvaluator((request) => {
        joules += 1
        return toyMeasurement(request)
      })
      const stop = new AbortController()
      const before = store.energy(id).joules
      const metered = meterEvaluator(trained, createMeter([counter]), {
        record: (use) => store.recordEnergy(id, use),
        spentJoules: before,
        limitJoules: before + stepJoules,
        onLimit: () => stop.abort(),
      })
      status = await new SearchLoop({ ...plan, evaluator: metered }, store.journal(id), () => undefined).run(
        stop.signal,
      )
      metered.close()
      await trained.dispose()
    }
    const result = { trials: store.trials(id), fronts: devices.map((device) => store.front(id, device)) }
    const energy = store.energy(id)
    store.close()
    return { result, runs, energy }
  }
  const whole = await outcomeOf('whole.db', Number.POSITIVE_INFINITY)
  const pieces = await outcomeOf('pieces.db', 6)
  t.is(whole.runs, 1)
  t.true(pieces.runs >= 5, `${pieces.runs} runs`)
  t.deepEqual(pieces.result, whole.result)
  t.is(pieces.result.trials.filter(({ result }) => !result.ok).length, 0)
  t.is(Math.round(pieces.energy.joules), 40, 'no training was given up and done again')
  t.is(Math.round(whole.energy.joules), 40)
})
