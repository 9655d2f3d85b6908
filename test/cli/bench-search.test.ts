import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

const TABLE = path.resolve(import.meta.dirname, '../fixtures/tabular/small.csv')
const BASIC = `bench search --table ${TABLE} --gene-digits digits --accuracy accuracy`

const WRONG: readonly (readonly [string, RegExp])[] = [
  [`bench search --table ${TABLE} --accuracy accuracy --cost latency_ms`, /say which columns are the genes/],
  [`bench search --table ./no.csv --genes a --accuracy b --cost c`, /'\.\/no\.csv' does not exist/],
  [`${BASIC} --cost latency`, /unknown column 'latency': did you mean 'latency_ms'/],
  [`${BASIC} --cost op`, /has 'conv' in column 'op' of line 2: a number is expected/],
  [`${BASIC} --cost latency_ms,,op`, /--cost 'latency_ms,,op' has an empty name/],
  [`${BASIC} --cost latency_ms --evaluations 97`, /--evaluations asks for 97: '.*' has only 96 networks/],
  [
    `${BASIC} --cost latency_ms --evaluations 5,ten`,
    /--evaluations 'ten' is no whole number: write for example 50,100/,
  ],
  [`${BASIC} --cost latency_ms --evaluations 0`, /--evaluations must be a whole number from 1/],
  [`${BASIC} --cost latency_ms,latency_ms`, /--cost names 'latency_ms' twice: name it once/],
  [`${BASIC} --cost latency_ms --cost latency_ms`, /--cost names 'latency_ms' twice: name it once/],
  [`${BASIC} --genes accuracy --cost latency_ms`, /'accuracy' is a gene and the accuracy: keep it as one of them/],
  [`${BASIC} --cost latency_ms --algorithm nsga3`, /unknown algorithm 'nsga3': did you mean 'nsga2'/],
  [`${BASIC} --cost latency_ms --genes digits`, /the gene column 'digits' is named twice/],
  [`${BASIC} --cost latency_ms --ordinal kernel`, /--ordinal: unknown gene column 'kernel'/],
  [
    `${BASIC} --cost latency_ms --ordinal digits --categorical digits`,
    /'digits' is named by --ordinal and by --categorical/,
  ],
  [`${BASIC} --cost latency_ms --accuracy early`, /--accuracy is given 2 times/],
  [`${BASIC} --cost latency_ms --seeds 0`, /--seeds must be a whole number from 1/],
  [`${BASIC} --cost latency_ms --look-ahead 0`, /--look-ahead must be a whole number from 1/],
  [`${BASIC} --cost latency_ms --limit energy_mj=3`, /unknown cost column 'energy_mj'/],
  [`${BASIC} --cost latency_ms --limit latency_ms=fast`, /gives 'latency_ms' no number: write latency_ms=10/],
  [`${BASIC} --cost latency_ms --error-limit 200`, /--error-limit must be a number above 0/],
  [`${BASIC} --cost latency_ms --error-limit 0.1`, /within --error-limit 0.1: the best has 3 %$/m],
  [
    `${BASIC.replace('--accuracy accuracy', '--accuracy accuracy:max')} --cost latency_ms --error-limit 99`,
    /within --error-limit 99: the best has 97$/m,
  ],
  [`${BASIC} --cost latency_ms --cost latency_ms,energy_mj --together`, /every --cost must name the same number/],
]

for (const [line, message] of WRONG) {
  test(`frugal ${line.replace(TABLE, 'TABLE')}: one sentence, exit code 2`, async (t) => {
    const { code, stderr } = await frugal(temporaryFolder(t), ...line.split(' '))
    t.is(code, 2, stderr)
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  })
}

const RUN = `${BASIC} --algorithm random,local --evaluations 10,30 --seeds 6`

