import { writeSync } from 'node:fs'
import { openStore } from '../../results/sqlite/open.ts'
import { asked, completed, experiment } from './fixtures.ts'

/**
 * Commits turns to the database named on the command line until killed, and prints after each commit how many trials
 * are told. Continues what is there.
 */
const LOOK_AHEAD = 3
const store = openStore(process.argv[2]!, { write: true })
const id = store.summaries()[0]?.id ?? store.createExperiment(experiment({ budget: 1e6 }))
const journal = store.journal(id)
const state = journal.loopState()
journal.countCrashes()
if (state === undefined) {
  const opening = Array.from({ length: LOOK_AHEAD }, (_, trial) => asked(trial))
  journal.commit({ asked: opening, rejections: [], algorithmState: { told: 0, ballast: [] } })
}
for (let trial = state?.told ?? 0; ; trial++) {
  journal.markTraining(trial, true)
  journal.cacheMeasurement(`key-${trial}`, {
    ok: true,
    accuracy: trial,
    testAccuracy: 0,
    loss: 0,
    cpuSeconds: 0,
    wallSeconds: 0,
  })
  journal.markTraining(trial, false)
  journal.commit({
    finished: completed(trial),
    asked: [asked(trial + LOOK_AHEAD)],
    rejections: [{ beforeTrial: trial, genome: [trial], archId: `rejected-${trial}`, violations: {} }],
    algorithmState: { told: trial + 1, ballast: Array.from({ length: 200 }, (_, i) => trial * i) },
  })
  writeSync(1, `${trial + 1}\n`)
}
