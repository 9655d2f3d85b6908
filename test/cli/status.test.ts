import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import Database from 'better-sqlite3'
import { openStore } from '../../results/sqlite/open.ts'
import { asked, experiment, failed } from '../results/fixtures.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

test('status writes out the latest failures, safely, and counts the others', async (t) => {
  const folder = temporaryFolder(t)
  const store = openStore(path.join(folder, 'frugal.db'), { write: true })
  const journal = store.journal(store.createExperiment(experiment()))
  for (let trial = 0; trial < 13; trial++) {
    journal.commit({ asked: [asked(trial)], rejections: [], algorithmState: {} })
    const record = { ...failed(trial), result: { ok: false, code: 'threw', message: 'a\u001b[2Jb' } } as const
    journal.commit({ finished: record, asked: [], rejections: [], algorithmState: {} })
  }
  store.close()
  const { code, stdout, stderr } = await frugal(folder, 'status')
  t.is(code, 0, stderr)
  const lines = stdout.trim().split('\n')
  t.deepEqual(
    lines.filter((line) => line.startsWith('trial ')),
    Array.from({ length: 10 }, (_, i) => `trial ${i + 3} (arch-${i + 3}) failed: threw: a?[2Jb`),
  )
  t.is(lines.at(-1), 'and 3 earlier ones: frugal status --json lists all')
  const { failures } = JSON.parse((await frugal(folder, 'status', '--json')).stdout) as { failures: unknown[] }
  t.is(failures.length, 13)
})

test('a search that says it runs while no process is at work was cut off, and status says how to go on', async (t) => {
  const folder = temporaryFolder(t)
  const store = openStore(path.join(folder, 'frugal.db'), { write: true })
  store.createExperiment(experiment())
  const running = await frugal(folder, 'status')
  t.regex(running.stdout, /^Experiment 1 \(digits\): running, begun /)
  t.notRegex(running.stdout, /frugal resume/)
  t.regex((await frugal(folder, 'list')).stdout, / running /)
  store.close()
  const { stdout } = await frugal(folder, 'status')
  t.regex(stdout, /^Experiment 1 \(digits\): cut off, begun /)
  t.regex(stdout, /^Continue with: frugal resume 1$/m)
  t.like(JSON.parse((await frugal(folder, 'status', '--json')).stdout), { status: 'running', cutOff: true })
  t.regex((await frugal(folder, 'list')).stdout, / cut off /)
  t.like(JSON.parse((await frugal(folder, 'list', '--json')).stdout), [{ status: 'running', cutOff: true }])
})

test('delete says what would go, then takes it away with its checkpoints and leaves the rest', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'frugal.db')
  const store = openStore(file, { write: true })
  for (const name of ['first', 'second', 'third']) {
    const journal = store.journal(store.createExperiment(experiment({ name })))
    journal.commit({ asked: [asked(0)], rejections: [], algorithmState: {} })
    journal.commit({ finished: failed(0), asked: [], rejections: [], algorithmState: {} })
  }
  const busy = await frugal(folder, 'delete', '1', '--yes')
  t.is(busy.code, 2)
  t.regex(busy.stderr, /is locked by another search/)
  store.close()
  const checkpoint = path.join(folder, 'frugal.db.checkpoints/3/a.checkpoint')
  mkdirSync(path.dirname(checkpoint), { recursive: true })
  writeFileSync(checkpoint, 'x')
  const names = async () =>
    (JSON.parse((await frugal(folder, 'list', '--json')).stdout) as { name: string }[]).map(({ name }) => name)

  const asking = await frugal(folder, 'delete', '1', '3')
  t.is(asking.code, 2)
  t.is(
    asking.stderr,
    'frugal: experiment 1 (first, 1 trial), experiment 3 (third, 1 trial) would be deleted for good: repeat the command with --yes to do so\n',
  )
  t.is((await frugal(folder, 'delete', '1', '9', '--yes')).code, 2)
  t.deepEqual(await names(), ['first', 'second', 'third'])
  t.is(
    (await frugal(folder, 'delete', '1', '3', '3', '--yes')).stdout,
    'deleted experiment 1 (first, 1 trial)\ndeleted experiment 3 (third, 1 trial)\n',
  )
  t.deepEqual(await names(), ['second'])
  t.false(existsSync(checkpoint))
  const raw = new Database(file, { readonly: true })
  for (const table of ['trials', 'pending', 'loop_state', 'rejections'])
    t.deepEqual(raw.prepare(`SELECT DISTINCT experiment FROM ${table} WHERE experiment <> 2`).all(), [], table)
  raw.close()
  const asJson = await frugal(folder, 'delete', '2', '--yes', '--json')
  t.deepEqual(JSON.parse(asJson.stdout), { deleted: [{ id: 2, name: 'second', completed: 0, failed: 1 }] })
  t.is(asJson.stderr, 'deleted experiment 2 (second, 1 trial)\n')
})
