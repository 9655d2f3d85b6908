import test from 'ava'
import type { Sample } from '../../hardware-profiles/calibrate.ts'
import { adapt } from '../../hardware-profiles/calibration/adapt.ts'
import { chooseNetworks } from '../../hardware-profiles/calibration/choose-networks.ts'
import { designOf } from '../../hardware-profiles/calibration/design.ts'
import { profileVector } from '../../hardware-profiles/calibration/device-vectors.ts'
import { factsOf } from '../../hardware-profiles/calibration/kernel-classes.ts'
import { knownDevices } from '../../hardware-profiles/calibration/known-devices.ts'
import { fbnet } from '../../hardware-profiles/cases/nas-nets.ts'
import { spearman } from '../../hardware-profiles/cases/statistics.ts'
import { createCostModel, loadProfile, parseProfile } from '../../hardware-profiles/index.ts'
import { dot, solveNonNegative } from '../../lib/linear-systems.ts'
import { randomStream } from '../../lib/random.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph } from '../../network/types.ts'

const random = randomStream(3, 'blend')
const digits = () => Array.from({ length: 22 }, () => `${random.int(9)}`).join('')
const networks = Array.from({ length: 150 }, digits).flatMap((text) => fbnet(text) ?? [])
/** Some of each family: finding the nearest of all takes half the time of this file. */
const profiles = ['2080ti', 'ethos-u55-128', 'nrf5340-tflm', 'stm32h747-xcubeai8', 'stm32l552-tflm-cmsisnn'].map(
  loadProfile,
)
const known = knownDevices()

/** A device between two that are known, as no profile is: a sum of both, with noise of 1 %. */
function between(graph: NetworkGraph): number {
  const [a, b] = ['raspi4', 'titanx_64'].map((id) => known.find((device) => device.id === id)!)
  const { kernels } = scheduleOf(graph, { fusedActivations: new Set() })
  return kernels.reduce((sum, kernel) => sum + a!.kernelMs(factsOf(kernel))! + b!.kernelMs(factsOf(kernel))!, 1)
}
const sampleOf = (graph: NetworkGraph, i: number): Sample => ({
  name: `network ${i}`,
  graph,
  latencyMs: between(graph) * (1 + 0.01 * random.normal()),
  energyMj: 3,
})

test('ten chosen networks rank the others on a device between known ones, which are left out', (t) => {
  const pool = networks.slice(0, 80)
  const chosen = chooseNetworks(pool, 10, profiles)
  t.is(new Set(chosen).size, 10)
  const samples = chosen.map((at) => sampleOf(pool[at]!, at))
  const others = known.filter(({ device }) => device !== 'raspi4' && device !== 'titanx')
  const { profile, method, error } = adapt(profiles, others, samples, { id: 'mine', title: 'my board' })
  t.is(method, 'blended')
  t.true(error.mape < 0.05)
  t.deepEqual(parseProfile(JSON.parse(JSON.stringify(profile)), 'mine'), profile)
  const model = createCostModel(profile)
  const cases = networks
    .slice(80)
    .map((graph, i) => ({ name: `${i}`, measured: between(graph), predicted: model.price(graph).latencyMs }))
  t.true(spearman(cases) > 0.95, `${spearman(cases)}`)
})

test('a board of a known kind stays that board: its own profile, scaled', (t) => {
  const model = createCostModel(loadProfile('stm32l552-tflm-cmsisnn'))
  const samples = networks
    .slice(0, 10)
    .map((graph, i): Sample => ({ name: `${i}`, graph, latencyMs: 0.7 * model.price(graph).latencyMs }))
  const { method, base, error } = adapt(profiles, known, samples, { id: 'mine', title: 'my board' })
  t.is(method, 'scaled')
  t.is(base.id, 'stm32l552-tflm-cmsisnn')
  t.true(error.mape < 0.01)
})

test('a profile in the columns of a design costs what it costs', (t) => {
  const graphs = networks.slice(0, 40)
  const design = designOf(graphs, [])
  for (const id of ['2080ti', 'stm32h747-xcubeai8', 'nrf5340-tflm']) {
    const profile = loadProfile(id)
    const model = createCostModel(profile)
    const vector = profileVector(profile, design)!
    graphs.forEach((graph, i) => {
      const total = dot(design.rows[i]!, vector as readonly number[])
      t.true(Math.abs(total / model.price(graph).latencyMs - 1) < 0.05, `${id}: ${total}`)
    })
  }
})

test('networks are chosen apart: no two alike before all others', (t) => {
  const pool = [networks[0]!, networks[0]!, networks[0]!, ...networks.slice(1, 30)]
  const chosen = chooseNetworks(pool, 5, profiles)
  t.true(chosen.filter((at) => at < 3).length <= 1)
})

test('least squares without negative coefficients', (t) => {
  const [x, y] = solveNonNegative(
    [
      [2, 1],
      [1, 2],
    ],
    [2, -1],
  )
  t.true(Math.abs(x! - 1) < 1e-9)
  t.is(y, 0)
  const rows = Array.from({ length: 30 }, () => Array.from({ length: 12 }, () => random.float()))
  const truth = Array.from({ length: 12 }, (_, i) => Math.max(i - 4, 0))
  const gram = truth.map((_, i) => truth.map((__, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)))
  const target = truth.map((_, i) => rows.reduce((sum, row) => sum + row[i]! * dot(row, truth), 0))
  solveNonNegative(gram, target).forEach((value, i) => {
    t.true(Math.abs(value - truth[i]!) < 1e-6)
  })
})
