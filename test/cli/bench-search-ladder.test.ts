import path from 'node:path'
import test from 'ava'
import { benchSearch } from '../../cli/actions/bench-search.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

const TABLE = path.resolve(import.meta.dirname, '../fixtures/tabular/small.csv')

type Arguments = Parameters<typeof benchSearch>[0]

const args = (changes: Partial<Arguments>): Arguments => ({
  table: TABLE,
  genes: undefined,
  'gene-digits': 'digits',
  ordinal: undefined,
  categorical: undefined,
  same: undefined,
  lenient: false,
  accuracy: undefined,
  error: undefined,
  ladder: undefined,
  reduction: 5,
  begin: 1.5,
  promotion: 'synchronous',
  'score-accuracy': undefined,
  cost: ['latency_ms'],
  together: false,
  algorithm: 'random',
  evaluations: '10',
  seeds: 1,
  'first-seed': 0,
  normalisation: 'full',
  'error-limit': undefined,
  limit: undefined,
  'hide-costs': false,
  'look-ahead': 1,
  population: 10,
  workers: 1,
  json: true,
  ...changes,
})

const WRONG: readonly (readonly [Partial<Arguments>, RegExp])[] = [
  [{ ladder: 'early@12,accuracy@200', 'look-ahead': 8 }, /--look-ahead is for searches that train every network fully/],
  [{}, /^say which column holds the accuracy: either --accuracy COLUMN, --error COLUMN or --ladder COLUMN@EPOCHS/],
  [{ accuracy: 'accuracy', ladder: 'a@1,b@2' }, /^say which column holds the accuracy/],
  [{ ladder: 'accuracy@5,accuracy' }, /^--ladder 'accuracy': write the column and its epochs, such as val_12ep@12$/],
  [{ ladder: 'accuracy@5,accuracy@none' }, /^--ladder 'accuracy@none': the epochs must be a number above 0/],
  [{ ladder: 'accuracy@5' }, /^--ladder 'accuracy@5' must name two columns or more, with more epochs each$/],
  [{ ladder: 'accuracy@5,accuracy@5' }, /must name two columns or more, with more epochs each$/],
  [{ accuracy: 'accuracy', error: 'early' }, /^say which column holds the accuracy/],
  [{ ladder: 'early:min@5,accuracy@9' }, /^--ladder must give all its columns the same direction, or none$/],
  [{ ladder: 'early:max@5,accuracy:max@9' }, /^--ladder takes accuracies, or errors with :min/],
  [
    { ladder: 'quick_loss@1,full_loss@9' },
    /^--ladder 'quick_loss' reads like an error, .*: write --ladder quick_loss:min /,
  ],
  [
    { accuracy: 'val_err' },
    /^--accuracy 'val_err' reads like an error, of which less is better: write --error val_err \(/,
  ],
  [{ accuracy: 'early', 'score-accuracy': 'full_loss' }, /: write --score-accuracy full_loss:min \(/],
  [
    { accuracy: 'accuracy', cost: ['img_per_s'] },
    /^--cost 'img_per_s' reads like a figure of which more is better: write img_per_s:max \(img_per_s:min where less is\)$/,
  ],
  [
    { error: 'accuracy' },
    /^--error is for columns of which less is better: write --accuracy accuracy \(--error accuracy:min/,
  ],
  [{ error: 'rating:max' }, /less is better: write --accuracy rating:max$/],
  [{ accuracy: ':max' }, /^--accuracy ':max' names no column: write --accuracy COLUMN:max$/],
  [
    { accuracy: 'accuracy', cost: ['slack:max,slack:min'] },
    /^'slack' is named with :max and with :min: keep one of them$/,
  ],
  [{ accuracy: 'accuracy:max', cost: ['accuracy:max'] }, /^'accuracy' is the accuracy and a cost: keep it as one/],
  [{ accuracy: 'accuracy:max', 'error-limit': Number.NaN }, /^--error-limit must be a number, not NaN$/],
  [{ ladder: 'quick@1,accuracy@9' }, /unknown column 'quick'/],
  [{ ladder: 'accuracy@1,accuracy@9', begin: 0 }, /^--begin must be a number above 0 and at most 100, not 0$/],
  [{ ladder: 'accuracy@1,accuracy@9', reduction: 1 }, /^--reduction must be a whole number from 2 to 1000, not 1$/],
]

for (const [changes, message] of WRONG) {
  test(`bench search with ${JSON.stringify(changes)} is refused in one sentence`, async (t) => {
    await t.throwsAsync(benchSearch(args(changes)), { name: 'UserError', message })
  })
}

test('searches in stages stand beside full training, with the epochs they took', async (t) => {
  const flags = ['--gene-digits', 'digits', '--ladder', 'accuracy@10,accuracy@90', '--cost', 'latency_ms']
  const more = ['--algorithm', 'random', '--evaluations', '9,30', '--seeds', '5', '--json']
  const { code, stdout, stderr } = await frugal(
    temporaryFolder(t),
    'bench',
    'search',
    '--table',
    TABLE,
    ...flags,
    ...more,
  )
  t.is(code, 0, stderr)
  const { ladder, reduction, begin, promotion, results } = JSON.parse(stdout) as {
    ladder: unknown
    reduction: number
    begin: number
    promotion: string
    results: {
      algorithm: string
      evaluations: number
      mean: number
      epochShare: number
      versus: { pValue: number }[]
    }[]
  }
  t.deepEqual(ladder, [
    { column: 'accuracy', epochs: 10 },
    { column: 'accuracy', epochs: 90 },
  ])
  t.deepEqual([reduction, begin, promotion], [5, 1.5, 'synchronous'])
  t.deepEqual(
    results.map(({ algorithm, evaluations }) => [algorithm, evaluations]),
    [
      ['random', 9],
      ['random', 30],
      ['random in stages', 9],
      ['random in stages', 30],
    ],
  )
  t.deepEqual(
    results.map(({ epochShare }) => epochShare.toFixed(3)),
    ['1.000', '1.000', ((14 * 10 + 3 * 90) / (9 * 90)).toFixed(3), ((45 * 10 + 9 * 90) / (30 * 90)).toFixed(3)],
  )
  const [, full, , staged] = results
  // Both columns are the same here: what goes up is the front of half as many networks again, and little of it is lost.
  t.true(staged!.mean > 0.98 * full!.mean && staged!.mean <= 1)
  t.is(full!.versus.length, 1)
})
