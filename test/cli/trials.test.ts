import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import test from 'ava'
import Database from 'better-sqlite3'
import { openStore } from '../../results/sqlite/open.ts'
import { asked, completed, costsOf, experiment, failed } from '../results/fixtures.ts'
import { FRUGAL, frugal, temporaryFolder } from './run-frugal.ts'

test('trials lists every network: as a table of one device, as CSV and as JSON of all', async (t) => {
  const folder = temporaryFolder(t)
  const store = openStore(path.join(folder, 'frugal.db'), { write: true })
  const journal = store.journal(store.createExperiment(experiment()))
  const records = [
    completed(0, { costs: [costsOf('mcu', { violation: 0.5 }), costsOf('gpu', { latencyMs: 2 })] }),
    failed(1),
    completed(2),
  ]
  for (const finished of records) {
    journal.commit({ asked: [asked(finished.trial)], rejections: [], algorithmState: {} })
    journal.commit({ finished, asked: [], rejections: [], algorithmState: {} })
  }
  store.close()

  const table = (await frugal(folder, 'trials')).stdout.trim().split('\n')
  t.is(table.length, 4)
  t.regex(table[1]!, /^ +0 +arch-0 +75\.00 % +12\.5 ms .* over the limits$/)
  t.regex(table[2]!, /^ +1 +arch-1 +– .* diverged$/)
  t.regex(table[3]!, /^ +2 +arch-2 +75\.00 % .* front$/)

  const csv = (await frugal(folder, 'trials', '1', '--csv')).stdout.trim().split('\n')
  const [header, ...lines] = csv.map((line) => line.split(','))
  const read = (line: number, column: string) => lines[line]![header!.indexOf(column)]
  t.is(lines.length, 6)
  t.true(lines.every((line) => line.length === header!.length))
  t.deepEqual(
    [read(1, 'trial'), read(1, 'genome'), read(1, 'device'), read(1, 'latencyMs'), read(1, 'accuracy')],
    ['0', '0 1 0', 'gpu', '2', '0.75'],
  )
  t.deepEqual([read(2, 'failure'), read(2, 'accuracy'), read(0, 'violation')], ['diverged', '', '0.5'])
  t.deepEqual(
    lines.map((line) => line.at(-1)),
    ['0', '1', '0', '0', '1', '0'],
  )

  const json = (await frugal(folder, 'trials', '--json', '--device', 'gpu')).stdout.trim().split('\n')
  const [first] = json.map((line) => JSON.parse(line) as { genome: number[]; costs: object[] })
  t.is(json.length, 3)
  t.deepEqual(first!.genome, [0, 1, 0])
  t.is(first!.costs.length, 1)
  t.like(first!.costs[0], { device: 'gpu', latencyMs: 2, onFront: true })

  const both = await frugal(folder, 'trials', '--json', '--csv')
  t.is(both.code, 2)
  t.regex(both.stderr, /exclude each other/)
})

test('printing stops where the reader of a pipe has gone', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'frugal.db')
  const store = openStore(file, { write: true })
  const journal = store.journal(store.createExperiment(experiment()))
  const genome = Array<number>(20_000).fill(1)
  const trials = Array.from({ length: 50 }, (_, trial) => trial)
  journal.commit({ asked: trials.map((trial) => asked(trial)), rejections: [], algorithmState: {} })
  for (const trial of trials) {
    journal.commit({ finished: completed(trial, { genome }), asked: [], rejections: [], algorithmState: {} })
  }
  store.close()
  // Whoever reads as far as the last trial fails.
  const database = new Database(file)
  database.exec("UPDATE trials SET genome = 'torn' WHERE trial = 49")
  database.close()
  for (const form of ['--json', '--csv']) {
    const child = spawn(process.execPath, [FRUGAL, 'trials', form], { cwd: folder })
    const said: string[] = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text))
    child.stdout.once('data', () => child.stdout.destroy())
    t.deepEqual([...(await once(child, 'close')), said.join('')], [0, null, ''], form)
  }
  const whole = await frugal(folder, 'trials', '--csv')
  t.is(whole.code, 2)
  t.regex(whole.stderr, /genome/)
})
