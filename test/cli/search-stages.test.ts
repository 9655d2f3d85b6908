import { existsSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { frugal, start, temporaryFolder } from './run-frugal.ts'

const FLAGS = [
  ...['--trials', '6', '--seed', '5', '--device', 'titan-rtx', '--data-fraction', '0.1', '--epochs', '3'],
  ...['--ladder', '1/3,1', '--inherit', '--look-ahead', '3', '--json'],
]

interface Trial {
  readonly event: string
  readonly trial: number
  readonly rung: number
  readonly continues?: number
  readonly inherits?: number
}

const eventsOf = (stdout: string): Trial[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Trial)

async function front(t: ExecutionContext, folder: string, db: string): Promise<string> {
  const { code, stdout, stderr } = await frugal(folder, 'front', '--json', '--db', db)
  t.is(code, 0, stderr)
  return stdout
}

test('a search in stages, killed with SIGKILL again and again, ends with the same front, byte for byte', async (t) => {
  const folder = temporaryFolder(t)
  const whole = await frugal(folder, 'search', '--workers', '1', '--db', 'whole.db', ...FLAGS)
  t.is(whole.code, 0, whole.stderr)
  const trials = eventsOf(whole.stdout).filter(({ event }) => event === 'trial')
  t.deepEqual(trials.map(({ rung }) => rung).toSorted(), [0, 0, 0, 0, 0, 0, 1, 1])
  for (const { rung, continues } of trials) t.is(continues === undefined, rung === 0)
  t.true(trials.some(({ inherits }) => inherits !== undefined))
  t.false(existsSync(path.join(folder, 'whole.db.checkpoints')))

  const first = start(folder, 'search', '--workers', '2', '--db', 'cut.db', ...FLAGS)
  await first.line(/"event":"trial"/)
  first.kill('SIGKILL')
  await first.finished
  t.true(existsSync(path.join(folder, 'cut.db.checkpoints', '1')))
  const next = start(folder, 'resume', '--db', 'cut.db', '--json')
  await next.line(/"event":"started","trial":5/)
  next.kill('SIGKILL')
  await next.finished
  const last = await frugal(folder, 'resume', '--db', 'cut.db', '--json')
  t.is(last.code, 0, last.stderr)
  t.is(await front(t, folder, 'cut.db'), await front(t, folder, 'whole.db'))
  t.false(existsSync(path.join(folder, 'cut.db.checkpoints')))

  const status = JSON.parse((await frugal(folder, 'status', '--json', '--db', 'cut.db')).stdout) as {
    budget: number
    stages: { told: number; planned: number; stage: { epochs: number } }[]
  }
  t.is(status.budget, 8)
  t.deepEqual(
    status.stages.map(({ told, planned, stage }) => [told, planned, stage.epochs]),
    [
      [6, 6, 1],
      [2, 2, 2],
    ],
  )
})

test('flags of a ladder that cannot be are told in one sentence, before anything is trained', async (t) => {
  const folder = temporaryFolder(t)
  for (const [flags, message] of [
    [['--ladder', '1/3,1', '--epochs', '1'], /--ladder '1\/3,1' does not split 1 epoch .* give --epochs 2 or more/],
    [['--ladder', '1,1/3'], /--ladder '1,1\/3' must be shares of the epochs that grow to 1/],
    [['--ladder', 'often'], /--ladder 'often' must be shares/],
    [['--ladder', 'epochs=1,data=0.5>epochs=2,data=0.25'], /stage 2 must not use less data/],
    [['--ladder', 'epochs=1'], /--ladder 'epochs=1' has one stage only/],
    [['--ladder', '1/3,1', '--reduction', '1'], /--reduction must be a whole number from 2 to 1000, not 1/],
    [['--promotion', 'sometimes'], /--promotion must be asynchronous or synchronous, not 'sometimes'/],
  ] as const) {
    const { code, stderr } = await frugal(folder, 'search', ...flags)
    t.is(code, 2)
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }
  t.false(existsSync(path.join(folder, 'frugal.db')))
})
