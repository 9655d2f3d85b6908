import test from 'ava'
import { calibrate, nearestProfile, type Sample } from '../../hardware-profiles/calibrate.ts'
import { fbnet } from '../../hardware-profiles/cases/nas-nets.ts'
import { kendallTauOf } from '../../hardware-profiles/cases/statistics.ts'
import {
  atOperatingPoint,
  createCostModel,
  energyPerHourMj,
  loadProfile,
  type Profile,
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

test('larger batches of a GPU are found: more work for the same start', (t) => {
  const gpu = loadProfile('titan-rtx')
  const batched = {
    ...gpu,
    tables: gpu.tables.map((table) => ({
      ...table,
      models: table.models.map((model) => ({
        ...model,
        compute: model.compute!.map(({ feature, coefficient }) => ({ feature, coefficient: 20 * coefficient })),
      })),
    })),
  }
  const random = randomStream(5, 'batched')
  const digits = () => Array.from({ length: 22 }, () => `${random.int(9)}`).join('')
  const networks = Array.from({ length: 40 }, digits).flatMap((text) => fbnet(text) ?? [])
  const model = createCostModel(batched)
  const measured = networks.map((graph, i) => ({ name: `${i}`, graph, latencyMs: model.price(graph).latencyMs }))
  const known = measured.slice(0, 10)
  const rankOf = (base: Profile) => {
    const adapted = createCostModel(calibrate(base, known, { id: 'b', title: 'b' }).profile)
    return kendallTauOf(
      measured.slice(10).map(({ graph, latencyMs }) => ({
        measured: latencyMs,
        predicted: adapted.price(graph).latencyMs,
      })),
    )
  }
  t.true(rankOf(nearestProfile([gpu], known)) > 0.8)
  t.true(rankOf(gpu) < 0.75)
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

test('at half the clock everything takes twice as long, measured rows and the start of an inference included', (t) => {
  for (const id of ['stm32f446-tflm-cmsisnn', 'efr32xg24-mvp', 'stm32u575-xcubeai', 'nrf5340-tflm']) {
    for (const latencyUnit of ['cycles', 'us'] as const) {
      const known = loadProfile(id)
      const own: Profile = { ...known, latencyUnit, inferenceOverhead: 1000 }
      const half = {
        name: 'half',
        clockHz: own.clockHz / 2,
        volts: 1.2,
        powerScale: 0.25,
        provenance: { kind: 'derived' as const, source: 'made up' },
      }
      const slow = atOperatingPoint({ ...own, operatingPoints: [half] }, 'half')
      t.deepEqual([slow.clockHz, slow.supplyVolts, slow.operatingPoints], [own.clockHz / 2, 1.2, []])
      const [model, slower] = [createCostModel(own), createCostModel(slow)]
      for (const { graph } of samples(5)) {
        const [before, after] = [model.price(graph), slower.price(graph)]
        t.true(Math.abs(after.latencyMs / before.latencyMs - 2) < 1e-9, `${id} in ${latencyUnit}`)
        t.true(Math.abs(after.energyMj / before.energyMj - 2 * 0.25) < 1e-9, `${id} in ${latencyUnit}`)
      }
    }
  }
})

test('energy an hour adds what idling takes', (t) => {
  const costs = { latencyMs: 100, energyMj: 10 }
  const device = { id: 'x', energy: { ...base.energy, idlePowerMw: 2 } }
  t.true(Math.abs(energyPerHourMj(costs, device, 1000) - 3600 * (10 + 1.8)) < 1e-9)
  t.true(Math.abs(energyPerHourMj(costs, device, 100) - 36_000 * 10) < 1e-9, 'one after the other')
  t.throws(() => energyPerHourMj(costs, device, 50), { message: /a period must be longer, not 50 ms/ })
})
