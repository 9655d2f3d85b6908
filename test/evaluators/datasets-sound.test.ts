import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { load, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'
import { SPOKEN_DIGITS, spokenDigits, tone, tones, wav } from './sound-support.ts'

const featuresOf = ({ samples, inputShape }: Dataset, i: number) => {
  const size = inputShape[0]! * inputShape[1]!
  return [...samples.subarray(i * size, (i + 1) * size)]
}

test('class folders of recordings become log-mel spectrograms', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { ...tones(8), 'readme.txt': 'x', 'low/notes.txt': 'x' })
  const dataset = await load(folder)
  t.deepEqual(dataset.classNames, ['high', 'low'])
  t.is(dataset.kind, 'spectrogram')
  // Frames of 256 samples every 160 in 4,000.
  t.deepEqual(dataset.inputShape, [24, 40, 1])
  t.deepEqual(dataset.frontEnd, {
    sampleRate: 8000,
    clipSamples: 3936,
    frames: 24,
    frameSamples: 256,
    hopSamples: 160,
    fftLength: 256,
    bands: 40,
    lowHz: 80,
    highHz: 3800,
  })
  t.true(dataset.samples instanceof Uint8Array)
  const loudest = (i: number) => {
    const middle = featuresOf(dataset, i).slice(12 * 40, 13 * 40)
    return middle.indexOf(Math.max(...middle))
  }
  // Bands of 48.8 mel from 80 Hz: 2,000 Hz lies at 28.6, 300 Hz at 5.8.
  t.deepEqual([loudest(0), loudest(8)], [28, 5])
  t.is(dataset.notes?.length, 1)
  t.regex(dataset.notes![0]!, /^clips of sound are 0\.49 s long: of 16 recordings 0 longer ones are cut/)
})

test('a square spectrogram is one all the same', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { ...tones(8), 'sound.json': '{"bands": 24}' })
  const dataset = await load(folder)
  t.deepEqual(dataset.inputShape, [24, 24, 1])
  t.is(dataset.kind, 'spectrogram')
})

test('shorter recordings lie in the middle of silence, of longer ones the middle is taken', async (t) => {
  const folder = temporaryFolder(t)
  const long = [...new Array(4000).fill(0), ...tone(1000, 0.5), ...new Array(4000).fill(0)]
  writeFiles(folder, {
    ...tones(6),
    'low/short.wav': wav(tone(500, 0.1)),
    'low/long.wav': wav(long),
    'sound.json': '{"clipSeconds": 0.5}',
  })
  const dataset = await load(folder)
  const rows = (i: number) => {
    const features = featuresOf(dataset, i)
    return Array.from({ length: 24 }, (_, row) => Math.max(...features.slice(row * 40, (row + 1) * 40)))
  }
  // Names are sorted: 0 … 5, long, short.
  t.true(rows(12).every((loudest) => loudest > 180))
  const short = rows(13)
  t.true(short.slice(0, 8).every((loudest) => loudest === 0) && short.slice(-8).every((loudest) => loudest === 0))
  t.true(short[11]! > 180 && short[12]! > 180)
  t.regex(dataset.notes![0]!, /1 longer ones are cut on both sides and 1 shorter ones have silence added/)
})

test('parts: folders, or lists as Speech Commands has them', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { ...tones(5, 'train/'), ...tones(2, 'test/') })
  t.deepEqual([...(await load(folder)).splits.test].sort(), [0, 1, 2, 3])

  const listed = temporaryFolder(t)
  writeFiles(listed, {
    ...tones(5),
    '_background_noise_/hum.wav': wav(tone(50, 3)),
    'testing_list.txt': 'low/3.wav\nhigh/3.wav\ngone/1.wav\n',
    'validation_list.txt': 'low/4.wav\r\nhigh/4.wav\r\n',
  })
  const dataset = await load(listed)
  t.deepEqual(dataset.classNames, ['high', 'low'])
  t.deepEqual([...dataset.splits.validation].sort(), [6, 7])
  t.deepEqual([...dataset.splits.test].sort(), [8, 9])
  t.deepEqual([...dataset.labels], [0, 0, 0, 1, 1, 1, 0, 1, 0, 1])
  t.regex(dataset.notes!.join(), /_background_noise_' is no class, as its name begins with _: it is left out/)
  writeFiles(listed, { 'testing_list.txt': 'low/33.wav\n' })
  await refuses(t, listed, /testing_list\.txt' names no recording that is there/)
})

