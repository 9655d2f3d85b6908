import { existsSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { load, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

/** Lines of a room's readings, one a minute, where every hour is of another class. */
function readings(count: number, header: string, line: (i: number) => string): string {
  return [header, ...Array.from({ length: count }, (_, i) => line(i))].join('\n')
}

const rows = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n')

const sample = (dataset: Dataset, i: number): readonly number[] => {
  const size = dataset.inputShape.reduce((product, length) => product * length, 1)
  return [...dataset.samples.subarray(i * size, (i + 1) * size)]
}

test('rows of features: a label by its name, words as classes, values as they are', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'a.csv': readings(30, 'x,label,y', (i) => `${i},${i % 2 ? 'yes' : 'no'},-0.${i}`) })
  const dataset = await load(path.join(folder, 'a.csv'))
  t.deepEqual([...dataset.inputShape], [1, 1, 2])
  t.deepEqual(dataset.classNames, ['no', 'yes'])
  t.deepEqual(sample(dataset, 3), [3, Math.fround(-0.3)])
  t.is(dataset.labels[3], 1)
  t.is(dataset.name, 'a')
  t.is(dataset.kind, 'spectrogram')
  t.is(dataset.sampleMeaning, 'a row of features: x, y')
  t.deepEqual(dataset.notes, [`'${path.join(folder, 'a.csv')}': label 'label'; 2 features (x, y)`])
})

test('without a header the last column is the label; numbers are classes by their value', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'digits.train.csv': rows(30, (i) => `${i % 17},${i % 5},${(i % 3) * 5}.0`),
    'digits-test.csv': rows(9, (i) => `0,0,${(i % 3) * 5}`),
  })
  const dataset = await load(folder)
  t.deepEqual(dataset.classNames, ['0', '5', '10'])
  t.true(dataset.samples instanceof Uint8Array)
  t.is(dataset.splits.test.length, 9)
  t.is(dataset.splits.train.length + dataset.splits.validation.length, 30)
  t.is(dataset.sampleMeaning, 'a row of features: columns 1 to 2')
})

test('row names of R, pandas’ index, ids and times are no features', async (t) => {
  const folder = temporaryFolder(t)
  const line = (i: number) => `${i},${20 + i / 10},${i % 2}`
  for (const [name, header, record, leftOut] of [
    ['r', '"temp","occupied"', (i: number) => `"${i}",${20 + i},${i % 2}`, 'row names'],
    ['pandas', ',temp,occupied', line, 'row names'],
    ['unnamed', 'Unnamed: 0,temp,occupied', line, 'row names'],
    ['id', 'ID,temp,occupied', line, 'ID'],
    ['user', 'user_id,temp,occupied', line, 'user_id'],
    ['subject', 'temp,occupied,Subject', (i: number) => `${20 + i},${i % 2},${i}`, 'Subject'],
    ['device', 'deviceId,temp,occupied', line, 'deviceId'],
    ['time', 'Time (ms),temp,occupied', line, 'Time (ms)'],
    ['date', 'when,temp,occupied', (i: number) => `2015-02-04 17:${10 + (i % 50)}:00,${i},${i % 2}`, 'when'],
  ] as const) {
    const file = path.join(folder, `${name}.csv`)
    writeFiles(folder, { [`${name}.csv`]: readings(40, header, record) })
    const dataset = await load(file)
    t.deepEqual([...dataset.inputShape], [1, 1, 1], name)
    t.true(
      dataset.notes![0]!.includes(`label 'occupied'; 1 feature (temp); no features: ${leftOut}`),
      dataset.notes![0],
    )
  }
})

test('semicolons and tabs separate too, Windows line ends and quotation marks do no harm', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'semicolons.csv': readings(20, 'a;b;class', (i) => `${i};"1.5";"x; ${i % 2}"\r`),
    'tabs.tsv': readings(20, 'a\tb\tclass', (i) => `${i}\t1.5\tx; ${i % 2}`),
  })
  const [one, other] = [await load(path.join(folder, 'semicolons.csv')), await load(path.join(folder, 'tabs.tsv'))]
  t.is(one.digest, other.digest)
  t.deepEqual(one.classNames, ['x; 0', 'x; 1'])
})

