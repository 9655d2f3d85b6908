import test from 'ava'
import { renderFrontTable } from '../../cli/render/front-table.ts'
import { renderScatter } from '../../cli/render/scatter.ts'
import { renderTable } from '../../cli/render/table.ts'
import { cut, paint, shownText, type Terminal, terminalOf } from '../../cli/render/terminal.ts'
import { textWidth } from '../../cli/render/width.ts'
import { randomStream } from '../../lib/random.ts'
import { frontWith, point } from '../results/front-fixtures.ts'

const PLAIN: Terminal = { interactive: false, unicode: false, colour: false, columns: 80 }
const RICH: Terminal = { interactive: true, unicode: true, colour: false, columns: 80 }

const stream = (isTTY: boolean, columns?: number) => ({ write: () => true, isTTY, columns })

test('what a stream can show follows from TTY, locale, NO_COLOR, TERM and COLUMNS', (t) => {
  const utf8 = { LANG: 'en_GB.UTF-8', TERM: 'xterm' }
  t.deepEqual(terminalOf(stream(true, 120), utf8, 'linux'), {
    interactive: true,
    unicode: true,
    colour: true,
    columns: 120,
  })
  t.deepEqual(terminalOf(stream(false), utf8, 'linux'), {
    interactive: false,
    unicode: false,
    colour: false,
    columns: 80,
  })
  t.false(terminalOf(stream(true), { ...utf8, NO_COLOR: '1' }, 'linux').colour)
  t.true(terminalOf(stream(true), { ...utf8, NO_COLOR: '' }, 'linux').colour)
  t.false(terminalOf(stream(true), { ...utf8, TERM: 'dumb' }, 'linux').interactive)
  t.false(terminalOf(stream(true), { ...utf8, LC_ALL: 'C' }, 'linux').unicode)
  t.is(terminalOf(stream(false), { COLUMNS: '132' }, 'linux').columns, 132)
  t.is(terminalOf(stream(true, 0), { COLUMNS: 'wide' }, 'linux').columns, 80)
})

test('text is made safe, cut and coloured for the terminal', (t) => {
  t.is(shownText('a\x1b[2Jb\n', RICH), 'a?[2Jb?')
  t.is(shownText('µs → é', PLAIN), 'us ? ?')
  t.is(cut('abcdef', 6, RICH), 'abcdef')
  t.is(cut('abcdef', 4, RICH), 'abc…')
  t.is(cut('abcdef', 4, PLAIN), 'abc~')
  t.is(cut('abcdef', 0, PLAIN), '')
  t.is(paint('x', 'red', PLAIN), 'x')
  t.is(paint('x', 'red', { colour: true }), '\x1b[31mx\x1b[39m')
})

test('characters of East Asia and emoji take two columns, marks over others none', (t) => {
  t.deepEqual(
    ['abc', '五目的', 'ﾃｽﾄ', 'Ａ１', '데이터', 'é', 'e\u0301', '🙂', '𠮷', '–…µ'].map(textWidth),
    [3, 6, 3, 4, 6, 1, 1, 2, 2, 3],
  )
  t.is(cut('五目的', 6, RICH), '五目的')
  t.is(cut('五目的', 5, RICH), '五目…')
  t.is(cut('五目的', 4, RICH), '五…', 'half a character does not fit')
  const columns = [
    { heading: 'name', align: 'left' as const },
    { heading: 'n', align: 'right' as const },
  ]
  const rows = [
    ['五目的', '1'],
    ['flowers', '2'],
  ]
  t.is(renderTable(columns, rows, RICH), 'name     n\n五目的   1\nflowers  2\n')
})

test('a table is aligned, then shrinks, then drops its last columns', (t) => {
  const columns = [
    { heading: 'n', align: 'right' as const },
    { heading: 'name', align: 'left' as const, shrinkTo: 4 },
    { heading: 'size', align: 'right' as const },
  ]
  const rows = [
    ['1', 'alphabet', '10'],
    ['22', 'b', '2000'],
  ]
  t.is(renderTable(columns, rows, PLAIN), ' n  name      size\n 1  alphabet    10\n22  b         2000\n')
  t.is(renderTable(columns, rows, { ...PLAIN, columns: 14 }), ' n  name  size\n 1  alp~    10\n22  b     2000\n')
  t.is(renderTable(columns, rows, { ...RICH, columns: 12 }), ' n  name …\n 1  alp…\n22  b\n')
})

