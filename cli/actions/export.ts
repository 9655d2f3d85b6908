import { loadEngine } from '../../evaluators/training/engines.ts'
import { exportNetwork as writeExport } from '../../export/export-network.ts'
import { selectTrial } from '../../export/select.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { formatLatency } from '../../lib/units.ts'
import { archId } from '../../network/measure.ts'
import { openStore } from '../../results/sqlite/open.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { wholeNumber } from '../commands/shared.ts'
import { packageVersion } from '../package-version.ts'
import { deviceOf } from './inspect.ts'
import { print } from './output.ts'
import { loadData, taskOf, trainingSeed } from './session.ts'
import { dataPathOf, readSettings } from './settings.ts'

/** The final training is this many times as long as the search's, unless told otherwise. */
const FINAL_EPOCHS_FACTOR = 4

interface ExportArguments {
  readonly id: number | undefined
  readonly db: string
  readonly device: string | undefined
  readonly out: string
  readonly trial: number | undefined
  readonly epochs: number | undefined
  readonly data: string | undefined
}

/** `frugal export` */
export async function exportNetwork(args: ExportArguments): Promise<void> {
  if (args.epochs !== undefined) wholeNumber(args.epochs, '--epochs', 1, 100_000)
  if (args.trial !== undefined) wholeNumber(args.trial, '--trial', 0, Number.MAX_SAFE_INTEGER)
  const store = openStore(args.db, { write: false })
  const { experiment, front, trials } = (() => {
    try {
      const found = store.experiment(args.id)
      return {
        experiment: found,
        front: store.front(found.id, deviceOf(found, args.device)),
        trials: store.trials(found.id),
      }
    } finally {
      store.close()
    }
  })()
  const selection = selectTrial(front, trials, args.trial)
  const settings = readSettings(experiment.settings, experiment.id)
  const dataset = await loadData(dataPathOf(args.data ?? settings.data), settings.seed)
  if (dataset.digest !== experiment.datasetDigest) {
    throw new UserError(
      `the data in '${args.data ?? settings.data}' are not those experiment ${experiment.id} was run on: name the right ones with --data`,
    )
  }
  const space = await loadSpace(settings.space)
  const graph = space.decode(selection.record.genome, taskOf(dataset))
  if (archId(graph) !== selection.record.archId) {
    throw new UserError(
      `the space '${space.id}' no longer decodes trial ${selection.record.trial} to the network that was trained: use the version it was searched with`,
    )
  }
  const profileName = settings.devices[experiment.devices.indexOf(front.device)]!
  const epochs = args.epochs ?? FINAL_EPOCHS_FACTOR * settings.fidelity.epochs
  const stop = new AbortController()
  const interrupt = () => {
    if (stop.signal.aborted) process.kill(process.pid, 'SIGKILL')
    stop.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  print(
    `Training trial ${selection.record.trial} (${selection.record.archId}) of experiment ${experiment.id} for ${epochs} epochs`,
  )
  try {
    const card = await writeExport({
      selection,
      graph,
      space: { id: space.id, version: space.version },
      dataset,
      engine: await loadEngine(settings.engine),
      engineId: settings.engine,
      recipe: settings.recipe,
      epochs,
      seed: trainingSeed(settings.seed, selection.record.archId),
      costModel: createCostModel(loadProfile(profileName)),
      search: {
        trials: trials.length,
        failures: trials.filter(({ result }) => !result.ok).length,
        cpuSeconds: trials.reduce((sum, { result }) => sum + (result.ok ? result.cpuSeconds : 0), 0),
        settings: { ...settings, data: dataset.name },
      },
      frugalVersion: packageVersion(),
      out: args.out,
      signal: stop.signal,
      onEpoch: ({ epoch, loss, accuracy }) =>
        print(`epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}, training accuracy ${(100 * accuracy).toFixed(2)} %`),
    })
    const { test } = card.accuracy
    print(
      `${args.out}: model.onnx, architecture.json, card.json, README.md; test accuracy ${(100 * test.accuracy).toFixed(2)} % ` +
        `(${test.correct} of ${test.samples}, measured on model.onnx), ${formatLatency(card.cost.latencyMs)} on ${front.device}`,
    )
  } catch (error) {
    if (!stop.signal.aborted) throw error
    process.stderr.write('frugal: stopped; nothing was written\n')
    process.exitCode = 130
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}