test('figures as JSON, whatever the number of workers', async (t) => {
  const folder = temporaryFolder(t)
  const run = (workers: number) =>
    frugal(folder, ...`${RUN} --cost latency_ms --limit latency_ms=3 --json --workers ${workers}`.split(' '))
  const [one, three] = await Promise.all([run(1), run(3)])
  t.is(one.code, 0, one.stderr)
  const report = JSON.parse(one.stdout)
  t.like(report, { table: TABLE, cost: ['latency_ms'], accuracy: 'accuracy', normalisation: 'roi', architectures: 96 })
  t.is(report.lookAhead, 1)
  t.deepEqual(
    report.results.map(({ algorithm, evaluations }: { algorithm: string; evaluations: number }) => [
      algorithm,
      evaluations,
    ]),
    [
      ['random', 10],
      ['random', 30],
      ['local', 10],
      ['local', 30],
    ],
  )
  for (const { mean, sd, min, ci95, perSeed, frontShare, versus, devices } of report.results) {
    t.is(perSeed.length, 6)
    t.is(Math.min(...perSeed), min)
    t.true(ci95[0] < mean && mean < ci95[1] && sd > 0 && mean <= 1)
    t.true(frontShare >= 0 && frontShare <= 1)
    t.true(versus[0].pValue > 0 && versus[0].pValue <= 1)
    t.deepEqual(devices[0].perSeed, perSeed)
    t.true(devices[0].errors[0].mean >= report.devices[0].limits[0].trueError - 1e-9)
  }
  t.deepEqual(JSON.parse(three.stdout).results, report.results)
})

test('several devices, apart and together, scored on another accuracy, as tables', async (t) => {
  const folder = temporaryFolder(t)
  const costs = '--cost latency_ms --cost energy_mj'
  const apart = await frugal(folder, ...`${RUN} ${costs} --score-accuracy early`.split(' '))
  t.is(apart.code, 0, apart.stderr)
  t.regex(apart.stdout, /96 networks .* accuracy 'accuracy', scored on 'early'.*one search per device/)
  t.regex(apart.stdout, /\nenergy_mj +random +10 /)
  t.regex(apart.stdout, /\nlocal +random +30 +[+-]/)
  t.regex(apart.stderr, /24 of 24 searches/)
  const together = await frugal(folder, ...`${RUN} ${costs} --together --normalisation full --hide-costs`.split(' '))
  t.is(together.code, 0, together.stderr)
  t.regex(together.stdout, /costs measured with the error, one search for all devices/)
  t.regex(together.stderr, /12 of 12 searches/)
})

test('several objectives, named columns, and an algorithm of one’s own', async (t) => {
  const folder = temporaryFolder(t)
  const algorithm = path.resolve(import.meta.dirname, '../../bench/textbook-nsga2.algorithm.ts')
  const genes = '--genes kernel,width,op,digits --ordinal width --same alike'
  const line = `bench search --table ${TABLE} ${genes} --accuracy early --cost latency_ms,energy_mj --seeds 2 --json`
  const { code, stdout, stderr } = await frugal(
    folder,
    ...`${line} --evaluations 30 --algorithm ${algorithm}`.split(' '),
  )
  t.is(code, 0, stderr)
  const { results, devices } = JSON.parse(stdout)
  t.is(results[0].algorithm, algorithm)
  t.is(devices[0].ideal.length, 3)
  t.deepEqual(results[0].versus, [])
})

test('an algorithm that throws ends the benchmark with its message', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'bad.algorithm.ts')
  writeFileSync(
    file,
    `export default { id: 'bad', title: 'bad', create: () => ({ ask: () => { throw new Error('no idea') } }), restore: () => {} }`,
  )
  const { code, stderr } = await frugal(
    folder,
    ...`${BASIC} --cost latency_ms --evaluations 5 --algorithm ${file}`.split(' '),
  )
  t.is(code, 1)
  t.regex(stderr, /the algorithm file '.*bad\.algorithm\.ts' fails in ask\(\): no idea/)
})
