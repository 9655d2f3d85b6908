import test from 'ava'
import { calibrate, nearestProfile, type Sample } from '../../hardware-profiles/calibrate.ts'
import {
  atOperatingPoint,
  createCostModel,
  energyPerHourMj,
  loadProfile,
  parseProfile,
} from '../../hardware-profiles/index.ts'
import { readMeasurements } from '../../hardware-profiles/measurements.ts'
import { randomStream } from '../../lib/random.ts'
import { randomNetwork } from './networks.ts'

const base = loadProfile('stm32f446-tflm-cmsisnn')

/** A device that is 1.7 times slower than the base and spends 0.1 ms more a kernel. */
function samples(count: number): readonly Sample[] {
  const model = createCostModel(base)
  const random = randomStream(5, 'calibrate')
  return Array.from({ length: count }, (_, i) => {
    const graph = randomNetwork(random)
    const { latencyMs } = model.price(graph)
    const own = 1.7 * latencyMs + 0.1 * model.schedule(graph).kernels.length
    return { name: `network ${i}`, graph, latencyMs: own, energyMj: own * 0.2 }
  })
}

test('ten samples of a scaled device give it back', (t) => {
  const known = samples(10)
  const { profile, error } = calibrate(base, known, { id: 'mine', title: 'my board' })
  t.deepEqual(parseProfile(JSON.parse(JSON.stringify(profile)), 'mine'), profile)
  t.true(error.mape < 0.05)
  const model = createCostModel(profile)
  for (const { graph, latencyMs } of samples(30).slice(10)) {
    t.true(Math.abs(model.price(graph).latencyMs / latencyMs - 1) < 0.1)
  }
  t.true(Math.abs(profile.energy.activePowerMw - 200) < 1e-6)
})

test('the nearest profile of a device is its own', (t) => {
  const others = [loadProfile('titan-rtx'), base, loadProfile('stm32n6-neuralart')]
  t.is(nearestProfile(others, samples(12)).id, base.id)
})

test('measurement files are read, and refused in one sentence', (t) => {
  t.deepEqual(readMeasurements('model,latency_ms\na.onnx, 1.5\n\n', 'm.csv'), [
    { line: 2, model: 'a.onnx', latencyMs: 1.5 },
  ])
  t.is(readMeasurements('model,latency_ms,energy_mj\r\na.onnx,1,2\r\n', 'm.csv')[0]!.energyMj, 2)
  t.throws(() => readMeasurements('name,time\n', 'm.csv'), { message: /must begin with the heading model,latency_ms/ })
  t.throws(() => readMeasurements('model,latency_ms\na,1,2\n', 'm.csv'), { message: /line 2 .* has 3 fields/ })
  t.throws(() => readMeasurements('model,latency_ms\na,-1\n', 'm.csv'), { message: /latency_ms '-1'/ })
})

test('operating points scale time by clock and power by their factor', (t) => {
  const profile = loadProfile('gap9-ne16')
  const slow = atOperatingPoint(profile, '650mv')
  const graph = samples(1)[0]!.graph
  const [at800, at650] = [profile, slow].map((one) => createCostModel(one).price(graph))
  t.true(Math.abs(at650!.latencyMs / at800!.latencyMs - 370 / 240) < 1e-3)
  t.true(at650!.energyMj < at800!.energyMj)
  t.throws(() => atOperatingPoint(profile, '900mv'), { message: /unknown operating point '900mv'/ })
  t.throws(() => atOperatingPoint(base, '650mv'), { message: /no operating points but its own/ })
})

test('energy an hour adds what idling takes', (t) => {
  const costs = { latencyMs: 100, energyMj: 10 }
  const device = { id: 'x', energy: { ...base.energy, idlePowerMw: 2 } }
  t.true(Math.abs(energyPerHourMj(costs, device, 1000) - 3600 * (10 + 1.8)) < 1e-9)
  t.throws(() => energyPerHourMj(costs, device, 50), { message: /a period must be longer, not 50 ms/ })
})
