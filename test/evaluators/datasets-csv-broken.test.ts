import path from 'node:path'
import test from 'ava'
import { refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

const LINES = ['x,y,label', ...Array.from({ length: 20 }, (_, i) => `${i},${i / 2},${i % 2}`)]

/** The file with its line 7 replaced. */
const with7 = (line: string): string => LINES.with(6, line).join('\n')

for (const [what, content, pattern] of [
  ['a blank', with7('1,,0'), /a\.csv' has nothing in line 7, column 'y': fill it with a number, or remove the line/],
  ['NaN', with7('1,NaN,0'), /has 'NaN' in line 7, column 'y': fill it/],
  ['a question mark', with7('1,?,0'), /has '\?' in line 7, column 'y': fill it/],
  ['infinity', with7('1,Infinity,0'), /has 'Infinity' in line 7, column 'y': features are finite numbers/],
  ['too large a number', with7('1,1e39,0'), /has '1e39' in line 7, column 'y': features are finite/],
  ['a word', with7('1,warm,0'), /has 'warm' in line 7, column 'y': .*"ignore": "y" in csv\.json leaves the column out/],
  ['no label', with7('1,2,'), /has no label in line 7, column 'label'/],
  [
    'a fraction as label',
    with7('1,2,0.5'),
    /has the label '0\.5' in line 7, column 'label': labels are words or whole/,
  ],
  ['a field too many', with7('1,2,3,0'), /has 4 fields in line 7: 3 are expected/],
  ['a field too few', with7('1'), /has 1 field in line 7: 3 are expected/],
  ['an open quotation', with7('"1,2,0'), /ends within a quoted field: close the quotation mark/],
  ['one class', 'x,label\n1,a\n2,a\n3,a', /has 1 class: 2 to 1000 can be told apart/],
  ['only a header', 'x,label\n', /has a header and no line of data/],
  ['one column', 'label\n1\n2', /has lines of one field: fields with commas, semicolons or tabs/],
  ['no features', 'time,label\n1,a\n2,b', /has no column of features beside time, label/],
  ['two labels', 'x,class,target\n1,a,b\n2,b,c', /has the columns 'class' and 'target': say which is the label/],
  ['nothing', '', /is empty/],
  ['bytes', 'a,b\n\u0000\u0001', /holds bytes that are no text: CSV is expected/],
  ['too few rows', 'x,label\n1,a\n2,b', /has too few samples for a \w+ part/],
] as const) {
  test(`${what} is refused in one sentence`, async (t) => {
    const folder = temporaryFolder(t)
    writeFiles(folder, { 'a.csv': content })
    await refuses(t, path.join(folder, 'a.csv'), pattern)
  })
}

test('UTF-16 is named, too many labels are', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'wide.csv': Buffer.from('\uFEFFx,label\n1,a', 'utf16le'),
    'values.csv': ['x,y', ...Array.from({ length: 1100 }, (_, i) => `0,${i}`)].join('\n'),
  })
  await refuses(t, path.join(folder, 'wide.csv'), /is in UTF-16: save it as UTF-8/)
  await refuses(
    t,
    path.join(folder, 'values.csv'),
    /has more than 1000 different values in column 'y', up to line 1002/,
  )
})

