import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { errorsOf, numbersOf, readTable } from '../../evaluators/tabular/table.ts'
import { type GeneColumns, genomeLookup, tableSpace } from '../../evaluators/tabular/table-space.ts'

function tableFile(t: ExecutionContext, content: string | Uint8Array, name = 'table.csv'): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-table-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, name)
  writeFileSync(file, content)
  return file
}

const GENES: GeneColumns = {
  columns: [],
  digits: [],
  ordinal: [],
  categorical: [],
  same: undefined,
  repeats: false,
}

test('columns are read from plain and compressed files, whatever they are called', (t) => {
  const text = 'name, acc ,"cost, ms"\nx,0.5,1e1\n"y,z", 0.75 ,2\n'
  for (const content of [text, gzipSync(text)]) {
    const table = readTable(tableFile(t, content), ['acc', 'cost, ms', 'name'])
    t.is(table.rowCount, 2)
    t.deepEqual(table.cells('name'), ['x', 'y,z'])
    t.deepEqual([...numbersOf(table, 'cost, ms')], [10, 2])
    t.deepEqual([...errorsOf(table, 'acc')], [50, 25])
    t.is(table.line(1), 3)
  }
})

test('semicolons, tabs and bars may stand between columns, lines may end in CR, and texts may be UTF-16', (t) => {
  const text = 'name,acc,"a;b"\n"x\ty",0.5,2\n'
  const forms: (string | Uint8Array)[] = [';', '\t', '|'].map((separator) => text.replaceAll(',', separator))
  for (const content of [text, ...forms, text.replaceAll('\n', '\r'), Buffer.from(`\uFEFF${text}`, 'utf16le')]) {
    const table = readTable(tableFile(t, content), ['a;b', 'acc', 'name'])
    t.deepEqual(
      ['name', 'acc', 'a;b'].map((column) => table.cells(column)[0]!),
      ['x\ty', '0.5', '2'],
    )
  }
  t.deepEqual(readTable(tableFile(t, 'a;b,c\n1;2,3\n'), ['c']).cells('c'), ['3'], 'the columns that are wanted decide')
})

test('a text is UTF-8, UTF-16 either way round, or else Latin-1', (t) => {
  const text = '\uFEFFBréite,acc\n8,0.5\n'
  const contents = [
    text,
    Buffer.from(text, 'utf16le'),
    Buffer.from(text, 'utf16le').swap16(),
    Buffer.from(text.slice(1), 'latin1'),
  ]
  for (const content of contents) {
    for (const stored of [content, gzipSync(content)]) {
      t.deepEqual(readTable(tableFile(t, stored), ['Bréite', 'acc']).cells('Bréite'), ['8'])
    }
  }
  t.throws(() => readTable(tableFile(t, gzipSync('')), ['a']), { name: 'UserError', message: /has no rows/ })
})

test('values with zeros in front, and others than decimals, are names and not numbers', (t) => {
  const genes = (...values: string[]) => {
    const table = readTable(tableFile(t, `a,b\n${values.map((value, i) => `${value},${i}\n`).join('')}`), ['a', 'b'])
    return tableSpace(table, { ...GENES, columns: ['a', 'b'] }).space.genes[0]!
  }
  t.like(genes('0.25', '1', '.5', '1.0', '1e1'), { kind: 'ordinal', choices: [0.25, 0.5, 1, 10] })
  t.like(genes('00', '1', '01', '0', '10'), { kind: 'categorical', choices: ['0', '00', '01', '1', '10'] })
  t.like(genes('016', '008', '032'), { kind: 'categorical', choices: ['008', '016', '032'] })
  t.like(genes('0x10', '16', '1e3'), { kind: 'categorical', choices: ['0x10', '16', '1e3'] })
  const table = readTable(tableFile(t, 'a,b\n2,1\n010,2\n09,3\n'), ['a', 'b'])
  t.like(tableSpace(table, { ...GENES, columns: ['a'], ordinal: ['a'] }).space.genes[0], {
    kind: 'ordinal',
    choices: ['2', '09', '010'],
  })
})

test('accuracies are shares where none is above 1, else percents', (t) => {
  t.deepEqual([...errorsOf(readTable(tableFile(t, 'a\n0\n1\n'), ['a']), 'a')], [100, 0])
  t.deepEqual([...errorsOf(readTable(tableFile(t, 'a\n0.5\n90\n'), ['a']), 'a')], [99.5, 10])
  const shares = `a\n${'0.5\n'.repeat(18)}93.1\n0\n`
  t.throws(() => errorsOf(readTable(tableFile(t, shares), ['a']), 'a'), {
    name: 'UserError',
    message: /has 93.1 in column 'a' of line 20, and between 0 and 1 in most others: either percents or shares/,
  })
})

