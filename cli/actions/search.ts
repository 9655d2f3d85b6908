import { setTimeout as delay } from 'node:timers/promises'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { MeteredEvaluator } from '../../evaluators/energy/metered-evaluator.ts'
import type { Evaluator } from '../../evaluators/evaluator.ts'
import { chooseEngine, trainsAlone } from '../../evaluators/training/engines.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { openStore } from '../../results/sqlite/open.ts'
import type { Store } from '../../results/store.ts'
import { SearchLoop } from '../../search/loop.ts'
import { probeSpace } from '../../search/probe.ts'
import { shownText } from '../render/terminal.ts'
import type { ResumeArguments, SearchArguments } from '../search-options.ts'
import { checkCrew, crewOf } from './crew.ts'
import { dryRun } from './dry-run.ts'
import { checkFingerprints, editedSpaceNote, fingerprintsOf } from './fingerprints.ts'
import { prepareHost } from './host.ts'
import { INTERRUPTED, STOPPED_BY } from './interruption.ts'
import { checkpointsOf, stagesOf, trialsOf } from './ladder.ts'
import { type EnergyArguments, energyFlags, keptFlags, meterSearch } from './search-energy.ts'
import { crewNotes, dataNotes, frontEndNotes } from './search-notes.ts'
import { createReporter } from './search-reporter.ts'
import { defaultName, environment, loadData, openSession, type Session, startEvaluator } from './session.ts'
import {
  checkFlags,
  dataPathOf,
  devicesOf,
  limitsOf,
  readSettings,
  type SearchSettings,
  settleSettings,
} from './settings.ts'
import { taught } from './teacher.ts'
import { dataOfExperiment, networkOfTrial } from './trial-network.ts'

/** `frugal search`: checks everything that can be wrong before anything is written, then runs the loop. */
export async function search(asked: SearchArguments): Promise<void> {
  checkFlags(asked)
  energyFlags(asked)
  const choice = await chooseEngine(asked)
  const args: SearchArguments = { ...asked, ...choice }
  await prepareHost(devicesOf(args))
  const deviceIds = devicesOf(args).map((name) => loadProfile(name).id)
  const twice = deviceIds.find((id, i) => deviceIds.indexOf(id) !== i)
  if (twice !== undefined) throw new UserError(`two of the profiles have the id '${twice}': give each device once`)
  limitsOf(args, deviceIds)
  const { space, algorithm } = args
  const fingerprints = await fingerprintsOf({ space, algorithm, devices: [...devicesOf(args)], ...choice })
  const dataset = await loadData(dataPathOf(args.data), args.seed)
  const settings = settleSettings(args, dataset, deviceIds, fingerprints)
  const crew = crewOf(args, settings, settings)
  if (args['dry-run']) return dryRun(settings, dataset, notesOf(settings, dataset, args), args.json)
  const trainingData = await taught(dataset, settings.recipe, settings.teacher)

  const store = openStore(args.db, { write: true })
  try {
    const evaluator = await startEvaluator(settings, trainingData, crew)
    try {
      const session = await openSession(settings, dataset, evaluator, crew)
      const { references, doubtfulDevices } = await probeSpace(session.plan, randomStream(settings.seed, 'probe'))
      const notes = [
        ...notesOf(settings, dataset, args),
        ...doubtfulDevices.map(
          (device) => `none of 200 random networks meets the limits of '${device}'; its front may stay empty`,
        ),
      ]
      for (const note of notes) process.stderr.write(`frugal: ${shownText(note, { unicode: true })}\n`)
      const id = store.createExperiment({
        name: args.name ?? defaultName(settings),
        settings,
        environment: environment(settings, crew),
        datasetDigest: dataset.digest,
        devices: deviceIds,
        objectives: settings.objectives,
        references,
        budget: trialsOf(settings),
        rungs: stagesOf(settings).length,
      })
      await run(store, id, session, args, settings)
    } finally {
      await release(evaluator, store)
    }
  } finally {
    store.close()
  }
}

const notesOf = (settings: SearchSettings, dataset: Dataset, args: SearchArguments): readonly string[] => [
  ...dataNotes(dataset),
  ...frontEndNotes(settings, settings.devices.map(loadProfile)),
  ...crewNotes(settings, args, trainsAlone(settings)),
]

/** So many trials are decoded again before a search goes on. */
const DECODED_AGAIN = 32

