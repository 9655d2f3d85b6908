import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { EnergyCounter } from '../../evaluators/energy/counter.ts'
import { openEstimate, WATTS_PER_CORE } from '../../evaluators/energy/estimate.ts'
import { openGpu } from '../../evaluators/energy/gpu.ts'
import { createMeter, type EnergyUse } from '../../evaluators/energy/meter.ts'
import { meterEvaluator } from '../../evaluators/energy/metered-evaluator.ts'
import { openRapl } from '../../evaluators/energy/rapl.ts'
import type { EvaluationRequest, Evaluator, Measurement } from '../../evaluators/evaluator.ts'
import { failure } from '../../lib/errors.ts'

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-energy-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A counter that a test turns by hand. */
function handCounter(measured: boolean): EnergyCounter & { value: number; closed: boolean } {
  const counter = {
    source: measured ? 'hand' : 'guess',
    measured,
    value: 0,
    closed: false,
    joules: () => counter.value,
    close: () => {
      counter.closed = true
    },
  }
  return counter
}

function domain(folder: string, id: string, name: string, microjoules: string): string {
  const place = path.join(folder, id)
  mkdirSync(place, { recursive: true })
  writeFileSync(path.join(place, 'name'), `${name}\n`)
  writeFileSync(path.join(place, 'max_energy_range_uj'), '1000000000\n')
  writeFileSync(path.join(place, 'energy_uj'), `${microjoules}\n`)
  return path.join(place, 'energy_uj')
}

test('RAPL: packages and their memory are summed, parts inside them are not, and a counter may wrap around', (t) => {
  const folder = temporaryFolder(t)
  const first = domain(folder, 'intel-rapl:0', 'package-0', '999000000')
  const core = domain(folder, 'intel-rapl:0:0', 'core', '5')
  const memory = domain(folder, 'intel-rapl:0:1', 'dram', '0')
  const whole = domain(folder, 'intel-rapl:1', 'psys', '5')
  const counter = openRapl(folder)!
  t.is(counter.source, 'RAPL (package-0, dram)')
  t.is(counter.joules(), 0)
  writeFileSync(memory, '2500000\n')
  writeFileSync(core, '900000000\n')
  writeFileSync(whole, '900000000\n')
  t.is(counter.joules(), 2.5)
  writeFileSync(first, '500000\n')
  t.is(counter.joules(), 4, '1 J up to the end of the range, and 0.5 J after it')
  rmSync(first)
  t.is(counter.joules(), 4, 'a counter that vanishes counts nothing')
})

test('RAPL: where nothing can be read there is no counter', (t) => {
  const folder = temporaryFolder(t)
  t.is(openRapl(path.join(folder, 'none')), undefined)
  domain(folder, 'intel-rapl:0', 'package-0', 'damaged')
  t.is(openRapl(folder), undefined)
  domain(folder, 'intel-rapl:1', 'psys', '5')
  t.is(openRapl(folder), undefined)
})

test('the power of a GPU is summed over time; without the program there is no counter', async (t) => {
  const program = path.join(temporaryFolder(t), 'nvidia-smi')
  writeFileSync(program, '#!/bin/sh\necho 200.00\nexec sleep 20\n')
  chmodSync(program, 0o755)
  const counter = (await openGpu(t.fail, program))!
  const began = performance.now()
  const start = counter.joules()
  await delay(60)
  const joules = counter.joules() - start
  const seconds = (performance.now() - began) / 1000
  t.true(joules >= 200 * 0.055 && joules <= 200 * seconds, `${joules} J in ${seconds} s`)
  counter.close()
  t.is(await openGpu(t.fail, '/no/such/program'), undefined)
  writeFileSync(program, '#!/bin/sh\necho "[N/A]"\n')
  t.is(await openGpu(t.fail, program), undefined, 'a GPU that does not tell its power')
})

