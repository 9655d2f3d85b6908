import test from 'ava'
import { calibrate } from '../../hardware-profiles/calibrate.ts'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { createCostModel, loadProfile, parseProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import type { ActivationKind, NetworkGraph } from '../../network/types.ts'
import { fitLeastAbsolute } from '../../scripts/fit-profiles/least-absolute.ts'

/** Published weights of the networks, and their GMAC to the digits that are printed. */
const PUBLISHED: readonly (readonly [string, number, number])[] = [
  ['vgg 16 224', 138_357_544, 15.47],
  ['vgg 19 224', 143_667_240, 19.63],
  ['resnet 50 224', 25_557_032, 3.86],
  ['squeezenet 224', 1_248_424, 0.82],
  ['inceptionV1 224', 6_624_904, 1.5],
  ['inceptionV4 299', 42_679_816, 12.27],
  ['inceptionResnetV2 299', 55_843_464, 13.18],
  ['efficientnetEdge 1 224', 5_438_392, 1.8],
  ['efficientnetEdge 1.1 240', 6_899_496, 3.0],
]

for (const [name, params, gmac] of PUBLISHED) {
  test(`${name} has the published weights and MACs`, (t) => {
    const graph = caseNetwork(name)
    t.is(countParams(graph), params)
    t.true(Math.abs(countMacs(graph) / 1e9 / gmac - 1) < 0.01)
  })
}

test('ResNets of the second form have the published MACs; their weights differ by what norms and biases take', (t) => {
  for (const [name, params, gmac] of [
    ['resnetV2 50 224', 25_549_352, 3.49],
    ['resnetV2 152 224', 60_192_808, 10.92],
  ] as const) {
    t.true(Math.abs(countParams(caseNetwork(name)) / params - 1) < 0.001)
    t.true(Math.abs(countMacs(caseNetwork(name)) / 1e9 / gmac - 1) < 0.01)
  }
})

test('families that were left out are predicted within a fifth on average, and intervals hold nine in ten', (t) => {
  for (const id of ['edgetpu', 'edgetpu-usb']) {
    const report = validateProfile(loadProfile(id))[0]!
    t.is(report.cases, 13)
    t.true(report.leftOut && report.mape < 0.2, id)
    t.true(report.coverage90! >= 0.85, id)
    t.true(report.kendallTau! > 0.8, id)
    t.is(report.worst?.name, 'inceptionResnetV2 299')
  }
})

/** Dense layers with so many thousands of weights each. */
function layersOf(...thousands: readonly number[]): NetworkGraph {
  const b = new GraphBuilder()
  let x = b.input([1000])
  for (const units of thousands) x = b.dense(b.dense(x, units, false), 1000, false)
  return b.build(x)
}

test('weights beyond the cache come over the bus, those within it cost their MACs only', (t) => {
  const profile = loadProfile('edgetpu')
  const { cacheBytes, usPerByte } = profile.weightStream!
  const without = parseProfile({ ...profile, weightStream: undefined }, 'without')
  const streamed = (graph: NetworkGraph): number =>
    createCostModel(profile).price(graph).latencyMs - createCostModel(without).price(graph).latencyMs
  t.is(streamed(layersOf(3000)), 0)
  for (const graph of [layersOf(4000), layersOf(3000, 2000)]) {
    const expectedMs = (countParams(graph) - cacheBytes) * usPerByte * 1e-3
    t.true(Math.abs(streamed(graph) / expectedMs - 1) < 1e-9)
    const once = createCostModel(profile).onceCosts(graph)
    t.deepEqual(
      once.map(({ id }) => id),
      ['inference', 'weight-stream'],
    )
    t.true(Math.abs(once[1]!.latencyMs / expectedMs - 1) < 1e-9, 'the stream is a line of its own')
  }
})

test('the bus of the Dev Board is slower than USB 3.0 on a desktop, as in every row of the table', (t) => {
  const board = loadProfile('edgetpu').weightStream!
  const usb = loadProfile('edgetpu-usb').weightStream!
  t.true(board.usPerByte > usb.usPerByte)
  t.is(board.cacheBytes, usb.cacheBytes)
})

test('what the compiler does not take goes to the host, with a wide interval', (t) => {
  const model = createCostModel(loadProfile('edgetpu'))
  const withActivation = (kind: ActivationKind) => {
    const b = new GraphBuilder()
    const x = b.activation(b.conv2d(b.input([32, 32, 3]), 32, { kernel: 3 }), kind)
    return model.price(b.build(b.dense(b.globalAveragePool(x), 10)))
  }
  const relu = withActivation('relu')
  const hardSwish = withActivation('hardSwish')
  t.is(relu.basis.fallback, 0)
  t.true(hardSwish.basis.fallback > 0.5)
  t.true(hardSwish.latencyHighMs / hardSwish.latencyMs > relu.latencyHighMs / relu.latencyMs)
  t.true(hardSwish.latencyMs > relu.latencyMs)
})

test('small networks, of which the table has none, get an interval of a half at least', (t) => {
  for (const id of ['edgetpu', 'edgetpu-usb']) {
    const model = createCostModel(loadProfile(id))
    for (const name of ['mlperfTiny ic', 'mlperfTiny kws', 'mobilenetV1 0.25 96 2']) {
      const { latencyMs, latencyLowMs, latencyHighMs } = model.price(caseNetwork(name))
      t.true((latencyHighMs - latencyLowMs) / latencyMs > 0.99, `${id} ${name}`)
    }
  }
})

test('the least sum of errors is not pulled by one row that nothing explains', (t) => {
  const xs = [1, 2, 3, 4, 5, 6, 7, 8]
  const measured = xs.map((x) => (x === 4 ? 3 : 2 + 3 * x))
  const [once, each] = fitLeastAbsolute(
    xs.map((x) => [1, x]),
    measured,
  )
  t.true(Math.abs(once! - 2) < 0.1)
  t.true(Math.abs(each! - 3) < 0.1)
})

test('calibrating from large networks does not count the stream twice', (t) => {
  const base = loadProfile('edgetpu')
  const model = createCostModel(base)
  const names = [
    'vgg 16 224',
    'vgg 19 224',
    'resnet 50 224',
    'inceptionV4 299',
    'squeezenet 224',
    'mobilenetV1 1 224 1000',
  ]
  const samples = names.map((name) => {
    const graph = caseNetwork(name)
    return { name, graph, latencyMs: model.price(graph).latencyMs }
  })
  const { profile } = calibrate(base, samples, { id: 'mine', title: 'mine' })
  const adapted = createCostModel(profile)
  for (const { name, graph, latencyMs } of samples) {
    t.true(Math.abs(adapted.price(graph).latencyMs / latencyMs - 1) < 0.15, name)
  }
})