/** @throws UserError when genomes do not mean what they meant, whatever the space's version says. */
function checkNetworks(store: Store, experiment: number, { space, dataset }: Session): void {
  for (let i = 0; i < DECODED_AGAIN; i++) {
    const record = store.trial(experiment, i)
    if (record === undefined) return
    networkOfTrial(space, dataset, record)
  }
}

/** `frugal resume`: continues from the journal; nothing but the workers may differ from before. */
export async function resume(args: ResumeArguments): Promise<void> {
  checkCrew(args)
  const energy = energyFlags(args)
  const store = openStore(args.db, { write: true, create: false })
  try {
    const experiment = store.experiment(args.id)
    const settings = readSettings(experiment.settings, experiment.id)
    keptFlags(energy, store.energy(experiment.id), experiment)
    const fingerprints = await fingerprintsOf(settings)
    checkFingerprints(settings, fingerprints, experiment.id)
    const note = editedSpaceNote(settings, fingerprints)
    if (note !== undefined) process.stderr.write(`frugal: ${shownText(note, { unicode: true })}\n`)
    const crew = crewOf(args, settings, { ...settings, begun: true })
    const dataset = await dataOfExperiment(args.data, settings, experiment)
    if (experiment.status === 'done' || experiment.status === 'exhausted') {
      process.stderr.write(
        `frugal: experiment ${experiment.id} is complete; for more networks repeat its frugal search with more --trials: what is trained already is taken from the database\n`,
      )
    }
    const trainingData = await taught(dataset, settings.recipe, settings.teacher)
    const evaluator = await startEvaluator(settings, trainingData, crew)
    try {
      const session = await openSession(settings, dataset, evaluator, crew)
      checkNetworks(store, experiment.id, session)
      await run(store, experiment.id, session, args, settings)
    } finally {
      await release(evaluator, store)
    }
  } finally {
    store.close()
  }
}

/** How long a stopped search waits for the steps that its threads are in. */
const STOP_PATIENCE_MS = 700

/**
 * Ends the process as Ctrl-C ends one that does not listen, which shells report as 130. Leaving in the usual way would
 * wait for native code, or abort in it.
 */
function endNow(): void {
  process.removeAllListeners('SIGINT')
  process.kill(process.pid, 'SIGINT')
}

/** Frees the evaluator. After Ctrl-C a thread deep in native code is not waited for: the results are safe by then. */
async function release(evaluator: Evaluator, store: Store): Promise<void> {
  const released = evaluator.dispose().then(() => true)
  if (process.exitCode !== INTERRUPTED) return void (await released)
  if (await Promise.race([released, delay(STOP_PATIENCE_MS, false)])) return
  store.close()
  endNow()
}

async function run(
  store: Store,
  experiment: number,
  session: Session,
  args: EnergyArguments & { readonly json: boolean; readonly db: string },
  settings: SearchSettings,
): Promise<void> {
  const reporter = createReporter({
    store,
    experiment,
    settings,
    dataset: session.dataset,
    json: args.json,
    db: args.db,
  })
  const stop = new AbortController()
  const interrupt = () => {
    if (stop.signal.aborted) endNow()
    stop.abort()
    reporter.interrupting()
  }
  // A terminal that closes must not make it look as if the networks in training had crashed the process.
  for (const signal of STOPPED_BY) process.on(signal, interrupt)
  let metered: MeteredEvaluator | undefined
  let limited = false
  try {
    const flags = keptFlags(energyFlags(args), store.energy(experiment), store.experiment(experiment))
    const onLimit = () => {
      limited = true
      stop.abort()
    }
    metered = await meterSearch({ store, experiment, settings, flags, evaluator: session.plan.evaluator, onLimit })
    store.setStatus(experiment, 'running')
    const checkpoints = checkpointsOf(args.db, experiment, settings)
    const plan = { ...session.plan, evaluator: metered, checkpoints }
    const loop = new SearchLoop(plan, store.journal(experiment), reporter.onEvent)
    const status = await loop.run(stop.signal)
    metered.close()
    store.setStatus(experiment, status)
    reporter.finished(status)
    if (status === 'interrupted' && !limited) process.exitCode = INTERRUPTED
  } catch (error) {
    reporter.stop()
    throw error
  } finally {
    metered?.close()
    for (const signal of STOPPED_BY) process.off(signal, interrupt)
  }
}
