import { existsSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import Database from 'better-sqlite3'
import { openStore } from '../../results/sqlite/open.ts'
import type { Store } from '../../results/store.ts'
import { SearchLoop } from '../../search/loop.ts'
import { toyPlan } from '../search/fixtures-loop.ts'
import { experiment, temporaryFolder } from './fixtures.ts'

/** Makes a database what it was before there were ladders of fidelity. */
const TO_VERSION_2 = `
UPDATE loop_state SET algorithm_state = json_remove(algorithm_state, '$.fitted');
ALTER TABLE trials DROP COLUMN cross_entropy;
ALTER TABLE measurements DROP COLUMN cross_entropy;
ALTER TABLE experiments DROP COLUMN rungs;
ALTER TABLE trials DROP COLUMN rung;
ALTER TABLE trials DROP COLUMN continues;
ALTER TABLE trials DROP COLUMN inherits;
ALTER TABLE pending DROP COLUMN rung;
ALTER TABLE pending DROP COLUMN continues;
ALTER TABLE pending DROP COLUMN inherits;
ALTER TABLE energy_uses DROP COLUMN rung;
PRAGMA user_version = 2;
`

const newExperiment = (store: Store): number => {
  const plan = toyPlan()
  const devices = plan.devices.map(({ id }) => id)
  const references = Object.fromEntries(devices.map((id) => [id, [0.9, 1e4, 1e4]]))
  return store.createExperiment(experiment({ devices, objectives: plan.objectives, references, budget: 40 }))
}

const outcome = (store: Store, id: number) => ({
  experiment: { ...store.experiment(id), createdAt: '' },
  trials: store.trials(id),
  fronts: store.experiment(id).devices.map((device) => store.front(id, device)),
})

test('a search begun by a version without ladders goes on to the end it would have had', async (t) => {
  const folder = temporaryFolder(t)
  const whole = openStore(path.join(folder, 'whole.db'), { write: true })
  const id = newExperiment(whole)
  const plan = toyPlan()
  await new SearchLoop(plan, whole.journal(id), () => undefined).run(new AbortController().signal)
  const expected = outcome(whole, id)
  whole.close()

  const file = path.join(folder, 'old.db')
  const first = openStore(file, { write: true })
  newExperiment(first)
  const stop = new AbortController()
  await new SearchLoop(toyPlan(), first.journal(id), (event) => {
    if (event.event === 'trial' && event.record.trial === 17) stop.abort()
  }).run(stop.signal)
  const before = outcome(first, id)
  // What was measured already when the search was told to stop is told, too.
  t.true(before.trials.length >= 18 && before.trials.length < 40)
  first.close()
  const raw = new Database(file)
  raw.exec(TO_VERSION_2)
  raw.close()

  const upgraded = openStore(file, { write: true })
  t.true(existsSync(`${file}.v2.backup`))
  t.deepEqual(outcome(upgraded, id), before)
  await new SearchLoop(toyPlan(), upgraded.journal(id), () => undefined).run(new AbortController().signal)
  t.deepEqual(outcome(upgraded, id), expected)
  upgraded.close()
})
