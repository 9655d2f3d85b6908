import path from 'node:path'
import test from 'ava'
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
