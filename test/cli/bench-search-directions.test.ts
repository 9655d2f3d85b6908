import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

const SMALL = path.resolve(import.meta.dirname, '../fixtures/tabular/small.csv')
const RUN = ['--gene-digits', 'digits', '--algorithm', 'random', '--evaluations', '30', '--seeds', '5']

/** The small table with its figures the other way round, too. */
function turnedTable(t: ExecutionContext): string {
  const [heading, ...rows] = readFileSync(SMALL, 'utf8').trim().split('\n')
  const names = heading!.split(',')
  const turned = rows.map((row) => {
    const cells = row.split(',')
    const [accuracy, latency] = ['accuracy', 'latency_ms'].map((name) => Number(cells[names.indexOf(name)]))
    return `${row},${100 - accuracy!},${-latency!},${1000 / latency!},${10 * accuracy!}`
  })
  const file = path.join(temporaryFolder(t), 'turned.csv')
  writeFileSync(file, `${[`${heading},val_err,slack,img_per_s,rating`, ...turned].join('\n')}\n`)
  return file
}

const bench = async (t: ExecutionContext, line: string) =>
  frugal(temporaryFolder(t), 'bench', 'search', '--table', turnedTable(t), ...RUN, ...line.split(' '))

test('figures to maximise are shown as the table has them', async (t) => {
  const line = '--accuracy rating:max --cost img_per_s:max --limit img_per_s=300'
  const [json, text] = await Promise.all([bench(t, `${line} --json`), bench(t, line)])
  t.is(json.code, 0, json.stderr)
  const { directions, devices, results } = JSON.parse(json.stdout)
  t.deepEqual(directions, { rating: 'max', img_per_s: 'max' })
  const { ideal, reference, limits } = devices[0]
  t.true(ideal[0] > reference[0] && reference[0] > 100, 'ratings, the best first')
  t.true(ideal[1] > reference[1] && reference[1] > 0, 'images per second, the most first')
  t.is(limits[0].costs[0], 300)
  const found = results[0].devices[0].errors[0].mean
  t.true(found > 100 && found <= limits[0].trueError)
  t.regex(text.stdout, /img_per_s: rating 9\d\d to \d+, img_per_s \d+ to [\d.]+; true front/)
  t.regex(text.stdout, /^96 networks of '.*', 'rating' \(more is better\); costs known/)
  t.regex(text.stdout, /'rating' of the best network within limits/)
  t.regex(text.stdout, /\nimg_per_s from 300 +random /)
  t.notRegex(text.stderr, /rank correlation/)
})

test('an error column is searched as its accuracy would be; what seems to be the other way round is doubted', async (t) => {
  const [plain, error, slack] = await Promise.all([
    bench(t, '--accuracy accuracy --cost latency_ms --json'),
    bench(t, '--error val_err --cost latency_ms --json'),
    bench(t, '--accuracy accuracy --cost slack'),
  ])
  t.is(error.code, 0, error.stderr)
  t.like(JSON.parse(error.stdout), { accuracy: 'val_err', directions: { val_err: 'min' } })
  t.deepEqual(JSON.parse(error.stdout).results, JSON.parse(plain.stdout).results)
  t.notRegex(plain.stderr, /rank correlation/)
  t.is(slack.code, 0)
  t.regex(
    slack.stderr,
    /better by 'accuracy' have less 'slack' on the whole .*: write slack:max where more of it is better, or --error accuracy where/,
  )
})
