import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import Database from 'better-sqlite3'
import { UserError } from '../../lib/errors.ts'
import { openStore, searchAtWork } from '../../results/sqlite/open.ts'
import { temporaryFolder } from './fixtures.ts'

const CHILD = path.join(import.meta.dirname, 'commit-forever.ts')
const KILLS = 12

/** A process that commits turns; `told` is what it last reported as committed. */
function writer(file: string): { process: ChildProcess; told: () => number; reports: (told: number) => Promise<void> } {
  const child = spawn(process.execPath, [CHILD, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = 0
  let wake = () => {}
  createInterface({ input: child.stdout! }).on('line', (line) => {
    told = Number(line)
    wake()
  })
  return {
    process: child,
    told: () => told,
    reports: async (wanted) => {
      while (told < wanted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

test('kill -9 in the middle of commits loses nothing that was committed and leaves nothing half written', async (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  let committed = 0
  for (let round = 0; round < KILLS; round++) {
    const { process: child, told, reports } = writer(file)
    await reports(committed + 2)
    await sleep((round * 7) % 23)
    await kill(child)
    const reported = told()

    // Opens at once: the lock died with its holder.
    const store = openStore(file, { write: true })
    const { id } = store.experiment()
    const state = store.journal(id).loopState()!
    const trials = store.trials(id)
    t.true(state.told >= reported && state.told <= reported + 1, `told ${state.told}, reported ${reported}`)
    t.deepEqual(
      trials.map(({ trial }) => trial),
      Array.from({ length: state.told }, (_, trial) => trial),
    )
    t.is((state.algorithmState as { told: number }).told, state.told)
    t.deepEqual(
      state.pending.map(({ trial }) => trial),
      [0, 1, 2].map((ahead) => state.told + ahead),
    )
    t.true(trials.every(({ costs }) => costs.length === 2))
    t.is(store.rejections(id).length, state.told)
    committed = state.told
    store.close()
    const raw = new Database(file, { readonly: true })
    t.is(raw.pragma('integrity_check', { simple: true }), 'ok')
    t.deepEqual(raw.pragma('foreign_key_check'), [])
    raw.close()
  }
  t.true(committed >= 2 * KILLS)
})

test('a second writer is refused, in another process and in this one, until the first is gone; readers are not', async (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  const { process: child, reports } = writer(file)
  t.teardown(() => child.kill('SIGKILL'))
  await reports(1)
  const refusal = {
    instanceOf: UserError,
    message: `the database '${file}' is locked by another search: wait until it ends, or choose another file with --db`,
  }
  t.throws(() => openStore(file, { write: true }), refusal)
  const reader = openStore(file, { write: false })
  t.true(reader.trials(reader.experiment().id).length >= 1)
  reader.close()
  t.true(searchAtWork(file))
  await kill(child)
  t.false(searchAtWork(file))

  const first = openStore(file, { write: true })
  t.true(searchAtWork(file))
  t.throws(() => openStore(file, { write: true }), refusal)
  first.close()
  t.false(searchAtWork(file))
  t.notThrows(() => openStore(file, { write: true }).close(), 'free for the next one')
})

test('a reader opens what a killed writer left, without a writer coming first', async (t) => {
  const file = path.join(temporaryFolder(t), 'frugal.db')
  const { process: child, reports, told } = writer(file)
  await reports(3)
  await kill(child)
  const reader = openStore(file, { write: false })
  t.teardown(() => reader.close())
  t.true(reader.journal(1).loopState()!.told >= told())
})
