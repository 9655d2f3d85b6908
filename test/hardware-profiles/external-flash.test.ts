import test from 'ava'
import { loadCases } from '../../hardware-profiles/cases/cases.ts'
import { tinyYolo } from '../../hardware-profiles/cases/plain-nets.ts'
import { compareSuite } from '../../hardware-profiles/cases/validate.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'

const profile = loadProfile('stm32h747-xcubeai10')
const stream = profile.weightStream!
const model = createCostModel(profile)

/** A map of one size through layers of 512 channels, 9 · 2¹⁸ weights each. */
function stack(size: number, layers: number, kernel: number): NetworkGraph {
  const b = new GraphBuilder()
  let x = b.input([size, size, 512])
  for (let i = 0; i < layers; i++) x = b.conv2d(x, 512, { kernel })
  return b.build(x)
}

const streamMs = (graph: NetworkGraph): number =>
  model.onceCosts(graph).find(({ id }) => id === 'weight-stream')?.latencyMs ?? 0

test('weights that fit cost nothing; what lies beyond is read for every two pixels, or once in 1×1 windows', (t) => {
  t.is(streamMs(stack(8, 7, 1)), 0)
  const bytes = 10 * 2 ** 18
  const share = 1 - stream.cacheBytes / bytes
  const once = 1e-3 * stream.usPerByte * bytes * share
  t.true(Math.abs(streamMs(stack(8, 10, 1)) / once - 1) < 1e-9)
  const layers = 2
  const windows = layers * 9 * 2 ** 18
  const again = 1e-3 * stream.usPerByte * windows * 32 * (1 - stream.cacheBytes / windows)
  t.true(Math.abs(streamMs(stack(8, layers, 3)) / again - 1) < 1e-9)
})

test('an edge without a step: a network just beyond the flash streams next to nothing', (t) => {
  const whole = 1e-3 * stream.usPerByte * 9 * 2 ** 18 * 32
  t.true(streamMs(stack(8, 1, 3)) > 0 && streamMs(stack(8, 1, 3)) < 0.2 * whole)
})

test('the stream is an estimate: the interval reaches from none of it to twice as much', (t) => {
  const graph = tinyYolo(224)
  const inside = createCostModel({ ...profile, weightStream: undefined }).price(graph)
  const { latencyMs, latencyLowMs, latencyHighMs } = model.price(graph)
  const streamed = streamMs(graph)
  t.true(Math.abs(latencyMs - inside.latencyMs - streamed) < 1e-6)
  t.true(latencyLowMs < inside.latencyMs && latencyHighMs > latencyMs + streamed)
})

test('Tiny YOLO, never fitted, lies in its interval under both versions; without the stream it was half as much', (t) => {
  for (const id of ['stm32h747-xcubeai8', 'stm32h747-xcubeai10']) {
    const suite = loadCases(id).suites.find(({ name }) => name === 'weights beyond the flash')!
    const cases = compareSuite(loadProfile(id), suite)
    t.true(cases.length >= 2)
    for (const { name, measured, predicted, covered } of cases) {
      t.true(covered, name)
      t.true(predicted > 0.55 * measured && predicted < 1.3 * measured, `${name}: ${predicted}, measured ${measured}`)
    }
  }
})
