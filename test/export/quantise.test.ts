import test from 'ava'
import { calibrate } from '../../export/quantise/calibrate.ts'
import { levelsOf } from '../../export/quantise/lowering.ts'
import { quantisedSchedule, quantiseNetwork } from '../../export/quantise/quantise.ts'
import { RangeObserver } from '../../export/quantise/range-observer.ts'
import { createInterpreter } from '../../export/quantise/reference/interpreter.ts'
import type { QuantisedExperts, QuantisedNetwork } from '../../export/quantise/types.ts'
import { UserError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'
import {
  everyKind,
  floatOutputs,
  nestedExperts,
  plausibleWeights,
  type QuantisedCase,
  quantisedCase,
} from './networks.ts'

/** Differences between int8 and float, in quanta of the output. */
async function differences(quantised: QuantisedCase): Promise<readonly number[]> {
  const exact = await floatOutputs(quantised)
  const { network, outputs } = quantised
  const { scale, zeroPoint } = network.tensors[network.output]!.quantisation
  return Array.from(exact, (value, i) => Math.abs(outputs[i]! - zeroPoint - value / scale))
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

test('every kind in int8 gives nearly what the float network gives', async (t) => {
  const quantised = await quantisedCase(everyKind({ experts: false }), 1)
  const kinds = new Set(quantised.network.kernels.map(({ kind }) => kind))
  t.is(kinds.size, 10, [...kinds].join())
  const off = await differences(quantised)
  t.true(median(off) < 2.5, `${median(off)}`)
  t.true(Math.max(...off) < 20, `${Math.max(...off)}`)
})

test('with experts too, but where two gates are so near that int8 takes the other expert', async (t) => {
  for (const graph of [everyKind({ experts: true }), nestedExperts()]) {
    const off = await differences(await quantisedCase(graph, 3))
    t.true(median(off) < 3, `${median(off)}`)
  }
})

test('only the routed experts decide the output', async (t) => {
  const quantised = await quantisedCase(everyKind({ experts: true }), 1, 1)
  const { network, inputs } = quantised
  const at = network.kernels.findLastIndex(({ kind }) => kind === 'routedExperts')
  const kernel = network.kernels[at] as QuantisedExperts
  t.is(kernel.topK, 1)
  const expected = [...quantised.outputs]
  const same = kernel.experts.map((_, broken) => {
    const experts = kernel.experts.map((expert, i) =>
      i === broken ? { ...expert, share: { multiplier: 2 ** 30, shift: 8 } } : expert,
    )
    const changed: QuantisedNetwork = { ...network, kernels: network.kernels.with(at, { ...kernel, experts }) }
    return [...createInterpreter(changed)(inputs)].join() === expected.join()
  })
  t.is(same.filter(Boolean).length, kernel.experts.length - 1)
})

test('quantising twice gives the same; weights are symmetric, biases and zero points in range', async (t) => {
  const graph = everyKind({ experts: true })
  const [{ network }, again] = [await quantisedCase(graph, 5), await quantisedCase(graph, 5)]
  t.deepEqual(network, again.network)
  for (const kernel of network.kernels) {
    if (!('weights' in kernel)) continue
    t.false(kernel.weights.includes(-128), kernel.id)
    t.is(kernel.weightScales.length, kernel.kind === 'dense' ? 1 : kernel.outputShape.at(-1)!)
    t.is(kernel.multipliers.length, kernel.weightScales.length)
  }
  for (const { id, quantisation } of network.tensors) {
    t.true(quantisation.scale > 0 && Math.fround(quantisation.scale) === quantisation.scale, id)
    t.true(quantisation.zeroPoint >= -128 && quantisation.zeroPoint <= 127, id)
  }
})

test('a channel without weights but with a bias keeps its bias', async (t) => {
  const g = new GraphBuilder()
  const graph = g.build(g.globalAveragePool(g.conv2d(g.input([4, 4, 1]), 2, { bias: true })))
  const weights = new Map(plausibleWeights(graph, 1))
  const kernel = graph.nodes[1]!.id
  weights.set(`${kernel}/kernel`, Float32Array.of(0, 1e-12))
  weights.set(`${kernel}/bias`, Float32Array.of(1.5, -0.75))
  const inputs = new Float32Array(16).fill(1)
  const normalisation = { mean: [0], standardDeviation: [1] }
  const { minmax } = await quantiseNetwork({ graph, weights, normalisation, sample: { inputs, count: 1 } })
  const output = createInterpreter(minmax)(new Int8Array(16).fill(127))
  const { scale, zeroPoint } = minmax.tensors[minmax.output]!.quantisation
  t.true(Math.abs(scale * (output[0]! - zeroPoint) - 1.5) <= scale)
  t.true(Math.abs(scale * (output[1]! - zeroPoint) + 0.75) <= scale)
})

test('percentiles leave the rare extremes out; the extremes are exact', (t) => {
  const observer = new RangeObserver()
  const values = Float32Array.from({ length: 100_000 }, (_, i) => (i === 7 ? 1000 : (i % 1000) / 1000))
  for (const pass of ['extremes', 'histogram'] as const) observer[pass]('x', values, 1, [0])
  t.deepEqual(observer.extremesOf('x'), [0, 1000])
  const [low, high] = observer.percentilesOf('x')
  t.is(low, 0)
  t.true(high >= 0.999 && high < 2, `${high}`)
})

test('ranges inside an expert are those of the samples that are routed to it', async (t) => {
  const graph = everyKind({ experts: true })
  const { weights, real, count } = await quantisedCase(graph, 2)
  const ranges = (await calibrate(graph, levelsOf(graph, quantisedSchedule(graph)), weights, { inputs: real, count }))
    .minmax
  const mixture = graph.nodes.findLast(({ op }) => op.kind === 'routedExperts')!
  const { body } = mixture.op as { body: NetworkGraph }
  const [low, high] = ranges(mixture.id)
  const seen = Array.from({ length: 4 }, (_, expert) => ranges(`${mixture.id}/${expert}/${body.output}`))
  // One expert runs and its gate is at most 1: the sum cannot leave the experts' ranges.
  t.true(Math.max(...seen.map(([, most]) => most)) >= high)
  t.true(Math.min(...seen.map(([least]) => least)) <= low)
})

test('what has no int8 kernel is refused in a sentence', async (t) => {
  const g = new GraphBuilder()
  const graph = g.build(g.activation(g.dense(g.input([4]), 300), 'softmax'))
  const job = {
    graph,
    weights: plausibleWeights(graph, 1),
    normalisation: { mean: [0], standardDeviation: [1] },
    sample: { inputs: new Float32Array(4), count: 1 },
  }
  const error = await t.throwsAsync(quantiseNetwork(job), { instanceOf: UserError })
  t.regex(error!.message, /softmax over 300 values/)
})