test('where nvidia-smi ends in the middle, that is told once, and its mean power from then on is an estimate', async (t) => {
  const program = path.join(temporaryFolder(t), 'nvidia-smi')
  writeFileSync(program, `#!/bin/sh\necho 200.00\nwhile [ ! -e '${program}-end' ]; do sleep 0.02; done\n`)
  chmodSync(program, 0o755)
  const told: string[] = []
  const counter = (await openGpu((sentence) => told.push(sentence), program))!
  const meter = createMeter([counter])
  const before = meter.begin('before', 0)
  await delay(20)
  const { measuredJoules, estimatedJoules } = meter.end(before)
  t.true(measuredJoules > 0)
  t.is(estimatedJoules, 0)
  writeFileSync(`${program}-end`, '')
  while (told.length === 0) await delay(20)
  meter.between()
  const after = meter.begin('after', 0)
  await delay(50)
  const lost = meter.end(after)
  t.is(lost.measuredJoules, 0)
  t.true(lost.estimatedJoules >= 200 * 0.045, `${lost.estimatedJoules} J`)
  t.regex(meter.sources[0]!, /^nvidia-smi \(GPU .+\), which ended: estimated from then on/)
  t.is(told.length, 1)
  t.regex(told[0]!, /^nvidia-smi has ended, so the GPU's energy is estimated from here on: 200 W, its mean until then$/)
  meter.close()
})

test('the estimate is this process’s time at a stated power', (t) => {
  const counter = openEstimate()
  const before = process.cpuUsage()
  const start = counter.joules()
  let x = 0
  while (process.cpuUsage(before).user < 50_000) x += Math.sqrt(x + 1)
  const joules = counter.joules() - start
  const { user, system } = process.cpuUsage(before)
  t.true(joules >= 0.05 * WATTS_PER_CORE && joules <= ((user + system) / 1e6) * WATTS_PER_CORE + 1e-9, `${joules} ${x}`)
})

test('trainings share what is counted while they run; the rest is between them', (t) => {
  const [measured, guessed] = [handCounter(true), handCounter(false)]
  const meter = createMeter([measured, guessed], ['a note'])
  t.deepEqual(meter.sources, ['hand', 'guess', 'a note'])
  measured.value = 1
  const a = meter.begin('a', 0)
  measured.value = 11
  const b = meter.begin('b', 1)
  measured.value = 31
  guessed.value = 8
  t.is(meter.openJoules(), 39)
  t.deepEqual(meter.end(a), { archId: 'a', rung: 0, measuredJoules: 20, estimatedJoules: 4 })
  measured.value = 36
  t.deepEqual(meter.end(b, 2), { archId: 'b', rung: 1, measuredJoules: 15, estimatedJoules: 6 })
  measured.value = 37
  t.deepEqual(meter.between(), { archId: undefined, rung: 0, measuredJoules: 2, estimatedJoules: 0 })
  t.deepEqual(meter.between(), { archId: undefined, rung: 0, measuredJoules: 0, estimatedJoules: 0 })
  meter.close()
  t.true(measured.closed && guessed.closed)
})

const request = (archId: string) => ({ archId }) as EvaluationRequest
const STAGE = { epochs: 1, dataFraction: 1 }
const measurement: Measurement = { ok: true, accuracy: 1, testAccuracy: 1, loss: 0, cpuSeconds: 2, wallSeconds: 2 }

/** Each training takes 10 J on the counter. */
function meteredToy(limitJoules: number, evaluate?: Evaluator['evaluate']) {
  const counter = handCounter(true)
  const uses: EnergyUse[] = []
  const stop = new AbortController()
  let limits = 0
  const evaluator: Evaluator = {
    id: 'toy',
    version: '1',
    evaluate:
      evaluate ??
      (async () => {
        await delay(1)
        counter.value += 10
        return measurement
      }),
    dispose: async () => undefined,
  }
  const metered = meterEvaluator(evaluator, createMeter([counter]), {
    record: (use) => uses.push(use),
    spentJoules: 0,
    limitJoules,
    onLimit: () => {
      limits++
      stop.abort()
    },
  })
  return { metered, uses, counter, signal: stop.signal, limits: () => limits }
}

test('at the limit no training begins, those that run are finished, and then the search is told once', async (t) => {
  const { metered, uses, signal, limits } = meteredToy(15)
  const first = await Promise.all(['a', 'b'].map((id) => metered.evaluate(request(id), { signal })))
  t.deepEqual(first, [measurement, measurement])
  t.is(
    uses.reduce((sum, { measuredJoules }) => sum + measuredJoules, 0),
    20,
  )
  const held = await Promise.all(['c', 'd'].map((id) => metered.evaluate(request(id), { signal })))
  t.true(held.every((result) => !result.ok))
  t.true(signal.aborted)
  t.is(limits(), 1)
  t.deepEqual(new Set(uses.map(({ archId }) => archId)), new Set(['a', 'b']))
})

test('failures count too; what is in flight at the end is recorded, and nothing after it', async (t) => {
  let answer: (result: Measurement) => void = () => undefined
  const failing = meteredToy(Number.POSITIVE_INFINITY, async ({ archId }) => {
    failing.counter.value += 3
    if (archId === 'bad') return failure('diverged', 'NaN')
    return new Promise((resolve) => {
      answer = resolve
    })
  })
  t.false((await failing.metered.evaluate(request('bad'))).ok)
  t.deepEqual(failing.uses, [{ archId: 'bad', rung: 0, measuredJoules: 3, estimatedJoules: 0 }])
  const late = failing.metered.evaluate(request('late'))
  failing.metered.close()
  t.deepEqual(failing.uses.at(-1), { archId: 'late', rung: 0, measuredJoules: 3, estimatedJoules: 0 })
  answer(measurement)
  t.deepEqual(await late, measurement)
  t.is(failing.uses.length, 2)
})

test('a training in a process of its own is estimated from its own time', async (t) => {
  const uses: EnergyUse[] = []
  const counter = handCounter(false)
  const inner: Evaluator = { id: 'x', version: '1', evaluate: async () => measurement, dispose: async () => undefined }
  const account = { spentJoules: 0, limitJoules: Number.POSITIVE_INFINITY, onLimit: () => undefined }
  const metered = meterEvaluator(inner, createMeter([counter]), { ...account, record: (use) => uses.push(use) })
  await metered.evaluate({ ...request('alone'), earlier: [STAGE, STAGE] }, { isolated: true })
  t.deepEqual(uses, [{ archId: 'alone', rung: 2, measuredJoules: 0, estimatedJoules: 2 * WATTS_PER_CORE }])
})
