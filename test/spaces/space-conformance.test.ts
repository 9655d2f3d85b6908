import { readdirSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { randomStream } from '../../lib/random.ts'
import { archId, countMacs, countParams } from '../../network/measure.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkNode } from '../../network/types.ts'
import { checkGenome, geneOperations } from '../../search/genes.ts'
import { listSpaces, loadSpace } from '../../spaces/discover.ts'
import type { Task } from '../../spaces/space.ts'

const TASKS: readonly Task[] = [
  { inputShape: [16, 16, 1], classCount: 10 },
  { inputShape: [28, 28, 1], classCount: 10 },
  { inputShape: [32, 32, 3], classCount: 100 },
  { inputShape: [49, 10, 1], classCount: 12 },
  { inputShape: [96, 96, 3], classCount: 2 },
  { inputShape: [5, 7, 2], classCount: 2 },
  { inputShape: [224, 160, 3], classCount: 1000 },
  { inputShape: [60, 1, 5], classCount: 4 },
]
/** Series along either axis, and rows of features. */
const FLAT_TASKS: readonly Task[] = [
  { inputShape: [125, 1, 3], classCount: 4 },
  { inputShape: [1, 500, 6], classCount: 6 },
  { inputShape: [3, 1, 1], classCount: 2 },
  { inputShape: [2000, 1, 2], classCount: 2 },
  { inputShape: [1, 1, 64], classCount: 10 },
]
const SAMPLES = 1000

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples')
/** Every built-in space, and the examples of spaces of one's own. */
const SPACES = [
  ...listSpaces().map(({ id }) => ({ id, name: id })),
  ...readdirSync(EXAMPLES)
    .filter((file) => /\.space\.(ts|yaml)$/.test(file))
    .map((file) => ({ id: file.split('.')[0]!, name: path.join(EXAMPLES, file) })),
]

const bodyOf = ({ op }: NetworkNode): readonly NetworkNode[] => (op.kind === 'routedExperts' ? op.body.nodes : [])

test('there are spaces', (t) => {
  t.deepEqual(
    listSpaces().map(({ id }) => id),
    ['mobilenet', 'moe'],
  )
  t.deepEqual(
    SPACES.map(({ id }) => id),
    ['mobilenet', 'moe', 'keywords', 'residual'],
  )
})

for (const { id, name } of SPACES) {
  test(`${id}: the file name is its id and it says what it is`, async (t) => {
    const space = await loadSpace(name)
    t.is(space.id, id)
    t.true(space.title.length > 10 && space.description.length > 50)
  })

  for (const task of TASKS) {
    test(`${id} on ${task.inputShape.join('×')}: random genomes decode to valid graphs ending in the classes`, async (t) => {
      const space = await loadSpace(name)
      const operations = geneOperations(space.genes(task))
      const random = randomStream(7, 'conformance', id)
      const ids = new Set<string>()
      const count = Math.ceil(SAMPLES / TASKS.length)
      for (let i = 0; i < count; i++) {
        const genome = operations.sample(random)
        const graph = space.decode(genome, task)
        t.deepEqual(graph.nodes.at(-1)!.shape, [task.classCount])
        t.true(countMacs(graph) > 0 && countParams(graph) > 0)
        ids.add(archId(graph))
        if (i % 20 === 0) t.deepEqual(scheduleOf(graph), scheduleOf(structuredClone(graph)))
        const again = space.decode(checkGenome(operations.genes, JSON.parse(JSON.stringify(genome))), task)
        t.is(archId(again), archId(graph))
      }
      t.true(ids.size > 0.95 * count, `${ids.size} different networks of ${count}`)
    })
  }

  if (id !== 'residual') {
    for (const task of FLAT_TASKS) {
      test(`${id} on ${task.inputShape.join('×')}: no kernel or stride along an axis of one position`, async (t) => {
        const space = await loadSpace(name)
        const operations = geneOperations(space.genes(task))
        const random = randomStream(8, 'flat', id)
        const ids = new Set<string>()
        for (let i = 0; i < 50; i++) {
          const graph = space.decode(operations.sample(random), task)
          ids.add(archId(graph))
          for (const { op } of graph.nodes.flatMap((node) => [node, ...bodyOf(node)])) {
            if (!('kernel' in op)) continue
            for (const axis of [0, 1]) {
              if (task.inputShape[axis] === 1) t.deepEqual([op.kernel[axis], op.stride[axis]], [1, 1])
            }
          }
        }
        t.true(ids.size > 40, `${ids.size} different networks of 50`)
      })
    }
  }

  test(`${id}: same seed, same genomes; mutation and crossover leave their inputs alone and stay in the space`, async (t) => {
    const space = await loadSpace(name)
    const task = TASKS[2]!
    const operations = geneOperations(space.genes(task))
    const walk = () => {
      const random = randomStream(3, 'walk')
      let a = operations.sample(random)
      let b = operations.sample(random)
      const seen = []
      for (let i = 0; i < 200; i++) {
        const before = canonicalJson([a, b])
        const mutant = operations.mutate(a, random)
        const child = operations.crossover(a, b, random)
        t.is(canonicalJson([a, b]), before)
        t.notDeepEqual(mutant, a)
        t.is(space.decode(child, task).nodes.at(-1)!.shape[0], task.classCount)
        seen.push(mutant, child)
        a = mutant
        b = child
      }
      return seen
    }
    t.deepEqual(walk(), walk())
  })

  test(`${id}: genes are described fully`, async (t) => {
    const space = await loadSpace(name)
    for (const task of TASKS) {
      const genes = space.genes(task)
      t.is(new Set(genes.map(({ name }) => name)).size, genes.length)
      genes.forEach((gene, i) => {
        t.true(gene.choices.length >= 1)
        if (gene.activeWhen === undefined) return
        const other = genes.findIndex(({ name }) => name === gene.activeWhen!.gene)
        t.true(other >= 0 && other < i, `${gene.name} depends on an earlier gene`)
        t.true(gene.activeWhen.choices.every((choice) => choice < genes[other]!.choices.length))
      })
    }
  })
}

test('every gene of a space changes the network', async (t) => {
  for (const { name } of SPACES) {
    const space = await loadSpace(name)
    const task = TASKS[2]!
    const genes = space.genes(task)
    const operations = geneOperations(genes)
    const random = randomStream(11, 'effect')
    const unchanged = new Set(genes.filter(({ choices }) => choices.length > 1).map(({ name }) => name))
    for (let i = 0; i < 300 && unchanged.size > 0; i++) {
      const genome = operations.sample(random)
      genes.forEach((gene, g) => {
        if (!unchanged.has(gene.name)) return
        const other = genome.map((choice, index) => (index === g ? (choice + 1) % gene.choices.length : choice))
        if (archId(space.decode(other, task)) !== archId(space.decode(genome, task))) unchanged.delete(gene.name)
      })
    }
    t.deepEqual([...unchanged], [])
  }
})