test('class folders: each recording is a sample, in parts where folders say so', async (t) => {
  const folder = temporaryFolder(t)
  const recording = (base: number) => readings(5, 'timestamp,accX,accY', (i) => `${i * 16},${base},${i + 0.5}`)
  for (const part of ['training', 'testing']) {
    for (const [c, name] of ['idle', 'wave'].entries()) {
      for (let k = 0; k < 6; k++) writeFiles(folder, { [`${part}/${name}/${k}.csv`]: recording(10 * c + k) })
    }
  }
  const dataset = await load(folder)
  t.deepEqual([...dataset.inputShape], [5, 1, 2])
  t.deepEqual(dataset.classNames, ['idle', 'wave'])
  t.is(dataset.splits.test.length, 12)
  t.deepEqual(sample(dataset, 7), [11, 0.5, 11, 1.5, 11, 2.5, 11, 3.5, 11, 4.5])
  t.is(dataset.labels[7], 1)
  t.is(dataset.sampleMeaning, '5 readings, the oldest first, each of accX, accY')

  writeFiles(folder, { 'training/wave/long.csv': readings(9, 'timestamp,accX,accY', (i) => `${i},1,2`) })
  await refuses(
    t,
    folder,
    /holds recordings of 5 readings \('.*'\) to 9 \('.*long\.csv'\): say how many make a sample in csv\.json/,
  )
  writeFiles(folder, { 'csv.json': '{"window": 4, "step": 1}' })
  const windows = await load(folder)
  t.deepEqual([...windows.inputShape], [4, 1, 2])
  t.is(windows.labels.length, 2 * 24 + 6)
  t.is(windows.notes!.length, 1)
  const uneven = temporaryFolder(t)
  for (const name of ['idle', 'wave']) {
    for (let k = 0; k < 9; k++) {
      writeFiles(uneven, { [`${name}/${k}.csv`]: readings(k < 2 ? 5 : 12, 'accX,accY', (i) => `${i},${k}`) })
    }
  }
  writeFiles(uneven, { 'csv.json': '{"window": 6}' })
  t.is(
    (await load(uneven)).notes![1],
    `of 18 recordings in '${uneven}' 4 with fewer than 6 readings without a gap give no sample: a smaller window in csv.json takes them in`,
  )
})

/** Samples of a series whose one feature is the reading's number: so the first value says where a window begins. */
const starts = (dataset: Dataset, part: keyof Dataset['splits']): readonly number[] =>
  [...dataset.splits[part]].map((i) => sample(dataset, i)[0]!)

test('windows of a series: labelled by their last reading, and no reading is in two parts', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'room.csv': readings(2000, 'time,n,occupied', (i) => `${i * 60},${i},${Math.floor(i / 50) % 2}`),
    'csv.json': '{"window": 10, "step": 3}',
  })
  for (const seed of [1, 2, 3]) {
    const dataset = await load(folder, { seed })
    t.deepEqual([...dataset.inputShape], [10, 1, 1])
    const partOf = new Map<number, string>()
    for (const part of ['train', 'validation', 'test'] as const) {
      for (const start of starts(dataset, part)) {
        for (let reading = start; reading < start + 10; reading++) {
          t.true((partOf.get(reading) ?? part) === part, `reading ${reading} in ${part} and ${partOf.get(reading)}`)
          partOf.set(reading, part)
        }
      }
      const labels = [...dataset.splits[part]].map((i) => dataset.labels[i]!)
      const share = labels.reduce((sum, label) => sum + label, 0) / labels.length
      t.true(share > 0.25 && share < 0.75, `share of class 1 in ${part}: ${share}`)
    }
    for (const [i, label] of dataset.labels.entries()) {
      t.is(label, Math.floor((sample(dataset, i)[0]! + 9) / 50) % 2)
    }
    const total = dataset.labels.length
    t.true(Math.abs(dataset.splits.test.length / total - 0.2) < 0.07)
  }
})

test('rows with times are split by blocks of time, without times one by one', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'series.csv': readings(1000, 'time,n,c', (i) => `${i},${i},${i % 2}`),
    'rows.csv': readings(1000, 'n,m,c', (i) => `${i},${i},${i % 2}`),
  })
  const neighboursApart = async (name: string): Promise<number> => {
    const dataset = await load(path.join(folder, name))
    const inTest = new Set(starts(dataset, 'test'))
    return [...inTest].filter((n) => !inTest.has(n + 1)).length
  }
  t.true((await neighboursApart('series.csv')) <= 10)
  t.true((await neighboursApart('rows.csv')) > 100)
})

