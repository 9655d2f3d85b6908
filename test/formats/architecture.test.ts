import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { importArchitecture } from '../../formats/architecture/read-architecture.ts'
import { readModel } from '../../formats/read-model.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'

const textOf = (graph: unknown, id?: string): string =>
  canonicalJson({
    format: 'frugal-architecture/1',
    ...(id === undefined ? {} : { archId: id }),
    space: {},
    genome: [],
    graph,
  })

function small(): NetworkGraph {
  const g = new GraphBuilder()
  return g.build(g.dense(g.globalAveragePool(g.conv2d(g.input([8, 8, 3]), 4, { kernel: 3 })), 5))
}

test('networks of every space come back as they were', async (t) => {
  for (const id of ['mobilenet', 'moe']) {
    const space = await loadSpace(id)
    const task = { inputShape: [32, 32, 3], classCount: 10 }
    const genes = geneOperations(space.genes(task))
    const random = randomStream(5, id)
    for (let i = 0; i < 5; i++) {
      const graph = space.decode(genes.sample(random), task)
      t.deepEqual(importArchitecture(textOf(graph, archId(graph))).graph, JSON.parse(JSON.stringify(graph)))
    }
  }
})

test('kinds that only model files hold come back too', (t) => {
  const g = new GraphBuilder()
  const padded = g.node(
    {
      kind: 'pad',
      amounts: [
        [0, 1],
        [1, 0],
        [0, 0],
      ],
    },
    g.input([4, 4, 2]),
  )
  const split = g.node({ kind: 'split', axis: 2, sizes: [1, 1] }, padded)
  const part = g.node({ kind: 'view', offset: 25, shape: [5, 5, 1] }, split)
  const scaled = g.node({ kind: 'elementwise', operation: 'multiply' }, part, g.node({ kind: 'constant', shape: [1] }))
  const graph = g.build(g.node({ kind: 'tuple' }, scaled, g.node({ kind: 'unary', function: 'tanh' }, scaled)))
  t.deepEqual(importArchitecture(textOf(graph, archId(graph))).graph, JSON.parse(JSON.stringify(graph)))
})

test('shapes in the file are not believed', (t) => {
  const graph = small()
  const lying = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, shape: [1] })) }
  t.deepEqual(importArchitecture(textOf(lying)).graph, JSON.parse(JSON.stringify(graph)))
})

type Change = (graph: { nodes: Record<string, unknown>[]; output: string }) => unknown
const changed = (change: Change): (() => unknown) => {
  const graph = JSON.parse(JSON.stringify(small()))
  return () => importArchitecture(textOf(change(graph) ?? graph, archId(small())))
}
const setOp =
  (at: number, op: object): Change =>
  (graph) => {
    graph.nodes[at]!['op'] = { ...(graph.nodes[at]!['op'] as object), ...op }
  }
/** Experts inside experts, each level a thousand. */
function nested(depth: number): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.input([4])
  if (depth === 0) return g.build(g.dense(x, 4))
  return g.build(g.routedExperts(x, g.activation(g.dense(x, 1000), 'softmax'), 1, nested(depth - 1)))
}

/** All of fifty experts with five hundred nodes each. */
function running(): NetworkGraph {
  const body = new GraphBuilder()
  let y = body.input([4])
  for (let i = 0; i < 500; i++) y = body.activation(y, 'sigmoid')
  const g = new GraphBuilder()
  const x = g.input([4])
  return g.build(g.routedExperts(x, g.activation(g.dense(x, 50), 'softmax'), 50, body.build(y)))
}

const refused: readonly (readonly [string, RegExp, () => unknown])[] = [
  ['no JSON', /is not JSON/, () => importArchitecture('{"format":')],
  ['another format', /the file\.format is wrong/, () => importArchitecture('{"format":"frugal-card/1"}')],
  ['no graph', /graph is wrong/, () => importArchitecture(textOf(null))],
  ['a network changed by hand', /it was changed by hand/, changed(setOp(1, { filters: 8 }))],
  ['an unknown kind', /of kind 'magic', which is not known/, changed(setOp(1, { kind: 'magic' }))],
  ['a kind of the language', /of kind 'toString', which is not known/, changed(setOp(1, { kind: 'toString' }))],
  ['a fraction of a filter', /node 'conv2d_1'\.filters is wrong/, changed(setOp(1, { filters: 1.5 }))],
  ['a member too many', /node 'conv2d_1' is wrong/, changed(setOp(1, { colour: 'red' }))],
  ['no filters', /filters 0/, changed(setOp(1, { filters: 0 }))],
  ['an absurd window', /is wrong|kernel size/, changed(setOp(1, { kernel: [1e12, 1] }))],
  [
    'a link to nowhere',
    /reads 'lost', which no earlier node gives/,
    changed((graph) => {
      graph.nodes[1]!['inputs'] = ['lost']
    }),
  ],
  ['no nodes', /'dense_3' is no node/, changed((graph) => ({ ...graph, nodes: [] }))],
  ['too many experts', /experts have .* nodes in all/, () => importArchitecture(textOf(nested(2)))],
  ['too many at a time', /runs 25054 nodes for one sample/, () => importArchitecture(textOf(running()))],
]
for (const [what, message, run] of refused) {
  test(`${what} is refused in one sentence`, (t) => {
    const error = t.throws(run, { instanceOf: UserError, message })
    t.false(error!.message.includes('\n'))
  })
}

test('files are told apart by their names, and messages name the file without control characters', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-formats-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, content: string): string => {
    writeFileSync(path.join(folder, name), content)
    return path.join(folder, name)
  }
  t.is(readModel(file('a.json', textOf(small()))).format, 'architecture')
  t.throws(() => readModel(file('a.pt', '')), {
    instanceOf: UserError,
    message: /a\.pt' ends in '\.pt'; frugal reads \.tflite, \.onnx, \.json/,
  })
  t.throws(() => readModel(path.join(folder, 'none.onnx')), {
    instanceOf: UserError,
    message: /none\.onnx' cannot be read/,
  })
  t.throws(() => readModel(file('b.tflite', 'x')), {
    instanceOf: UserError,
    message: /^model '.*b\.tflite': .*damaged/,
  })
  const hostile = textOf({ nodes: [{ id: 'a\u001b[2J\nb', op: { kind: 'magic' }, inputs: [] }], output: 'a' })
  const error = t.throws(() => readModel(file('c.json', hostile)), { instanceOf: UserError })
  t.regex(error!.message, /node 'a\?\[2J\?b' is of kind/)
})