test('what is wrong with a table is one sentence that says where', (t) => {
  const read = (content: string | Uint8Array, ...columns: string[]) => {
    const table = readTable(tableFile(t, content), columns)
    for (const column of columns) errorsOf(table, column)
  }
  const wrong: readonly (readonly [RegExp, string | Uint8Array])[] = [
    [/lacks a column: unknown column 'acc': did you mean 'accu'\?/, 'accu,b\n1,2\n'],
    [/has two columns called 'acc'/, 'acc,acc\n1,2\n'],
    [/has 'fast' in column 'acc' of line 3: a number is expected/, 'acc\n1\nfast\n'],
    [/has nothing in column 'acc' of line 2: .*--lenient/, 'acc,b\n,1\n'],
    [/has 'Infinity' in column 'acc'/, 'acc\nInfinity\n'],
    [/has '76.2 %' in column 'acc' of line 2: a number is expected in every row alone: take its unit/, 'acc\n76.2 %\n'],
    [/has 101 in column 'acc' of line 3: accuracies are percents/, 'acc\n3\n101\n'],
    [/has -1 in column 'acc'/, 'acc\n-1\n'],
    [/has 1 fields in line 3: its heading names 2/, 'acc,b\n1,2\n3\n'],
    [/ends within a quoted field/, 'acc\n"1\n'],
    [/has no rows/, 'acc\n'],
    [
      /has no column 'acc' but only one in its first line: the first line must name the columns/,
      '# made by me\nacc,b\n1,2\n',
    ],
    [/has 'NaN' in column 'acc' of line 2: .*--lenient/, 'acc,b\nNaN,1\n'],
    [/has '0,5' in column 'acc' of line 2: .*with a point before the decimals/, 'acc;b\n0,5;1\n'],
    [/is no text/, 'x\0y,acc\n1,2\n'],
    [/is empty/, ''],
    [/is no intact gzip file/, gzipSync('acc\n1\n').subarray(0, 20)],
  ]
  for (const [message, content] of wrong) t.throws(() => read(content, 'acc'), { name: 'UserError', message })
  t.throws(() => readTable('./nowhere.csv', ['a']), { name: 'UserError', message: /does not exist/ })
  t.throws(() => readTable(os.tmpdir(), ['a']), { name: 'UserError', message: /is a folder/ })
  if (existsSync('/dev/zero')) t.throws(() => readTable('/dev/zero', ['a']), { message: /is no ordinary file/ })
})

test('a file that is larger than it may be is refused before it fills the memory', (t) => {
  const text = Buffer.alloc(1_000_000, 'a')
  const options = { mostBytes: 500_000 }
  t.throws(() => readTable(tableFile(t, gzipSync(text)), ['a'], options), {
    name: 'UserError',
    message: /is too large when decompressed: at most 500000 bytes/,
  })
  t.throws(() => readTable(tableFile(t, text), ['a'], options), { name: 'UserError', message: /has 1000000 bytes/ })
})

test('numeric columns are ordinal genes in order of size, others categorical, and both can be overruled', (t) => {
  const file = tableFile(t, 'k,w,op\n10,1,b\n9,0,a\n100,1,c\n')
  const columns = ['k', 'w', 'op']
  const { space } = tableSpace(readTable(file, columns), { ...GENES, columns })
  t.deepEqual(space.genes, [
    { name: 'k', choices: [9, 10, 100], kind: 'ordinal' },
    { name: 'w', choices: [0, 1], kind: 'categorical' },
    { name: 'op', choices: ['a', 'b', 'c'], kind: 'categorical' },
  ])
  const other = tableSpace(readTable(file, columns), { ...GENES, columns, ordinal: ['op'], categorical: ['k'] })
  t.deepEqual(
    other.space.genes.map(({ kind }) => kind),
    ['categorical', 'categorical', 'ordinal'],
  )
  const find = genomeLookup(space)
  t.is(find([1, 1, 1]), 0)
  t.is(find([2, 1, 2]), 2)
  t.is(find([2, 0, 2]), undefined, 'not in the table')
})