test('the table of a front gives every figure with its unit', (t) => {
  const front = frontWith([
    point(7, { accuracy: 0.97345, latencyMs: 0.25, energyMj: 1.5, peakRamBytes: 51_200, flashBytes: 3_145_728 }),
  ])
  const [heading, row] = renderFrontTable(front, { ...RICH, columns: 120 }).split('\n')
  t.deepEqual(heading!.trim().split(/\s{2,}/), [
    'trial',
    'archId',
    'accuracy',
    'latency',
    'energy',
    'RAM',
    'flash',
    'MACs',
    'params',
  ])
  t.deepEqual(row!.trim().split(/\s{2,}/), [
    '7',
    'arch-7',
    '97.34 %',
    '250 µs',
    '1.5 mJ',
    '50 KB',
    '3 MB',
    '1.25 M',
    '40 k',
  ])
})

test('a scatter plot puts good points high and fast points left, joins the front and names the axes', (t) => {
  const front = frontWith([
    point(1, { latencyMs: 1, accuracy: 0.5 }),
    point(2, { latencyMs: 5, accuracy: 0.7 }),
    point(3, { latencyMs: 9, accuracy: 0.9 }),
    point(4, { latencyMs: 9.5, accuracy: 0.6 }),
  ])
  const text = renderScatter(front, 'latencyMs', 'accuracy', RICH)
  const lines = text.split('\n')
  const placesOf = (mark: string) =>
    lines.flatMap((line, row) =>
      row < 17 ? [...line.matchAll(new RegExp(mark, 'g'))].map(({ index }) => ({ row, column: index })) : [],
    )
  const corners = placesOf('●').sort((a, b) => a.column - b.column)
  t.is(corners.length, 3)
  t.true(corners[0]!.row > corners[1]!.row && corners[1]!.row > corners[2]!.row)
  t.is(placesOf('○').length, 1)
  t.is(lines[0], 'Accuracy (%)')
  t.true(text.includes('Latency (ms)') && text.includes('└') && text.includes('┘'))
  for (const trial of ['1', '2', '3', '4']) t.true(lines.slice(1, 17).some((line) => line.slice(5).includes(trial)))
  t.true(text.includes('best in another objective'))
})

test('no plot is wider than its terminal, and without Unicode all is ASCII', (t) => {
  const random = randomStream(4, 'plots')
  for (const columns of [24, 40, 80, 200]) {
    for (const count of [1, 3, 40]) {
      const points = Array.from({ length: count }, (_, trial) =>
        point(trial * 37, { latencyMs: 10 ** (4 * random.float() - 1), accuracy: random.float() }),
      )
      for (const terminal of [PLAIN, RICH]) {
        const shown = { ...terminal, columns }
        const text =
          renderScatter(frontWith(points), 'latencyMs', 'accuracy', shown) + renderFrontTable(frontWith(points), shown)
        for (const line of text.split('\n')) t.true([...line].length <= columns, `${columns}: ${line}`)
        if (!terminal.unicode) t.regex(text, /^[\n -~]*$/)
        t.notRegex(text, /NaN|undefined/)
      }
    }
  }
})

test('colours do not change what is drawn', (t) => {
  const front = frontWith([point(1, { accuracy: 0.5 }), point(2, { accuracy: 0.7 }), point(3, { accuracy: 0.6 })])
  const coloured = renderScatter(front, 'latencyMs', 'accuracy', { ...RICH, colour: true })
  t.true(coloured.includes('\x1b['))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
  t.is(coloured.replaceAll(/\x1b\[\d+m/g, ''), renderScatter(front, 'latencyMs', 'accuracy', RICH))
})

test('an empty front says so', (t) => {
  t.is(renderScatter(frontWith([]), 'latencyMs', 'accuracy', PLAIN), 'no network is within the limits of mcu yet\n')
})
