import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { activeGenes, checkGenome, geneOperations } from '../../search/genes.ts'
import type { GeneDescription } from '../../spaces/genome.ts'

const GENES: readonly GeneDescription[] = [
  // Deliberately before the gene it depends on.
  { name: 'b.kernel', kind: 'ordinal', choices: [3, 5, 7], activeWhen: { gene: 'b.kind', choices: [1, 2] } },
  { name: 'b.kind', kind: 'categorical', choices: ['x', 'y', 'z'], activeWhen: { gene: 'b.depth', choices: [1, 2] } },
  { name: 'b.depth', kind: 'ordinal', choices: [0, 1, 2] },
  { name: 'a.width', kind: 'ordinal', choices: [8, 16, 24, 32, 40, 48] },
  { name: 'a.act', kind: 'categorical', choices: ['relu', 'relu6', 'hardSwish', 'none'] },
  { name: 'a.fixed', kind: 'categorical', choices: ['only'] },
]
const operations = geneOperations(GENES)
const active = activeGenes(GENES)
const key = (genome: readonly number[]) => genome.join()

test('samples cover the space evenly and inactive genes hold 0', (t) => {
  const random = randomStream(1, 'sample')
  const counts = GENES.map((gene) => new Array<number>(gene.choices.length).fill(0))
  const n = 6000
  for (let i = 0; i < n; i++) {
    const genome = operations.sample(random)
    const isActive = active(genome)
    t.deepEqual(isActive, [genome[2] !== 0 && genome[1] !== 0, genome[2] !== 0, true, true, true, true])
    genome.forEach((choice, gene) => {
      if (!isActive[gene]) t.is(choice, 0)
      counts[gene]![choice]!++
    })
  }
  for (const count of counts[3]!) t.true(Math.abs(count - n / 6) < 5 * Math.sqrt(n / 6), 'width is uniform')
  for (const count of counts[4]!) t.true(Math.abs(count - n / 4) < 5 * Math.sqrt(n / 4), 'activation is uniform')
})

test('mutation changes an active gene, leaves its input alone and stays in the space', (t) => {
  const random = randomStream(2, 'mutate')
  for (let i = 0; i < 2000; i++) {
    const genome = Object.freeze(operations.sample(random))
    const before = key(genome)
    const mutant = operations.mutate(genome, random)
    t.is(key(genome), before)
    t.not(key(mutant), before)
    t.deepEqual(checkGenome(GENES, [...mutant]), mutant, 'valid, and inactive genes hold 0')
  }
})

test('mutation selects one or two genes on average; ordinal genes mostly move by one step', (t) => {
  const genes: GeneDescription[] = Array.from({ length: 12 }, (_, i) => ({
    name: `g${i}`,
    kind: i < 6 ? 'ordinal' : 'categorical',
    choices: [0, 1, 2, 3, 4, 5, 6],
  }))
  const wide = geneOperations(genes)
  const random = randomStream(3, 'steps')
  const genome = new Array<number>(12).fill(3)
  let changes = 0
  let ordinalChanges = 0
  let steps = 0
  for (let i = 0; i < 4000; i++) {
    wide.mutate(genome, random).forEach((choice, gene) => {
      if (choice === 3) return
      changes++
      if (gene >= 6) return
      ordinalChanges++
      if (Math.abs(choice - 3) === 1) steps++
    })
  }
  // A share of (1 − 1.5/12)^12 of the mutations selects none and is given one gene.
  t.true(Math.abs(changes / 4000 - (1.5 + (1 - 1.5 / 12) ** 12)) < 0.1)
  // Four fifths by intent, and a third of the rest by chance.
  t.true(Math.abs(steps / ordinalChanges - (0.8 + 0.2 / 3)) < 0.03)
})

test('where nothing can change, mutation returns a copy', (t) => {
  const single = geneOperations([{ name: 'only', kind: 'ordinal', choices: [1] }])
  const genome = [0]
  const mutant = single.mutate(genome, randomStream(4))
  t.deepEqual(mutant, [0])
  t.not(mutant, genome)
  t.deepEqual(geneOperations([]).mutate([], randomStream(4)), [])
})

test('a child has each gene from a parent that has it active', (t) => {
  const random = randomStream(5, 'crossover')
  let mixed = 0
  for (let i = 0; i < 2000; i++) {
    const [a, b] = [operations.sample(random), operations.sample(random)]
    const [activeA, activeB] = [active(a), active(b)]
    const child = operations.crossover(a, b, random)
    t.deepEqual(checkGenome(GENES, [...child]), child)
    active(child).forEach((isActive, gene) => {
      if (!isActive) return
      const fromA = activeA[gene] && child[gene] === a[gene]
      const fromB = activeB[gene] && child[gene] === b[gene]
      t.true(fromA || fromB || (!activeA[gene] && !activeB[gene]))
    })
    if (key(child) !== key(a) && key(child) !== key(b)) mixed++
  }
  t.true(mixed > 500)
})

test('genes of a group stay together more often than chance', (t) => {
  const genes: GeneDescription[] = ['s.a', 's.b', 's.c', 's.d'].map((name) => ({
    name,
    kind: 'categorical',
    choices: [0, 1],
  }))
  const grouped = geneOperations(genes)
  const random = randomStream(6, 'groups')
  let whole = 0
  for (let i = 0; i < 4000; i++) {
    const sum = grouped.crossover([0, 0, 0, 0], [1, 1, 1, 1], random).reduce((total, choice) => total + choice, 0)
    if (sum === 0 || sum === 4) whole++
  }
  // Half of the time by intent, and one time in eight of the rest by chance.
  t.true(Math.abs(whole / 4000 - (0.5 + 0.5 / 8)) < 0.04)
})

test('genomes from outside are parsed', (t) => {
  t.deepEqual(checkGenome(GENES, [2, 2, 0, 5, 3, 0]), [0, 0, 0, 5, 3, 0], 'inactive genes become 0')
  t.deepEqual(checkGenome(GENES, [2, 0, 1, 5, 3, 0]), [0, 0, 1, 5, 3, 0], 'conditions chain')
  const refuse = (value: unknown, message: RegExp) =>
    t.throws(() => checkGenome(GENES, value), { name: 'UserError', message })
  refuse('x', /array of 6 choice indices.*not string/)
  refuse([0, 0], /not an array of 2/)
  refuse([0, 0, 0, 6, 0, 0], /'a.width'.*holds 6.*0 to 5/)
  refuse([0, 0, 0, -1, 0, 0], /'a.width'/)
  refuse([0, 0, 0, 1.5, 0, 0], /'a.width'/)
  refuse([0, 0, 0, '1', 0, 0], /'a.width'/)
})

test('impossible genes are refused', (t) => {
  const refuse = (genes: GeneDescription[], message: RegExp) =>
    t.throws(() => geneOperations(genes), { name: 'UserError', message })
  const gene = (name: string, on?: string): GeneDescription => ({
    name,
    kind: 'ordinal',
    choices: [0, 1],
    ...(on === undefined ? {} : { activeWhen: { gene: on, choices: [1] } }),
  })
  refuse([gene('a'), gene('a')], /two genes are called 'a'/)
  refuse([{ name: 'a', kind: 'ordinal', choices: [] }], /'a' has no choices/)
  refuse([gene('a', 'b')], /depends on 'b': there is no gene/)
  refuse([gene('a', 'b'), gene('b', 'a'), gene('c')], /genes 'a', 'b' form a circle/)
  refuse([gene('a', 'a')], /circle/)
})