test('speakers that names as those of Speech Commands tell of stay in one part', async (t) => {
  const folder = temporaryFolder(t)
  const recordings = Array.from({ length: 60 }, (_, i) => {
    const [speaker, label] = [`${(i % 10).toString(16)}c0de_nohash`, i % 2 === 0 ? 'yes' : 'no']
    return [`${label}/${speaker}_${Math.floor(i / 10)}.wav`, wav(tone(300 + i, 0.2))] as const
  })
  // Names by class, as the samples are: each speaker says one of the words only.
  const names = recordings.map(([name]) => name).sort()
  writeFiles(folder, Object.fromEntries(recordings))
  const { splits } = await load(folder)
  const speakers = (part: Uint32Array) => new Set([...part].map((index) => names[index]!.split('/')[1]![0]))
  const all = [splits.train, splits.validation, splits.test].map(speakers)
  t.is(
    all.reduce((sum, { size }) => sum + size, 0),
    10,
  )
  t.true(all.every(({ size }) => size > 0))
})

test('names that begin with the class, as in the Free Spoken Digit Dataset', async (t) => {
  const folder = temporaryFolder(t)
  const name = (i: number) => `${i % 3}_${i % 2 === 0 ? 'anna' : 'ben'}_${i}.wav`
  writeFiles(
    folder,
    Object.fromEntries(Array.from({ length: 18 }, (_, i) => [name(i), wav(tone(300 + 500 * (i % 3), 0.3))])),
  )
  const dataset = await load(folder)
  t.deepEqual(dataset.classNames, ['0', '1', '2'])
  t.is(dataset.notes![0], `classes are the beginnings of the file names in '${folder}': 0, 1, 2`)
  t.deepEqual([...dataset.labels], [...Array(6).fill(0), ...Array(6).fill(1), ...Array(6).fill(2)])
  writeFiles(folder, { 'testing_list.txt': ['0_ben_3.wav', '1_ben_1.wav', '2_ben_5.wav'].join('\n') })
  t.is((await load(folder)).splits.test.length, 3)
  await refuses(
    t,
    path.join(folder, '..', path.basename(folder), '0_ben_3.wav'),
    /0_ben_3\.wav' is no .*: name the folder/,
  )

  const around = temporaryFolder(t)
  writeFiles(around, {
    'recordings/0_a_1.wav': wav(tone(300)),
    'recordings/1_a_1.wav': wav(tone(300)),
    'readme.md': 'x',
  })
  await refuses(t, around, /holds one folder of recordings, 'recordings': name '.*recordings' itself/)
  writeFiles(folder, { 'intro.wav': wav(tone(300)) })
  await refuses(
    t,
    folder,
    /holds no known data set layout: name the folder that holds one folder of WAV files per class/,
  )
})

test('rates: one for all, or all brought to the one of the settings', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { ...tones(4, '', { rate: 16_000 }), 'low/slow.wav': wav(tone(300, 0.5, 8000)) })
  await refuses(t, folder, /holds recordings at 8000 and 16000 Hz: write the rate of .* into '.*sound\.json'/)
  writeFiles(folder, { 'sound.json': '{"sampleRate": 16000, "clipSeconds": 0.4}' })
  const dataset = await load(folder)
  t.is(dataset.frontEnd?.sampleRate, 16_000)
  t.is(dataset.frontEnd?.highHz, 7600)
  const [own, brought] = [featuresOf(dataset, 4), featuresOf(dataset, 8)]
  for (const [i, feature] of own.entries()) {
    if (feature > 120) t.true(Math.abs(feature - brought[i]!) <= 3, `${i}: ${feature} ${brought[i]}`)
  }
  const high = temporaryFolder(t)
  writeFiles(high, tones(3, '', { rate: 96_000 }))
  await refuses(t, high, /holds recordings at 96000 Hz: write the rate/)
})

