import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { gzipSync } from 'fflate'
import { nasBench201, ofaMobileNetV3 } from '../../hardware-profiles/cases/nas-nets.ts'
import { MLPERF_TINY } from '../../hardware-profiles/cases/reference-nets.ts'
import { kendallTauOf, percentile90Of } from '../../hardware-profiles/cases/statistics.ts'
import { fitBranches } from '../../hardware-profiles/fit-branches.ts'
import { fitTable, measurement, summarise } from '../../hardware-profiles/fit-table.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import { factsOfRow } from '../../hardware-profiles/table.ts'
import { randomStream } from '../../lib/random.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { readCsv } from '../../scripts/fit-profiles/csv.ts'
import { efr32Profile } from '../../scripts/fit-profiles/efr32.ts'

const data = path.join(import.meta.dirname, '..', '..', '..', 'shared', 'data')
const withData = existsSync(path.join(data, 'hardware')) ? test : test.skip

test('least squares find the coefficients and keep them non-negative', (t) => {
  const random = randomStream(3, 'fit')
  const design = Array.from({ length: 40 }, () => [random.float() * 1e6, random.float() * 10, 1])
  const found = fitNonNegative(
    design,
    design.map(([a, b, one]) => 2e-3 * a! + 50 * b! + 7 * one!),
  )
  for (const [i, value] of [2e-3, 50, 7].entries()) t.true(Math.abs(found[i]! / value - 1) < 1e-4)
  const clipped = fitNonNegative(
    design,
    design.map(([a, b]) => 2e-3 * a! + 1000 - 20 * b!),
  )
  t.is(clipped[1], 0)
  t.true(clipped.every((value) => value >= 0))
})

test('cross-validation leaves whole families out: a family of its own kind is predicted badly', (t) => {
  const provenance = { kind: 'measured', source: 'made up for this test' } as const
  const rows = [4, 8, 16, 32].flatMap((inChannels) =>
    [4, 8, 16, 32].map((filters) => {
      const macs = 64 * inChannels * filters
      const cost = inChannels === 32 ? 9 * macs : 3 * macs
      return measurement('conv2d', [8, 8, inChannels, filters, 1, 1, 1, 1, 1, 1], cost, `in${inChannels}`)
    }),
  )
  const { table, validation } = fitTable('conv2d', [{ features: ['macs'] }], rows, provenance, 'made up')
  t.is(validation.cases, 16)
  t.true(validation.worst > 0.5)
  t.is(validation.within15, 0.75)
  t.is(table.rows?.length, 16 * 11)
})

test('branches are told apart: the longest decides, and each finds its own coefficients', (t) => {
  const rows = [3, 8, 24, 64, 160].flatMap((inChannels) =>
    [4, 16, 48, 128].flatMap((filters) =>
      [1, 4, 12, 40].map((size) => factsOfRow('conv2d', [size, size, inChannels, filters, 1, 1, 1, 1, 1, 1])),
    ),
  )
  const costs = rows.map(
    ({ macs, weightElements, outputs }) => 200 + Math.max(0.01 * macs, 0.9 * weightElements, 0.5 * outputs),
  )
  const starts = { compute: { macs: 0.02 }, memory: { weightElements: 2 }, floor: { outputs: 0.2 } }
  const { terms, branches } = fitBranches(
    ['one'],
    starts,
    rows,
    costs,
    costs.map(() => 1),
  )
  t.true(Math.abs(terms[0]! / 200 - 1) < 1e-3)
  for (const [at, value] of [0.5, 0.01, 0.9].entries()) t.true(Math.abs(branches[at]![0]! / value - 1) < 1e-3)
  const bounded = fitBranches(
    ['one'],
    { ...starts, least: { macs: 0.0125 } },
    rows,
    costs,
    costs.map(() => 1),
  )
  t.is(bounded.branches[1]![0], 0.0125)
})

test('error statistics', (t) => {
  const { cases, mape, within15, worst } = summarise([0.1, -0.2, 0.3, 0])
  t.deepEqual([cases, mape, within15, worst], [4, 0.15, 0.5, 0.3])
  t.is(percentile90Of([0.1, -0.2, 0.3, 0]), 0.3)
  const pairs = (predicted: readonly number[]) => predicted.map((value, i) => ({ measured: i, predicted: value }))
  t.is(kendallTauOf(pairs([1, 2, 3])), 1)
  t.is(kendallTauOf(pairs([3, 2, 1])), -1)
  t.is(kendallTauOf(pairs([1, 3, 2])), 0.33333)
})

test('CSV files are read with quotes, compressed or not', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'frugal-csv-'))
  const text = 'name,note\r\na,"one, ""two"""\r\nb,\r\n'
  writeFileSync(path.join(folder, 'x.csv'), text)
  writeFileSync(path.join(folder, 'x.csv.gz'), gzipSync(new TextEncoder().encode(text)))
  const expected = [
    { name: 'a', note: 'one, "two"' },
    { name: 'b', note: '' },
  ]
  t.deepEqual(readCsv(path.join(folder, 'x.csv')), expected)
  t.deepEqual(readCsv(path.join(folder, 'x.csv.gz')), expected)
  rmSync(folder, { recursive: true })
})

test('reference networks have the published sizes', (t) => {
  t.is(countMacs(MLPERF_TINY.ad()), 264_192)
  t.is(countMacs(MLPERF_TINY.ic()), 12_501_632)
  t.is(countMacs(MLPERF_TINY.kws()), 2_656_768)
  t.is(countMacs(MLPERF_TINY.vww()), 7_489_664)
  const ofa = ofaMobileNetV3('57553337553773335555', '43444634434336664344', '23243', 224)
  t.is(countMacs(ofa), 255_502_624)
  t.is(countParams(ofa), 5_029_656)
  const cell = '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|'
  t.is(countParams(nasBench201(cell)!), 129_306)
  t.is(nasBench201(cell.replaceAll('skip_connect', 'none').replaceAll('nor_conv_1x1', 'none')), undefined)
  t.is(nasBench201('no architecture'), undefined)
})

withData('the committed accelerator profile is what the data give', (t) => {
  const { profile: fitted } = efr32Profile(data)
  const committed = loadProfile(fitted.id)
  t.deepEqual(
    committed.tables.map(({ kernel, rows }) => [kernel, rows?.length ?? 0]),
    fitted.tables.map(({ kernel, rows }) => [kernel, rows?.length ?? 0]),
  )
})
