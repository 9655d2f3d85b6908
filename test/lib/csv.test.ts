import test from 'ava'
import { forEachCsvRecord } from '../../lib/csv.ts'

function read(text: string): { records: [number, ...string[]][]; closed: boolean } {
  const records: [number, ...string[]][] = []
  const closed = forEachCsvRecord(text, (fields, line) => void records.push([line, ...fields]))
  return { records, closed }
}

test('plain fields, empty ones, both line ends, empty lines, no last line end', (t) => {
  t.deepEqual(read('a,b\r\n1,\n\n,2').records, [
    [1, 'a', 'b'],
    [2, '1', ''],
    [4, '', '2'],
  ])
  t.deepEqual(read('').records, [])
  t.deepEqual(read('\uFEFFa,b\n').records, [[1, 'a', 'b']])
})

test('quoted fields hold commas, quotation marks and line ends, which count as lines', (t) => {
  t.deepEqual(read('"a,b","say ""x"""\n"two\nlines",1\r\nnext,2\n').records, [
    [1, 'a,b', 'say "x"'],
    [2, 'two\nlines', '1'],
    [4, 'next', '2'],
  ])
  t.deepEqual(read('x,"last"').records, [[1, 'x', 'last']])
})

test('a quotation mark that is never closed is told', (t) => {
  t.true(read('a\n"b"\n').closed)
  t.false(read('a\n"b\nc\n').closed)
})
