import test from 'ava'
import { ColumnCells } from '../../evaluators/tabular/column-cells.ts'
import { addToIndex, emptyIndex, findInIndex } from '../../evaluators/tabular/genome-index.ts'
import { randomStream } from '../../lib/random.ts'

test('genomes are found by what they hold, equal ones at the first of them, as a map of texts has it', (t) => {
  const random = randomStream(4)
  const [count, genes] = [5000, 3]
  const index = emptyIndex(count, genes)
  const known = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const genome = Array.from({ length: genes }, () => random.int(14) * (random.chance(0.1) ? 4681 : 1))
    index.genomes.set(genome, i * genes)
    const key = genome.join()
    if (!known.has(key)) known.set(key, i)
    t.is(addToIndex(index, i), known.get(key)!)
  }
  t.true(known.size < count, 'some are equal')
  for (let a = 0; a < 14; a++) {
    for (let b = 0; b < 14; b++) t.is(findInIndex(index, [a, b, 3]), known.get([a, b, 3].join()) ?? -1)
  }
  t.is(findInIndex(emptyIndex(0, 2), [0, 0]), -1)
})

test('an index that is full finds all its genomes and ends where there is none', (t) => {
  const count = 1000
  const index = emptyIndex(count, 1)
  for (let i = 0; i < count; i++) {
    index.genomes[i] = i
    t.is(addToIndex(index, i), i)
  }
  t.true(index.slots.length > count)
  for (let i = 0; i < count; i++) t.is(findInIndex(index, [i]), i)
  t.is(findInIndex(index, [count]), -1)
})

test('cells are what was pushed, whether few texts or many', (t) => {
  for (const texts of [3, 2000, 2001, 6000]) {
    const column = new ColumnCells()
    const cells = Array.from({ length: 7000 }, (_, i) => `cell ${(i * 7) % texts}`)
    for (const cell of cells) column.push(cell)
    t.deepEqual(column.cells(), cells)
    const coded = column.coded()
    t.is(coded === undefined, texts > 2000)
    if (coded !== undefined)
      t.deepEqual(
        Array.from(coded.codes, (code) => coded.texts[code]!),
        cells,
      )
  }
})