test('settings that fit nothing are refused in a sentence', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, tones(4))
  for (const [settings, message] of [
    ['{', /sound\.json' is no JSON \(.*\): write settings such as/],
    ['[]', /sound\.json' holds no settings of sound \(.*\): a JSON object with any of sampleRate, clipSeconds/],
    ['{"clipLength": 1}', /holds no settings of sound \(.*clipLength.*\)/],
    ['{"bands": 2}', /\(bands: .*\)/],
    ['{"clipSeconds": 0.05}', /has clips of 400 samples, less than four frames of sound: give a longer clipSeconds/],
    ['{"lowHz": 4000}', /has bands from 4000 to 3800 Hz of sound of 8000 Hz: give lowHz below highHz/],
    ['{"highHz": 4001}', /and highHz up to 4000, in sound\.json/],
    ['{"bands": 128}', /has \d+ of 128 bands too narrow for frames of 32 ms: give fewer bands/],
  ] as const) {
    writeFiles(folder, { 'sound.json': settings })
    await refuses(t, folder, message)
  }
})

test('all broken recordings are told at once; pipes are not waited for', async (t) => {
  const folder = temporaryFolder(t)
  const good = wav(tone(300))
  writeFiles(folder, {
    ...tones(4),
    'low/bad.wav': 'no sound',
    'low/short.wav': good.subarray(0, 100),
    'low/empty.wav': '',
  })
  execFileSync('mkfifo', [path.join(folder, 'low/pipe.wav')])
  await refuses(
    t,
    folder,
    /holds 4 recordings that cannot be read \('low\/bad\.wav' is no WAV file, whatever its name says; 'low\/empty\.wav' .*; 'low\/pipe\.wav' is a pipe or a device; 'low\/short\.wav' is cut short \(56 of 8000 bytes of sound are there\)\): replace them with intact WAV files/,
  )
  const one = temporaryFolder(t)
  writeFiles(one, { ...tones(4), 'low/nan.wav': wav([0, Number.NaN], { bits: 32, float: true }) })
  await refuses(t, one, /low\/nan\.wav' has a value that is no number at sample 1: replace it with an intact WAV/)
})

test('sound in formats that are not read is told of', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { ...tones(4), 'low/a.mp3': 'x', 'high/b.flac': 'x' })
  const { notes } = await load(folder)
  t.regex(
    notes!.join(),
    /2 recordings in '.*' are not read, such as 'high\/b\.flac': WAV files are, so convert \.flac and \.mp3/,
  )
  const other = temporaryFolder(t)
  writeFiles(other, { 'low/a.mp3': 'x', 'high/b.mp3': 'x' })
  await refuses(t, other, /holds no known data set layout: convert the sound to WAV first/)
})

const run = existsSync(SPOKEN_DIGITS) ? test : test.skip
run('recordings of the Free Spoken Digit Dataset', async (t) => {
  const folder = path.join(temporaryFolder(t), 'recordings')
  mkdirSync(folder)
  spokenDigits(folder, (name) => /_(theo|jackson)_[0-9]\.wav$/.test(name))
  const dataset = await load(folder)
  t.is(dataset.labels.length, 200)
  t.is(dataset.classNames.join(''), '0123456789')
  t.is(dataset.frontEnd?.sampleRate, 8000)
  t.true(dataset.mean[0]! > 60 && dataset.mean[0]! < 140)
})