test('no window lies across a gap in time, a new recording or two files', async (t) => {
  const folder = temporaryFolder(t)
  // After reading 49 an hour is missing, after 99 time begins again.
  const time = (i: number) => (i < 50 ? i : i < 100 ? i + 3600 : i - 100)
  writeFiles(folder, {
    'a.csv': readings(150, 'time,n,who,label', (i) => `${time(i)},${i},${Math.floor(i / 30)},${i % 2}`),
    'b.csv': readings(50, 'time,n,who,label', (i) => `${i},${1000 + i},9,${i % 2}`),
    'csv.json': '{"window": 20, "step": 1, "ignore": "who"}',
  })
  const gaps = await load(folder)
  const found = [...gaps.labels.keys()].map((i) => sample(gaps, i)[0]!).sort((a, b) => a - b)
  const each = [0, 50, 100, 1000].flatMap((first) => Array.from({ length: 31 }, (_, i) => first + i))
  t.deepEqual(found, each)

  writeFiles(folder, { 'csv.json': '{"window": 10, "step": 1, "recording": "who"}' })
  const who = await load(folder)
  t.true(
    who.notes![0]!.endsWith("; a sample is 10 readings, one every 1; recordings by 'who', and so parts"),
    who.notes![0],
  )
  const personOf = (n: number) => (n >= 1000 ? 9 : Math.floor(n / 30))
  for (const i of who.labels.keys()) t.is(personOf(sample(who, i)[0]!), personOf(sample(who, i)[9]!))
  const people = (part: keyof Dataset['splits']) => new Set(starts(who, part).map(personOf))
  t.is(people('train').size + people('validation').size + people('test').size, 6)
})

test('whole recordings by a column, and features that are an image', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'all/windows.csv': readings(60, 'window,x,label', (i) => `${Math.floor(i / 3)},${i},${Math.floor(i / 3) % 2}`),
    'all/csv.json': '{"recording": "window", "window": "all"}',
    'image/pixels.csv': rows(30, (i) => `${i % 2 ? 'b' : 'a'},1,2,3,4,5,${i}`),
    'image/csv.json': '{"label": 1, "shape": [3, 2]}',
  })
  const all = await load(path.join(folder, 'all'))
  t.deepEqual([...all.inputShape], [3, 1, 1])
  t.is(all.labels.length, 20)
  t.deepEqual(sample(all, 1), [3, 4, 5])
  const image = await load(path.join(folder, 'image'))
  t.deepEqual([...image.inputShape], [3, 2, 1])
  t.deepEqual(image.classNames, ['a', 'b'])
  t.is(image.sampleMeaning, 'a row of features as 3 x 2: columns 2 to 7')
})

test('settings beside a file that is named are read, too', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'a.csv': rows(20, (i) => `${i % 2},${i}`),
    'b.csv': rows(20, (i) => `${i % 3},${i}`),
    'csv.json': '{"label": 1}',
  })
  t.is((await load(path.join(folder, 'a.csv'))).classNames.length, 2)
})

const ROOT = path.join(import.meta.dirname, '../../../shared/data/datasets')
const real = existsSync(path.join(ROOT, 'occupancy')) ? test : test.skip

real('occupancy: R’s row names and dates, three files, windows', async (t) => {
  const folder = temporaryFolder(t)
  symlinkSync(path.join(ROOT, 'occupancy'), path.join(folder, 'room'))
  const files = { train: 'room/datatraining.txt', test: ['room/datatest.txt', 'room/datatest2.txt'] }
  writeFiles(folder, { 'csv.json': JSON.stringify(files) })
  const dataset = await load(folder)
  t.deepEqual([...dataset.inputShape], [1, 1, 5])
  t.is(dataset.splits.train.length + dataset.splits.validation.length, 8143)
  t.is(dataset.splits.test.length, 2665 + 9752)
  t.deepEqual(dataset.classNames, ['0', '1'])
  t.deepEqual(sample(dataset, 0), [23.18, 27.272, 426, 721.25, 0.00479298817650529].map(Math.fround))
  t.regex(
    dataset.notes![0]!,
    /label 'Occupancy'; 5 features \(.*\); no features: row names, date; parts by \d+ blocks of time/,
  )
  writeFiles(folder, { 'csv.json': JSON.stringify({ ...files, window: 30, step: 5 }) })
  const windows = await load(folder)
  t.deepEqual([...windows.inputShape], [30, 1, 5])
  t.true(windows.splits.train.length > 1200)
})

const digits = existsSync(path.join(ROOT, 'optdigits')) ? test : test.skip
digits('optdigits: no header, parts by name, 8-bit pixels', async (t) => {
  const dataset = await load(path.join(ROOT, 'optdigits'))
  t.deepEqual([...dataset.inputShape], [1, 1, 64])
  t.is(dataset.splits.train.length + dataset.splits.validation.length, 3823)
  t.is(dataset.splits.test.length, 1797)
  t.is(dataset.classNames.length, 10)
  t.true(dataset.samples instanceof Uint8Array)
})
