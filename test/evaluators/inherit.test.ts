import test from 'ava'
import { alignLayers, inheritWeights } from '../../evaluators/training/inherit.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { type Layer, layersOf } from '../../evaluators/training/layers.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { weightSpecs } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'

const layer = (
  path: string,
  kind: string,
  shape: number[],
  role: 'kernel' | 'gamma' | 'movingMean' = 'kernel',
): Layer => ({
  path,
  kind,
  shape: [8, 8, shape[0]!],
  weights: [{ role, shape }],
})

/** Numbers that say where they stood: 1, 2, 3 … */
const counted = (length: number) => Float32Array.from({ length }, (_, i) => i + 1)

test('leading channels are taken from a parent, the rest stays fresh', (t) => {
  const own = layer('a', 'conv2d', [3, 2, 1, 1])
  const fresh = new Map([['a/kernel', new Float32Array(6).fill(-1)]])
  const narrow = { layers: [layer('p', 'conv2d', [2, 3, 1, 1])], weights: new Map([['p/kernel', counted(6)]]) }
  t.deepEqual([...inheritWeights([own], fresh, narrow).get('a/kernel')!], [1, 2, 4, 5, -1, -1])
  t.deepEqual([...fresh.get('a/kernel')!], [-1, -1, -1, -1, -1, -1])
})

test('kernels of another size are cropped or padded with zeros about their centre', (t) => {
  const small = layer('s', 'depthwiseConv2d', [1, 1, 1, 3])
  const large = layer('l', 'depthwiseConv2d', [1, 1, 3, 5])
  const fresh = (path: string, length: number) => new Map([[`${path}/kernel`, new Float32Array(length).fill(-1)]])
  const grown = inheritWeights([large], fresh('l', 15), {
    layers: [small],
    weights: new Map([['s/kernel', counted(3)]]),
  })
  t.deepEqual([...grown.get('l/kernel')!], [0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0])
  const cut = inheritWeights([small], fresh('s', 3), { layers: [large], weights: new Map([['l/kernel', counted(15)]]) })
  t.deepEqual([...cut.get('s/kernel')!], [7, 8, 9])
})

test('vectors and dense kernels go with their channels; kinds are never mixed', (t) => {
  const own = [layer('n', 'batchNorm', [3], 'movingMean'), layer('d', 'dense', [2, 2])]
  const fresh = new Map([
    ['n/movingMean', new Float32Array(3)],
    ['d/kernel', new Float32Array(4).fill(-1)],
  ])
  const parent = {
    layers: [layer('q', 'batchNorm', [2], 'movingMean'), layer('c', 'conv2d', [2, 2, 1, 1])],
    weights: new Map([
      ['q/movingMean', counted(2)],
      ['c/kernel', counted(4)],
    ]),
  }
  const weights = inheritWeights(own, fresh, parent)
  t.deepEqual([...weights.get('n/movingMean')!], [1, 2, 0])
  t.deepEqual([...weights.get('d/kernel')!], [-1, -1, -1, -1])
})

/** A chain of separable blocks. */
function chain(blocks: readonly (readonly [width: number, stride: number])[]): NetworkGraph {
  const g = new GraphBuilder()
  let x = g.input([32, 32, 3])
  for (const [width, stride] of blocks) {
    x = g.activation(g.batchNorm(g.conv2d(x, width, { kernel: 1 })), 'relu')
    x = g.batchNorm(g.depthwiseConv2d(x, { kernel: 3, stride }))
  }
  return g.build(g.dense(g.globalAveragePool(x), 10))
}

test('a block that the parent lacks is left out of the pairs, the others meet their like', (t) => {
  const blocks = [
    [8, 2],
    [16, 2],
    [32, 2],
  ] as const
  const parent = layersOf(chain(blocks))
  const child = layersOf(chain([blocks[0], blocks[1], [16, 1], blocks[2]]))
  const pairs = alignLayers(child, parent)
  t.is(pairs.length, parent.length)
  for (const [own, theirs] of pairs) t.is(own.kind, theirs.kind)
  const widths = pairs
    .filter(([own]) => own.kind === 'depthwiseConv2d')
    .map(([own, theirs]) => [own.shape[2], theirs.shape[2]])
  t.deepEqual(widths.at(-1), [32, 32])
  t.deepEqual(
    alignLayers(parent, parent),
    parent.map((own) => [own, own]),
  )
})

for (const id of ['mobilenet', 'moe']) {
  test(`${id}: an equal network inherits everything, any other gets finite weights of its own shapes`, async (t) => {
    const task = { inputShape: [32, 32, 3], classCount: 10 }
    const space = await loadSpace(id)
    const operations = geneOperations(space.genes(task))
    const random = randomStream(3, 'inherit')
    for (let i = 0; i < 10; i++) {
      const [graph, parent] = [
        space.decode(operations.sample(random), task),
        space.decode(operations.sample(random), task),
      ]
      const [fresh, theirs] = [initialWeights(graph, random), initialWeights(parent, random)]
      const weights = inheritWeights(layersOf(graph), fresh, { layers: layersOf(parent), weights: theirs })
      t.deepEqual(
        [...weights].map(([name, { length }]) => [name, length]),
        [...fresh].map(([name, { length }]) => [name, length]),
      )
      t.notDeepEqual(weights, fresh)
      t.true([...weights.values()].every((values) => values.every(Number.isFinite)))
      const other = initialWeights(graph, random)
      t.deepEqual(inheritWeights(layersOf(graph), fresh, { layers: layersOf(graph), weights: other }), other)
      t.deepEqual(
        layersOf(graph).flatMap(({ path, weights: own }) => own.map(({ role }) => `${path}/${role}`)),
        weightSpecs(graph).map(({ name }) => name),
      )
    }
  })
}
