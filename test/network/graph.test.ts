import test from 'ava'
import { UserError } from '../../lib/errors.ts'
import { buildGraph, GraphBuilder, wiringOf } from '../../network/build.ts'
import { archId, countMacs, countParams, weightSpecs } from '../../network/measure.ts'
import { explicitPadding, featureShape, windowOutput } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'

/** 8×8×3 → conv 3×3/2 (4) → batch norm → relu → global pool → dense 5. */
function smallNetwork(filters = 4): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([8, 8, 3]), filters, { kernel: 3, stride: 2 })), 'relu')
  return g.build(g.dense(g.globalAveragePool(x), 5))
}

test('shapes, MACs and parameters of a small network are those counted by hand', (t) => {
  const graph = smallNetwork()
  t.deepEqual(
    graph.nodes.map((node) => node.shape),
    [[8, 8, 3], [4, 4, 4], [4, 4, 4], [4, 4, 4], [4], [5]],
  )
  // conv: 4·4 positions × 4 filters × 3·3·3; dense: 4 × 5.
  t.is(countMacs(graph), 16 * 4 * 27 + 20)
  // conv 108, gamma and beta 8, dense 20 + 5.
  t.is(countParams(graph), 108 + 8 + 25)
  t.deepEqual(
    weightSpecs(graph).map(({ name, shape }) => [name.split('/')[1], shape]),
    [
      ['kernel', [4, 3, 3, 3]],
      ['gamma', [4]],
      ['beta', [4]],
      ['movingMean', [4]],
      ['movingVariance', [4]],
      ['kernel', [5, 4]],
      ['bias', [5]],
    ],
  )
})

test('padding is that of TensorFlow: the odd zero goes after', (t) => {
  t.is(windowOutput(7, 3, 2, 'same'), 4)
  t.is(windowOutput(7, 3, 2, 'valid'), 3)
  const even = featureShape([8, 8, 1], 'x')
  t.deepEqual(explicitPadding(even, { kernel: [3, 3], stride: [2, 2], padding: 'same' }), {
    top: 0,
    bottom: 1,
    left: 0,
    right: 1,
  })
  t.deepEqual(explicitPadding(even, { kernel: [5, 3], stride: [1, 1], padding: 'same' }), {
    top: 2,
    bottom: 2,
    left: 1,
    right: 1,
  })
})

test('unreachable nodes are pruned', (t) => {
  const graph = buildGraph(
    [
      { id: 'in', op: { kind: 'input', shape: [4] }, inputs: [] },
      { id: 'lost', op: { kind: 'dense', units: 9, bias: true }, inputs: ['in'] },
      { id: 'out', op: { kind: 'dense', units: 2, bias: true }, inputs: ['in'] },
    ],
    'out',
  )
  t.deepEqual(
    graph.nodes.map((node) => node.id),
    ['in', 'out'],
  )
})

test('archId ignores names and order of writing but not structure', (t) => {
  const drafts = (a: string, b: string, units: number) =>
    buildGraph(
      [
        { id: a, op: { kind: 'input', shape: [4] }, inputs: [] },
        { id: b, op: { kind: 'dense', units, bias: true }, inputs: [a] },
      ],
      b,
    )
  t.is(archId(drafts('a', 'b', 3)), archId(drafts('x', 'y', 3)))
  t.not(archId(drafts('a', 'b', 3)), archId(drafts('a', 'b', 4)))
  t.is(archId(smallNetwork()), archId(JSON.parse(JSON.stringify(smallNetwork())) as NetworkGraph))
})

test('routed experts: MACs count those that run, parameters all of them', (t) => {
  const make = (experts: number, topK: number) => {
    const g = new GraphBuilder()
    const x = g.input([4, 4, 8])
    const gates = g.activation(g.dense(g.globalAveragePool(x), experts), 'softmax')
    const body = new GraphBuilder()
    const expert = body.build(body.conv2d(body.input([4, 4, 8]), 8, {}))
    return g.build(g.dense(g.globalAveragePool(g.routedExperts(x, gates, topK, expert)), 3))
  }
  const expertMacs = 16 * 64
  t.is(countMacs(make(4, 2)) - countMacs(make(4, 1)), expertMacs + 4 * 4 * 8)
  t.is(countMacs(make(8, 1)) - countMacs(make(4, 1)), 4 * 8)
  t.is(countParams(make(8, 1)) - countParams(make(4, 1)), 4 * 64 + 4 * 9)
  t.true(weightSpecs(make(2, 1)).some(({ name }) => name.endsWith('/1/conv2d_1/kernel')))
})

