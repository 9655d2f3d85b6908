import test from 'ava'
import { DERIVED_RULES } from '../../hardware-profiles/derived-rules.ts'
import { createCostModel, listProfiles, loadProfile, parseProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph, Op } from '../../network/types.ts'

/** A network of one imported operation over 8×8×16, or over what it needs. */
function networkOf(op: Op, ...shapes: readonly (readonly number[])[]): NetworkGraph {
  const g = new GraphBuilder()
  const inputs = (shapes.length === 0 ? [[8, 8, 16]] : shapes).map((shape) => g.input(shape))
  return g.build(g.node(op, ...inputs))
}

const EACH: readonly (readonly [NetworkGraph, NetworkGraph])[] = (
  [
    [
      {
        kind: 'pad',
        amounts: [
          [1, 1],
          [1, 1],
          [0, 0],
        ],
      },
    ],
    [{ kind: 'slice', begin: [0, 0, 0], size: [8, 8, 8], stride: [1, 1, 2] }],
    [{ kind: 'split', axis: 2, sizes: [8, 8] }],
    [{ kind: 'transpose', order: [1, 0, 2] }],
    [{ kind: 'rearrange', operation: 'tile', shape: [8, 8, 32] }],
    [{ kind: 'quantize' }],
    [{ kind: 'dequantize' }],
    [{ kind: 'leakyRelu', alpha: 0.1 }],
    [{ kind: 'prelu' }, [8, 8, 16], [16]],
    [{ kind: 'elementwise', operation: 'subtract' }, [8, 8, 16], [16]],
    [{ kind: 'unary', function: 'tanh' }],
    [{ kind: 'reduce', operation: 'max', axes: [0, 1], keepDims: false }],
    [{ kind: 'resize', height: 16, width: 16, mode: 'bilinear' }],
    [{ kind: 'matmul' }, [64, 16], [16, 32]],
    [{ kind: 'transposeConv2d', filters: 8, kernel: [3, 3], stride: [2, 2], outputSize: [16, 16], bias: true }],
    [{ kind: 'custom', name: 'NMS', shape: [10, 4] }],
  ] as readonly (readonly [Op, ...(readonly number[])[]])[]
).map(([op, ...shapes]) => {
  const wide = (shapes.length === 0 ? [[8, 8, 16]] : shapes).map((shape, i) =>
    i === 0 || op.kind !== 'matmul' ? shape.with(0, shape.length === 1 ? shape[0]! : 2 * shape[0]!) : shape,
  )
  const grown: Op =
    op.kind === 'slice'
      ? { ...op, size: [16, 8, 8] }
      : op.kind === 'rearrange'
        ? { ...op, shape: [16, 8, 32] }
        : op.kind === 'resize'
          ? { ...op, height: 32 }
          : op
  return [networkOf(op, ...shapes), networkOf(grown, ...wide)] as const
})

test('there is a case for every rule', (t) => {
  const covered = EACH.map(([graph]) => graph.nodes.at(-1)!.op.kind)
  t.deepEqual([...covered].sort(), Object.keys(DERIVED_RULES).sort())
})

for (const { id } of listProfiles()) {
  const model = createCostModel(loadProfile(id))
  const own = new Set(model.profile.tables.map(({ kernel }) => kernel))
  test(`${id}: kinds without a table have a price, a wide interval, and larger ones are not cheaper`, (t) => {
    for (const [small, large] of EACH) {
      const { kind } = small.nodes.at(-1)!.op
      const [costs, more] = [model.price(small, { layers: true }), model.price(large)]
      t.deepEqual(costs.unsupported, [], kind)
      t.true(Number.isFinite(costs.latencyMs) && costs.latencyMs > 0, kind)
      t.true(more.latencyMs >= costs.latencyMs, kind)
      if (own.has(kind as never)) continue
      if (kind === 'quantize' && model.profile.convertsInput === true) {
        t.deepEqual(costs.layers, [], 'an input converted with every inference is no kernel')
        continue
      }
      t.true(['extrapolated', 'fallback'].includes(costs.layers[0]!.basis), kind)
      const { latencyMs } = costs.layers[0]!
      t.true(costs.latencyHighMs - costs.latencyLowMs >= latencyMs, `${kind}: the interval is at least ±50 %`)
    }
  })
}

test('custom operators count as left to the host core', (t) => {
  const model = createCostModel(loadProfile('stm32f446-tflm-cmsisnn'))
  t.is(model.price(networkOf({ kind: 'custom', name: 'NMS', shape: [4] })).basis.fallback, 1)
})

const recurrent = (count: number): NetworkGraph =>
  networkOf({
    ...{ kind: 'custom', name: 'LSTM', shape: [32], macs: 8192 * count },
    steps: { count, products: 1, width: 128, passes: 1, elements: 128 },
  })

for (const { id } of listProfiles()) {
  test(`${id}: steps that wait for each other cost as often as they are, with what starting each costs`, (t) => {
    const model = createCostModel(loadProfile(id))
    const priced = (count: number) => model.price(recurrent(count), { layers: true })
    const [ten, hundred] = [priced(10), priced(100)]
    t.true(['extrapolated', 'fallback'].includes(hundred.layers[0]!.basis))
    t.true(Math.abs(hundred.layers[0]!.latencyMs / ten.layers[0]!.latencyMs - 10) < 1e-6)
    t.true(hundred.latencyHighMs >= 1.9 * hundred.layers[0]!.latencyMs, 'the interval is ±100 %')
  })
}

test('on a GPU each step waits for its launches, and kinds of model files are launched, too', (t) => {
  const model = createCostModel(loadProfile('titan-rtx'))
  // 28.93 µs for a dense layer and 10.74 µs for an element-wise operation.
  t.true(model.price(recurrent(100)).latencyMs >= 100 * 0.0396)
  t.true(model.price(networkOf({ kind: 'unary', function: 'tanh' })).latencyMs >= 0.0107)
  t.true(model.price(networkOf({ kind: 'matmul' }, [64, 16], [16, 32])).latencyMs >= 0.0289)
})

test('without the table that a rule needs, the kind is not supported', (t) => {
  const profile = loadProfile('stm32f446-tflm-cmsisnn')
  const without = { ...profile, tables: profile.tables.filter(({ kernel }) => kernel !== 'concat') }
  const model = createCostModel(parseProfile(JSON.parse(JSON.stringify(without)), 'test'))
  const graph = networkOf({
    kind: 'pad',
    amounts: [
      [1, 1],
      [0, 0],
      [0, 0],
    ],
  })
  t.deepEqual(model.price(graph).unsupported, ['pad'])
})

test("a profile's own table goes before the rule", (t) => {
  const profile = loadProfile('stm32f446-tflm-cmsisnn')
  const pad = { ...profile.tables.find(({ kernel }) => kernel === 'concat')!, kernel: 'pad' as const, rows: undefined }
  const models = [{ ...pad.models[0]!, terms: [{ feature: 'one' as const, coefficient: 180_000 }] }]
  const own = { ...profile, inferenceOverhead: 0, tables: [...profile.tables, { kernel: pad.kernel, models }] }
  const model = createCostModel(parseProfile(JSON.parse(JSON.stringify(own)), 'test'))
  t.is(
    model.price(
      networkOf({
        kind: 'pad',
        amounts: [
          [1, 1],
          [0, 0],
          [0, 0],
        ],
      }),
    ).latencyMs,
    1,
  )
})
