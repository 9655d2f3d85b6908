import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { formatNumber } from '../../lib/units.ts'
import type { Store } from '../../results/store.ts'
import type { ExperimentStatus } from '../../search/journal.ts'
import type { SearchEvent } from '../../search/loop.ts'
import { createProgress } from '../render/progress.ts'
import { print, printJson } from './output.ts'
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
  const records = store.trials(experiment)
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
    dataset: {
      name: dataset.name,
      digest: dataset.digest,
      inputShape: dataset.inputShape,
      classes: dataset.classNames.length,
      train: dataset.splits.train.length,
      validation: dataset.splits.validation.length,
      test: dataset.splits.test.length,
    },
  })
  return {
    onEvent: (event) => {
      if (event.event !== 'trial') return printJson(event)
      const { trial, archId, macs, params, result, costs } = event.record
      printJson({ event: 'trial', trial, archId, macs, params, rejected: event.rejected, result, costs })
    },
    interrupting: () => printJson({ event: 'interrupting', experiment }),
    finished: (status) =>
      printJson({
        event: status === 'interrupted' ? 'interrupted' : 'done',
        experiment,
        ...(status === 'exhausted' ? { exhausted: true } : {}),
        ...counts(options),
        fronts: fronts(options),
      }),
    stop: () => undefined,
  }
}

const CLOSING: Readonly<Record<ExperimentStatus, string>> = {
  running: 'still running',
  interrupted: 'stopped',
  done: 'done',
  exhausted: 'ended early: no new network within the limits was found',
}

function humanReporter(options: ReporterOptions): Reporter {
  const { store, experiment, settings, dataset, db } = options
  const { devices, objectives, references } = store.experiment(experiment)
  const { train, validation, test } = dataset.splits
  print(
    `Experiment ${experiment}: ${settings.trials} trials of '${settings.space}' on ${dataset.name} ` +
      `(${dataset.inputShape.join('×')}, ${dataset.classNames.length} classes, ${train.length} training, ${validation.length} validation, ${test.length} test samples)`,
  )
  print(
    `Devices: ${devices.join(', ')}; ${settings.algorithm}, seed ${settings.seed}, ${settings.fidelity.epochs} epochs a network`,
  )
  const progress = createProgress({ stream: process.stdout, total: settings.trials, objectives, devices, json: false })
  const began = performance.now()
  let fresh = 0
  let running = 0
  let { trials, failures } = counts(options)
  let rejected = 0

  const update = () =>
    progress.update({
      done: trials,
      failures,
      rejected,
      running,
      elapsedSeconds: (performance.now() - began) / 1000,
      freshTrials: fresh,
      fronts: devices.map((device) => store.front(experiment, device)),
      references,
    })

  return {
    onEvent: (event) => {
      if (event.event === 'started') running++
      if (event.event === 'trial') {
        running = Math.max(0, running - 1)
        trials++
        fresh++
        rejected = event.rejected
        const { trial, result } = event.record
        if (!result.ok) {
          failures++
          progress.log(`trial ${trial} failed: ${result.code}: ${result.message}`)
        }
      }
      if (event.event !== 'asked') update()
    },
    interrupting: () => progress.log('Stopping; press Ctrl-C again to stop at once.'),
    finished: (status) => {
      progress.done()
      const database = db === 'frugal.db' ? '' : ` --db ${db}`
      print(
        `Experiment ${experiment} ${CLOSING[status]}: ${trials} trials, ${failures} failed, ${formatNumber((performance.now() - began) / 1000)} s`,
      )
      if (status === 'interrupted') return print(`Continue with: frugal resume ${experiment}${database}`)
      for (const device of devices) print(`  frugal front ${experiment} --device ${device}${database}`)
      print(`  frugal export ${experiment} --device ${devices[0]}${database}`)
    },
    stop: () => progress.done(),
  }
}