const wrong: readonly [string, RegExp, (g: GraphBuilder) => unknown][] = [
  ['adding different shapes', /add.*4×4×2 and 4×4×3/, (g) => g.add(g.input([4, 4, 2]), g.input([4, 4, 3]))],
  ['dense on a map', /dense.*needs a vector/, (g) => g.dense(g.input([4, 4, 2]), 3)],
  [
    'a window larger than the map',
    /nothing is left/,
    (g) => g.conv2d(g.input([2, 2, 1]), 1, { kernel: 3, padding: 'valid' }),
  ],
  ['no filters', /filters 0/, (g) => g.conv2d(g.input([4, 4, 1]), 0)],
  [
    'a multiply that does not fit',
    /multiplies 4×4×2 by 1×1×3/,
    (g) => g.multiply(g.input([4, 4, 2]), g.input([1, 1, 3])),
  ],
  [
    'a reshape that loses elements',
    /number of elements/,
    (g) => g.node({ kind: 'reshape', shape: [5] }, g.input([2, 2, 1])),
  ],
  [
    'joining maps of different size',
    /joins/,
    (g) => g.node({ kind: 'concat' }, g.input([4, 4, 2]), g.input([2, 2, 2])),
  ],
  ['an unknown input', /no node/, (g) => g.activation('nowhere', 'relu')],
]
for (const [what, message, build] of wrong) {
  test(`${what} is refused in one sentence that names the node`, (t) => {
    const error = t.throws(() => build(new GraphBuilder()), { instanceOf: UserError, message })
    t.false(error!.message.includes('\n'))
  })
}

test('more experts than gates, or a top-k beyond them, are refused', (t) => {
  const g = new GraphBuilder()
  const x = g.input([4])
  const body = new GraphBuilder()
  const expert = body.build(body.dense(body.input([4]), 4))
  const gates = g.activation(g.dense(x, 3), 'softmax')
  t.throws(() => g.routedExperts(x, gates, 4, expert), { message: /routes to 4 of 3/ })
  const other = new GraphBuilder()
  const misfit = other.build(other.dense(other.input([5]), 4))
  t.throws(() => g.routedExperts(x, gates, 1, misfit), { message: /feeds 4 to experts made for 5/ })
})

test('an activation of no known kind is refused by the builder, too', (t) => {
  const g = new GraphBuilder()
  const x = g.input([4, 4, 2])
  t.throws(() => g.activation(x, 'magic' as never), { instanceOf: UserError, message: /not known/ })
})

test('a built graph is plain data, and a copy of it is wired alike', (t) => {
  const g = new GraphBuilder()
  const x = g.activation(g.conv2d(g.input([4, 4, 2]), 2), 'relu')
  const graph = g.build(g.add(g.multiply(x, x), g.maxPool(x, { kernel: 3 })))
  t.deepEqual(Reflect.ownKeys(graph), ['nodes', 'output'])
  const { links, readers } = wiringOf(graph)
  t.deepEqual(links, [[], [0], [1], [2, 2], [2], [3, 4]])
  t.deepEqual(readers, [1, 1, 3, 1, 1, 0])
  t.deepEqual(wiringOf(structuredClone(graph)), { links, readers })
  t.deepEqual(wiringOf(buildGraph(graph.nodes, graph.output)), { links, readers })
  // What is added later is no part of the graph.
  g.add(x, x)
  t.deepEqual(wiringOf(graph), { links, readers })
})

test('a graph from a file is checked: repeated ids, unknown kinds, forward references', (t) => {
  const input = { id: 'a', op: { kind: 'input' as const, shape: [4] }, inputs: [] }
  t.throws(() => buildGraph([input, input], 'a'), { message: /appears twice/ })
  t.throws(() => buildGraph([{ ...input, op: { kind: 'magic' } as never }], 'a'), { message: /not known/ })
  t.throws(() => buildGraph([{ id: 'b', op: { kind: 'relu' }, inputs: ['a'] }, input], 'b'), {
    message: /no earlier node/,
  })
  t.throws(() => buildGraph([{ id: 'b', op: { kind: 'relu' }, inputs: [] }], 'b'), { message: /0 inputs; it needs 1/ })
  t.throws(() => buildGraph([input], 'z'), { message: /'z' is no node/ })
})
