import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { formatNumber } from '../../lib/units.ts'
import { atEnergyLimit } from '../../results/search-energy.ts'
import type { FrontPoint, Store } from '../../results/store.ts'
import type { ExperimentStatus } from '../../search/journal.ts'
import type { SearchEvent } from '../../search/loop.ts'
import type { ObjectiveName } from '../../search/objectives.ts'
import { createProgress } from '../render/progress.ts'
import { stageProgress, stagesLine, trialsOf } from './ladder.ts'
import { counted, databaseFlag, print, printJson } from './output.ts'
import { energyJson, energyLine, limitLine } from './search-energy.ts'
import type { SearchSettings } from './settings.ts'

/** Tells people, or machines with `--json`, how a search goes. */
export interface Reporter {
  readonly onEvent: (event: SearchEvent) => void
  interrupting(): void
  finished(status: ExperimentStatus): void
  /** Leaves the terminal as it was, after an error. */
  stop(): void
}

export interface ReporterOptions {
  readonly store: Store
  readonly experiment: number
  readonly settings: SearchSettings
  readonly dataset: Dataset
  readonly json: boolean
  readonly db: string
}

export function createReporter(options: ReporterOptions): Reporter {
  return options.json ? machineReporter(options) : humanReporter(options)
}

function counts({ store, experiment }: ReporterOptions): { trials: number; failures: number } {
  const records = store.outcomes(experiment)
  return { trials: records.length, failures: records.filter((record) => !record.result.ok).length }
}

function fronts({ store, experiment }: ReporterOptions) {
  return Object.fromEntries(
    store.experiment(experiment).devices.map((device) => [device, store.front(experiment, device).points]),
  )
}

function machineReporter(options: ReporterOptions): Reporter {
  const { experiment, settings, dataset } = options
  printJson({
    event: 'start',
    experiment,
    settings,
    dataset: datasetJson(dataset),
  })
  return {
    onEvent: (event) => {
      if (event.event === 'asked') {
        const { genome: _, ...asked } = event
        return printJson(asked)
      }
      if (event.event !== 'trial') return printJson(event)
      const { genome: _, ...record } = event.record
      printJson({ event: 'trial', ...record, rejected: event.rejected })
    },
    interrupting: () => printJson({ event: 'interrupting', experiment }),
    finished: (status) =>
      printJson({
        event: status === 'interrupted' ? 'interrupted' : 'done',
        experiment,
        ...(status === 'exhausted' ? { exhausted: true } : {}),
        ...counts(options),
        energy: energyJson(options.store.energy(experiment)),
        fronts: fronts(options),
      }),
    stop: () => undefined,
  }
}

/** Best value of each objective on a front, in its own unit. */
function bestOf(points: readonly FrontPoint[], objectives: readonly string[]): Partial<Record<ObjectiveName, number>> {
  const best: Partial<Record<ObjectiveName, number>> = {}
  if (points.length === 0) return best
  for (const name of objectives as readonly ObjectiveName[]) {
    const values = points.map((point) => point[name])
    best[name] = name === 'accuracy' ? Math.max(...values) : Math.min(...values)
  }
  return best
}

const CLOSING: Readonly<Record<ExperimentStatus, string>> = {
  running: 'still running',
  interrupted: 'stopped',
  done: 'done',
  exhausted: 'ended early: no new network within the limits was found',
}

/** What is searched, in two lines. */
export function taskText(settings: SearchSettings, dataset: Dataset, devices: readonly string[]): string {
  const { train, validation, test } = dataset.splits
  return (
    `${counted(settings.trials, settings.ladder === undefined ? 'trial' : 'network')} of '${settings.space}' on ${dataset.name} ` +
    `(${dataset.inputShape.join('×')}, ${dataset.classNames.length} classes, ${train.length} training, ${validation.length} validation, ${test.length} test samples)\n` +
    `Devices: ${devices.join(', ')}; ${settings.algorithm}, seed ${settings.seed}, ${stagesLine(settings)}`
  )
}

/** What is searched, for machines. */
export const datasetJson = (dataset: Dataset) => ({
  name: dataset.name,
  digest: dataset.digest,
  inputShape: dataset.inputShape,
  classes: dataset.classNames.length,
  train: dataset.splits.train.length,
  validation: dataset.splits.validation.length,
  test: dataset.splits.test.length,
})

function humanReporter(options: ReporterOptions): Reporter {
  const { store, experiment, settings, dataset, db } = options
  const { devices, objectives } = store.experiment(experiment)
  print(`Experiment ${experiment}: ${taskText(settings, dataset, devices)}`)
  const total = trialsOf(settings)
  const progress = createProgress({ stream: process.stdout, total, objectives, devices, json: false })
  const began = performance.now()
  let training = 0
  let { trials, failures } = counts(options)
  let rejected = store.rejected(experiment)
  const rungs = store.outcomes(experiment).map(({ rung }) => ({ rung }))

  const frontsNow = () =>
    Object.fromEntries(
      devices.map((device) => {
        const { points, hypervolume } = store.front(experiment, device)
        return [device, { best: bestOf(points, objectives), hypervolume, size: points.length }]
      }),
    )
  // Only a result changes them, and with thousands of trials they take tens of milliseconds.
  let shownFronts = frontsNow()

  const update = () =>
    progress.update({
      told: trials,
      failures,
      rejected,
      training,
      ...(settings.ladder === undefined ? {} : { stages: stageProgress(settings, rungs) }),
      fronts: shownFronts,
    })

  return {
    onEvent: (event) => {
      if (event.event === 'asked') return
      if (event.event === 'started') training++
      else if (event.event === 'measured') training--
      else {
        trials++
        rejected = event.rejected
        shownFronts = frontsNow()
        const { trial, rung, result } = event.record
        rungs.push({ rung })
        if (!result.ok) {
          failures++
          progress.log(`trial ${trial} failed: ${result.code}: ${result.message}`)
        }
      }
      update()
    },
    interrupting: () => progress.log('Stopping; press Ctrl-C again to stop at once.'),
    finished: (status) => {
      progress.done()
      const database = databaseFlag(db)
      print(
        `Experiment ${experiment} ${CLOSING[status]}: ${counted(trials, 'trial')}, ${failures} failed, ${formatNumber((performance.now() - began) / 1000)} s`,
      )
      const energy = store.energy(experiment)
      print(energyLine(energy))
      if (status === 'interrupted' && atEnergyLimit(energy)) return print(limitLine(energy, experiment, db))
      if (status === 'interrupted') return print(`Continue with: frugal resume ${experiment}${database}`)
      for (const device of devices) print(`  frugal front ${experiment} --device ${device}${database}`)
      print(`  frugal export ${experiment} --device ${devices[0]}${database}`)
    },
    stop: () => progress.done(),
  }
}
