import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import test from 'ava'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'
import { fileSystemTrouble, pathInside, writeFileAtomic } from '../../lib/files.ts'
import { nearestName } from '../../lib/nearest-name.ts'
import { randomStream, randomStreamFromState } from '../../lib/random.ts'
import {
  formatAccuracy,
  formatBytes,
  formatEnergy,
  formatGrams,
  formatLatency,
  formatPercent,
  parseQuantity,
} from '../../lib/units.ts'

test('streams: same seed and name, same numbers; another name, others; a state continues', (t) => {
  const draw = (seed: number, name: string) =>
    Array.from(
      { length: 50 },
      (
        (stream) => () =>
          stream.float()
      )(randomStream(seed, name)),
    )
  t.deepEqual(draw(1, 'a'), draw(1, 'a'))
  t.notDeepEqual(draw(1, 'a'), draw(1, 'b'))
  t.notDeepEqual(draw(1, 'a'), draw(2, 'a'))
  const stream = randomStream(5, 'state')
  stream.normal()
  const copy = randomStreamFromState(JSON.parse(JSON.stringify(stream.state())) as number[])
  t.deepEqual([copy.int(1000), copy.float(), copy.normal()], [stream.int(1000), stream.float(), stream.normal()])
})

test('streams: moments of uniform and normal numbers, and permutations hold every index', (t) => {
  const stream = randomStream(9, 'moments')
  const n = 20_000
  const uniform = Array.from({ length: n }, () => stream.float())
  const normal = Array.from({ length: n }, () => stream.normal())
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / n
  t.true(Math.abs(mean(uniform) - 0.5) < 0.01)
  t.true(uniform.every((value) => value >= 0 && value < 1))
  t.true(Math.abs(mean(normal)) < 0.03)
  t.true(Math.abs(mean(normal.map((value) => value * value)) - 1) < 0.05)
  t.deepEqual(
    [...stream.permutation(100)].sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test('canonical JSON sorts keys, drops undefined and refuses what JSON cannot hold', (t) => {
  t.is(canonicalJson({ b: 1, a: [{ d: undefined, c: null }] }), '{"a":[{"c":null}],"b":1}')
  t.throws(() => canonicalJson(Number.NaN), { instanceOf: TypeError })
  t.throws(() => canonicalJson([() => 1]), { instanceOf: TypeError })
  t.is(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('quantities need a unit and a positive number', (t) => {
  t.is(parseQuantity('50ms', 'latencyMs', '--x'), 50)
  t.is(parseQuantity('0.5 s', 'latencyMs', '--x'), 500)
  t.is(parseQuantity('128KB', 'bytes', '--x'), 131072)
  t.is(parseQuantity('5uJ', 'energyMj', '--x'), 0.005)
  t.is(parseQuantity('2min', 'durationS', '--x'), 120)
  t.is(parseQuantity('5μs', 'latencyMs', '--x'), 0.005, 'a Greek mu')
  t.is(parseQuantity('3mWh', 'joules', '--x'), 10.8, 'what a search prints, it reads')
  t.throws(() => parseQuantity('5', 'joules', '--x'), { message: /unit \(J, kJ, MJ, mWh, Wh, kWh, MWh\)/ })
  t.is(parseQuantity('2MWh', 'joules', '--x'), 7.2e9, 'mega, not milli')
  t.is(parseQuantity('2MJ', 'energyMj', '--x'), 2e9)
  t.deepEqual(
    ['3mwh', '3MWH', '3KWH'].map((text) => parseQuantity(text, 'joules', '--x')),
    [10.8, 1.08e10, 1.08e7],
  )
  t.throws(() => parseQuantity('3constructor', 'joules', '--x'), { message: /no.*unit/ })
  for (const bad of ['50', '-5ms', '0ms', 'fast', '5 kg', '', '1e400ms']) {
    t.throws(
      () => parseQuantity(bad, 'latencyMs', '--max-latency'),
      { instanceOf: UserError, message: /--max-latency.*50ms/ },
      bad,
    )
  }
})

test('figures are shown with their unit', (t) => {
  t.deepEqual([formatLatency(0.25), formatLatency(12.345), formatLatency(2500)], ['250 µs', '12.3 ms', '2.5 s'])
  t.deepEqual(
    [formatBytes(900), formatBytes(2048), formatBytes(3 * 1024 ** 2), formatBytes(80 * 1024 ** 3)],
    ['900 B', '2 KB', '3 MB', '80 GB'],
  )
  t.deepEqual([formatEnergy(0.5), formatEnergy(5), formatEnergy(1500)], ['500 µJ', '5 mJ', '1.5 J'])
})

test('the nearest name is the one meant', (t) => {
  const known = ['stm32f446-tflm-cmsisnn', 'efr32xg24-mvp', 'titan-rtx']
  t.is(nearestName('stm32f446', known), 'stm32f446-tflm-cmsisnn')
  t.is(nearestName('titan-rxt', known), 'titan-rtx')
  t.is(nearestName('x', []), undefined)
  t.is(nearestName('', known), undefined)
  t.is(nearestName('nowhere', ['gpu', 'host']), undefined)
})

test('atomic writes leave the whole file and nothing else; names cannot leave their folder', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-lib-'))
  try {
    const file = path.join(folder, 'deep', 'a.txt')
    writeFileAtomic(file, 'one')
    writeFileAtomic(file, 'two')
    t.is(readFileSync(file, 'utf8'), 'two')
    t.deepEqual(readdirSync(path.dirname(file)), ['a.txt'])
    for (const name of ['../x', '/etc/passwd', 'a/../../x', 'a\0b', '.']) {
      t.throws(() => pathInside(folder, name), { instanceOf: UserError }, name)
    }
    t.is(pathInside(folder, 'a/b.txt'), path.join(folder, 'a', 'b.txt'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const posix = process.platform === 'win32' ? test.skip : test
posix('a pipe or a device is written to and stays what it is', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-lib-'))
  try {
    const pipe = path.join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    writeFileAtomic(pipe, 'a picture')
    t.true(statSync(pipe).isFIFO())
    const bytes = Buffer.alloc(20)
    t.is(bytes.toString('utf8', 0, readSync(reader, bytes)), 'a picture')
    closeSync(reader)
    t.deepEqual(readdirSync(folder), ['pipe'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what the file system refuses is one sentence with the file, anything else is left alone', (t) => {
  const said = (code: string, syscall: string, file?: string) =>
    fileSystemTrouble(
      Object.assign(new Error(`${code}: no luck`), { code, syscall, ...(file === undefined ? {} : { path: file }) }),
    )?.message
  t.is(
    said('ENOSPC', 'write', '/out/model.onnx.77-0.tmp'),
    "the disk is full: '/out/model.onnx' cannot be written; free some space, then run the same command again",
  )
  t.regex(said('EACCES', 'mkdir', '/out') ?? '', /^'\/out' cannot be written or read \(permission denied\): change its/)
  t.regex(said('EROFS', 'open', '/out') ?? '', /read-only file system/)
  t.regex(said('EMFILE', 'open') ?? '', /^a file cannot be written or read \(EMFILE: no luck\)/)
  t.is(said('ENOENT', 'spawn gcc', 'gcc'), undefined)
  t.is(fileSystemTrouble(new Error('a mistake of ours')), undefined)
})

test('a full disk names the file that could not be written', (t) => {
  const full = '/dev/full'
  if (!existsSync(full)) return void t.pass('no /dev/full here')
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-full-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'a.txt')
  symlinkSync(full, `${file}.${process.pid}-${threadId}.tmp`)
  const error = t.throws(() => writeFileAtomic(file, 'text'))
  t.regex(fileSystemTrouble(error)?.message ?? '', /^the disk is full: '.*a\.txt' cannot be written/)
})

test('shares are written with three digits, accuracies with two decimals', (t) => {
  t.deepEqual([0, 0.00005, -0.08034, 0.5, 1, 12.3456].map(formatPercent), [
    '0 %',
    '0 %',
    '-8.03 %',
    '50 %',
    '100 %',
    '1235 %',
  ])
  t.deepEqual([0, 0.9792, 0.97, 1].map(formatAccuracy), ['0.00 %', '97.92 %', '97.00 %', '100.00 %'])
})

test('few grams of CO2e have no exponent', (t) => {
  t.deepEqual([0, 0.0000932, 0.0932, 0.1, 250, 2500].map(formatGrams), [
    '0 g CO2e',
    '0.0932 mg CO2e',
    '93.2 mg CO2e',
    '0.1 g CO2e',
    '250 g CO2e',
    '2.5 kg CO2e',
  ])
})