test('digits are one gene each, with the choices of them all', (t) => {
  const table = readTable(tableFile(t, 'ops,d\n010,1\n002,2\n'), ['ops', 'd'])
  const { space } = tableSpace(table, { ...GENES, digits: ['ops'], columns: ['d'] })
  t.deepEqual(
    space.genes.map(({ name }) => name),
    ['d', 'ops[0]', 'ops[1]', 'ops[2]'],
  )
  t.deepEqual(space.genes[1]!.choices, ['0', '1', '2'])
  t.is(genomeLookup(space)([1, 0, 0, 2]), 1)
  t.throws(() => tableSpace(readTable(tableFile(t, 'ops\n010\n2\n'), ['ops']), { ...GENES, digits: ['ops'] }), {
    message: /3 digits or letters are expected, one for each gene, as in line 2; were leading zeros lost\?/,
  })
  for (const bad of ['ops,d\n010,1\n02,2\n', 'ops,d\n0 1,1\n', 'ops,d\n,1\n']) {
    const wrong = readTable(tableFile(t, bad), ['ops'])
    t.throws(() => tableSpace(wrong, { ...GENES, digits: ['ops'] }), {
      name: 'UserError',
      message: /digits or letters/,
    })
  }
})

test('an empty gene cell stands for any choice: many genomes lead to one row, the more exact row first', (t) => {
  const table = readTable(tableFile(t, 'layers,second\n1,\n2,a\n2,b\n3,\n3,b\n'), ['layers', 'second'])
  const { space } = tableSpace(table, { ...GENES, columns: ['layers', 'second'] })
  const find = genomeLookup(space)
  t.deepEqual([find([0, 0]), find([0, 1])], [0, 0])
  t.deepEqual([find([1, 0]), find([1, 1])], [1, 2])
  t.deepEqual([find([2, 0]), find([2, 1])], [3, 4])
})

test('rows that agree in a column are one architecture, and its first row counts', (t) => {
  const table = readTable(tableFile(t, 'g,h,same\n1,1,x\n1,2,y\n2,1,x\n'), ['g', 'h', 'same'])
  const { space, measured } = tableSpace(table, { ...GENES, columns: ['g', 'h'], same: 'same' })
  t.deepEqual([...measured], [0, 1, -1])
  const find = genomeLookup(space)
  t.deepEqual([find([0, 0]), find([0, 1]), find([1, 0])], [0, 1, 0])
})

test('repeated genomes are refused, or are measurements of one architecture', (t) => {
  const table = readTable(tableFile(t, 'g,acc\n1,0.5\n2,0.6\n1,0.7\n'), ['g', 'acc'])
  t.throws(() => tableSpace(table, { ...GENES, columns: ['g'] }), {
    name: 'UserError',
    message: /has the same genes in lines 2 and 4: .*--lenient/,
  })
  t.deepEqual([...tableSpace(table, { ...GENES, columns: ['g'], repeats: true }).measured], [0, 1, 0])
  for (const repeats of [true, false]) {
    t.throws(() => tableSpace(table, { ...GENES, columns: ['g'], same: 'acc', repeats }), {
      name: 'UserError',
      message:
        /the same genes in lines 2 and 4 but not the same 'acc': --same names a column in which rows of one network/,
    })
  }
})

test('incomplete rows can be passed over', (t) => {
  const file = tableFile(t, 'g,acc,ms\n1,0.5,\n2,0.6,3\n')
  const table = readTable(file, ['g', 'acc', 'ms'], { complete: ['acc', 'ms'] })
  t.deepEqual(table.cells('g'), ['2'])
  t.is(table.line(0), 3)
  const words = tableFile(
    t,
    `g,acc\n${['NaN', 'nan', 'NA', 'None', '-', '0.5'].map((word, i) => `${i},${word}\n`).join('')}`,
  )
  t.deepEqual(readTable(words, ['g', 'acc'], { complete: ['acc'] }).cells('g'), ['5'])
  t.throws(() => readTable(tableFile(t, 'g,acc\n1,NaN\n'), ['g', 'acc'], { complete: ['acc'] }), {
    message: /has no rows with a figure in each of 'acc'/,
  })
})

test('a column with a value for every row is no gene', (t) => {
  const text = `id\n${Array.from({ length: 1001 }, (_, i) => i).join('\n')}\n`
  t.throws(() => tableSpace(readTable(tableFile(t, text), ['id']), { ...GENES, columns: ['id'] }), {
    name: 'UserError',
    message: /has 1001 different values in column 'id': a gene has 1 to 1000 choices/,
  })
})
