import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { readTable } from '../../evaluators/tabular/table.ts'
import { ANY_CHOICE, genomeLookup, tableSpace } from '../../evaluators/tabular/table-space.ts'

const LAYERS = ['depth', 'k2', 'w2', 'k3', 'w3', 'k1', 'se']

/** Every network of one to three layers, the second and third with a kernel and a width. */
function layered(filler: string): readonly (readonly string[])[] {
  const pairs = ['3', '5', '7'].flatMap((kernel) => ['8', '16', '32'].map((width) => [kernel, width]))
  const networks = [
    ['1', filler, filler, filler, filler],
    ...pairs.map((second) => ['2', ...second, filler, filler]),
    ...pairs.flatMap((second) => pairs.map((third) => ['3', ...second, ...third])),
  ]
  return ['3', '5', '7'].flatMap((k1) => ['no', 'yes'].flatMap((se) => networks.map((row) => [...row, k1, se])))
}

function spaceOf(
  t: ExecutionContext,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  digits = false,
) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-conditions-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'table.csv')
  const text = digits ? [['all'], ...rows.map((row) => [row.join('')])] : [columns, ...rows]
  writeFileSync(file, text.map((row) => `${row.join()}\n`).join(''))
  const names = digits ? ['all'] : columns
  const [plain, strings] = digits ? [[], names] : [names, []]
  return tableSpace(readTable(file, names), {
    columns: plain,
    digits: strings,
    ordinal: [],
    categorical: [],
    same: undefined,
    repeats: false,
  }).space
}

for (const filler of ['', '0', 'none']) {
  test(`layers that are not there, written as '${filler}', are conditional genes, whatever the order of the columns`, (t) => {
    const rows = layered(filler)
    for (const order of [
      [0, 1, 2, 3, 4, 5, 6],
      [6, 5, 4, 3, 2, 1, 0],
    ]) {
      const space = spaceOf(
        t,
        order.map((i) => LAYERS[i]!),
        rows.map((row) => order.map((i) => row[i]!)),
      )
      const byName = new Map(space.genes.map((gene) => [gene.name, gene]))
      t.deepEqual(byName.get('depth'), { name: 'depth', choices: [1, 2, 3], kind: 'ordinal' })
      const third = { gene: 'depth', choices: [2] }
      t.deepEqual(byName.get('k3'), { name: 'k3', choices: [3, 5, 7], kind: 'ordinal', activeWhen: third })
      t.deepEqual(byName.get('w3'), { name: 'w3', choices: [8, 16, 32], kind: 'ordinal', activeWhen: third })
      t.deepEqual(byName.get('w2')!.activeWhen, { gene: 'depth', choices: [1, 2] })
      t.false(space.genomes.includes(ANY_CHOICE))
      const find = genomeLookup(space)
      const genome = order.map((i) => [1, 2, 0, 0, 0, 1, 0][i]!)
      t.is(
        find(genome),
        rows.findIndex((row) => row.join() === ['2', '7', '8', filler, filler, '5', 'no'].join()),
      )
    }
  })
}

test('fillers in strings of digits are no choices of any place', (t) => {
  const few = layered('0').map(([depth, k2, , k3]) => [depth!, k2!, k3!])
  const short = spaceOf(t, [], [...new Map(few.map((row) => [row.join(''), row])).values()], true)
  t.is(short.genes.length, 3)
  t.is(short.genes[2]!.activeWhen, undefined, '13 rows are too few to tell a rule from chance')
  const many = ['1', '2', '3'].flatMap((first) =>
    ['4', '5', '6'].flatMap((second) =>
      first === '1'
        ? [[first, second, '0', '0']]
        : ['4', '5', '6'].flatMap((a) => ['4', '5', '6'].map((b) => [first, second, a, b])),
    ),
  )
  const long = spaceOf(
    t,
    [],
    many.flatMap((row) => ['7', '8', '9'].map((last) => [...row, last])),
    true,
  )
  t.deepEqual(
    long.genes.map(({ activeWhen }) => activeWhen?.gene),
    [undefined, undefined, 'all[0]', 'all[0]', undefined],
  )
  t.deepEqual(long.genes[2]!.choices, ['1', '2', '3', '4', '5', '6', '7', '8', '9'], 'places share the choices of any')
})

test('genes that have nothing to do with each other get no condition, nor do those that always go together', (t) => {
  const choices = ['a', 'b', 'c', 'd']
  const free = choices.flatMap((a) => choices.flatMap((b) => choices.map((c) => [a, b, c])))
  t.true(spaceOf(t, ['x', 'y', 'z'], free).genes.every(({ activeWhen }) => activeWhen === undefined))
  const together = free.map(([a, b]) => [a!, b!, a!]).slice(0, 64)
  const pairs = [...new Map(together.map((row) => [row.join(), row])).values()]
  t.true(spaceOf(t, ['x', 'y', 'z'], pairs).genes.every(({ activeWhen }) => activeWhen === undefined))
})

test('an empty cell that no other gene explains stands for any choice', (t) => {
  const rows = [
    ['1', ''],
    ['2', ''],
    ['3', 'a'],
    ['3', 'b'],
    ['1', 'b'],
  ]
  const space = spaceOf(t, ['x', 'y'], rows)
  t.is(space.genes[1]!.activeWhen, undefined)
  t.is(genomeLookup(space)([0, 0]), 0)
  t.is(genomeLookup(space)([0, 1]), 4)
})