test('files that do not fit together', async (t) => {
  const folder = temporaryFolder(t)
  const lines = LINES.join('\n')
  writeFiles(folder, {
    'names/train.csv': lines,
    'names/other.csv': lines,
    'columns/train.csv': lines,
    'columns/test.csv': lines.replace('x,y', 'y,x'),
    'header/train.csv': lines,
    'header/test.csv': LINES.slice(1).join('\n'),
    'labels/train.csv': lines,
    'labels/test.csv': with7('1,2,5'),
    'test/test.csv': lines,
    'mixed/a.csv': lines,
    'mixed/walk/a.csv': lines,
    'mixed/run/a.csv': lines,
    'one/data/a.csv': lines,
  })
  const at = (name: string): string => path.join(folder, name)
  await refuses(t, at('names'), /other\.csv' is of no part, as others in its folder are/)
  await refuses(
    t,
    at('columns'),
    /test\.csv' has the columns y, x, label: they must be those of '.*train\.csv': x, y, label/,
  )
  await refuses(t, at('header'), /test\.csv' has no header/)
  await refuses(t, at('labels'), /test\.csv' has the class '5' in line 7: no training sample has it/)
  await refuses(t, at('test'), /holds no training file/)
  await refuses(t, at('mixed'), /holds CSV files such as 'a\.csv' beside folders of them/)
  await refuses(t, at('one'), /holds one folder of CSV files, 'data': name that folder, or add classes/)
})

for (const [what, content, pattern] of [
  ['an unknown member', '{"windows": 3}', /holds no settings of CSV: unknown member 'windows'.*window/],
  ['a list', '["a"]', /holds no settings of CSV: a JSON object with any of train, validation, test, label/],
  ['no JSON', '{a: 1}', /csv\.json' is no JSON \(.*\): write settings such as \{"window": 60\}/],
  ['a window of words', '{"window": "long"}', /has a window that is not right: a number of readings/],
  ['a step alone', '{"step": 3}', /has step but no window/],
  ['a shape and a window', '{"window": 4, "shape": [1, 2]}', /has window and shape/],
  [
    'a shape of another size',
    '{"shape": [3, 3]}',
    /has the shape 3 × 3, which are 9 values: its rows have 2 features: x, y/,
  ],
  ['a path out of the folder', '{"train": "../secret.csv"}', /names '\.\.\/secret\.csv', which lies elsewhere/],
  ['an absolute path', '{"train": "/etc/passwd"}', /names '\/etc\/passwd', which lies elsewhere/],
  ['test files alone', '{"test": "a.csv"}', /names files of a part but no training files/],
  ['a file twice', '{"train": "a.csv", "test": "./a.csv"}', /names '.*a\.csv' twice/],
  ['a missing file', '{"train": "b.csv"}', /b\.csv' does not exist: did you mean '.*a\.csv'\?/],
  ['an unknown column', '{"label": "lable"}', /has no column 'lable': unknown column 'lable'.*label/],
  [
    'a window that is too long',
    '{"window": 30}',
    /holds no 30 readings of one recording without a gap: .* the longest stretch has 20/,
  ],
  ['one recording', '{"window": 10, "step": 1}', /too few recordings or stretches of time/],
] as const) {
  test(`settings with ${what} are refused in one sentence`, async (t) => {
    const folder = temporaryFolder(t)
    writeFiles(folder, { 'a.csv': LINES.join('\n'), 'csv.json': content })
    await refuses(t, folder, pattern)
  })
}

test('windows beyond memory are refused before they are made', async (t) => {
  const folder = temporaryFolder(t)
  const lines = Array.from({ length: 80_000 }, (_, i) => `${i % 7},${i % 2}`)
  writeFiles(folder, { 'a.csv': lines.join('\n'), 'csv.json': '{"window": 40000, "step": 1}' })
  await refuses(t, folder, /gives 40001 samples of 40000 × 1 values, \d+ bytes: at most 10000000 samples/)
})

test('lines in no order of time are refused', async (t) => {
  const folder = temporaryFolder(t)
  const lines = Array.from({ length: 50 }, (_, i) => `${1000 - i},${i},${i % 2}`)
  writeFiles(folder, { 'a.csv': ['time,x,label', ...lines].join('\n') })
  await refuses(t, path.join(folder, 'a.csv'), /a\.csv' is not in the order of time: sort its lines, the oldest first/)
})

test('settings that name parts go with their folder', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'a.csv': LINES.join('\n'), 'csv.json': '{"train": "a.csv"}' })
  await refuses(t, path.join(folder, 'a.csv'), /names the files of the parts: give its folder to --data/)
})
