import { UserError } from '../../lib/errors.ts'
import { formatAccuracy, formatNumber } from '../../lib/units.ts'
import { kneeOf } from '../../results/knee.ts'
import { frontCsv } from '../../results/report/front-csv.ts'
import { frontJson } from '../../results/report/front-json.ts'
import { frontSvg } from '../../results/report/front-svg.ts'
import { METRICS, type MetricName } from '../../results/report/metrics.ts'
import { atEnergyLimit } from '../../results/search-energy.ts'
import { searchAtWork } from '../../results/sqlite/open.ts'
import type { Experiment, Front, FrontPoint, Store } from '../../results/store.ts'
import { parseCost } from '../../search/objectives.ts'
import { renderFrontTable } from '../render/front-table.ts'
import { renderScatter } from '../render/scatter.ts'
import { shownText, terminalOf } from '../render/terminal.ts'
import { type StageProgress, stageProgress } from './ladder.ts'
import { columns, counted, databaseFlag, print, printJson, tableTerminal, writePicture } from './output.ts'
import { deviceOf, reading } from './read-store.ts'
import { type EnergyArguments, energyFlags, energyJson, energyLine, limitLine } from './search-energy.ts'
import { costsNote } from './search-notes.ts'
import { countedFrontEnd, readSettings } from './settings.ts'

interface ExperimentArguments {
  readonly id: number | undefined
  readonly db: string
  readonly json: boolean
}

/** As `reading`, with whether a search was at work: asked before and after, for one may begin or end in between. */
function readingAtWork<T>(db: string, work: (store: Store) => T): readonly [T, boolean] {
  const before = searchAtWork(db)
  const read = reading(db, work)
  return [read, before || searchAtWork(db)]
}

/** A name may hold anything: control characters would reach the terminal. */
const shownName = ({ name }: Experiment): string => shownText(name, tableTerminal())

/** `frugal front` */
export async function front(
  args: ExperimentArguments & {
    readonly device: string | undefined
    readonly csv: boolean
    readonly svg: string | undefined
    readonly x: string | undefined
    readonly knee: boolean
  },
): Promise<void> {
  if (args.json && args.csv) throw new UserError('--json and --csv exclude each other: give one of them')
  const asked = args.x === undefined ? undefined : parseCost(args.x, '--x')
  const [experiment, whole] = reading(args.db, (store) => {
    const found = store.experiment(args.id)
    return [found, store.front(found.id, deviceOf(found, args.device))] as const
  })
  const x = asked ?? (experiment.objectives[1] as MetricName)
  const knee = args.knee ? kneeOf(whole) : undefined
  const result = args.knee ? { ...whole, points: knee === undefined ? [] : [knee] } : whole
  if (args.svg !== undefined) {
    writePicture(args.svg, frontSvg(result, { x, y: 'accuracy' }))
    if (!args.json && !args.csv) print(`wrote ${args.svg}`)
  }
  if (args.json) return print(frontJson(result))
  if (args.csv) return print(frontCsv(result))
  if (args.svg !== undefined) return
  print(
    `Experiment ${experiment.id} (${shownName(experiment)}), ${result.device}: ${counted(whole.points.length, 'network')} on the front, hypervolume ${formatNumber(result.hypervolume)}`,
  )
  if (result.points.length === 0) return print('No trained network meets the limits of this device yet.')
  if (knee === undefined) print(renderScatter(result, x, 'accuracy', terminalOf(process.stdout)))
  else print(kneeText(whole, knee))
  print(renderFrontTable(result, tableTerminal()))
  const note = costsNote(countedFrontEnd(experiment.settings))
  if (note !== '') print(note)
}

/** The knee beside the best in each objective of the front. */
function kneeText({ objectives, points }: Front, knee: FrontPoint): string {
  const compared = objectives.map((objective) => {
    const { heading, better, format } = METRICS[objective as MetricName]
    const values = points.map((point) => point[objective as MetricName])
    const best = better === 'lower' ? Math.min(...values) : Math.max(...values)
    return `${heading} ${format(knee[objective as MetricName])} (best on the front: ${format(best)})`
  })
  return `The knee is trial ${knee.trial}: ${compared.join(', ')}.\n`
}

/** A search that a process is at work on holds the lock; one that still says so without it was killed, or crashed. */
const CUT_OFF = 'cut off'

/** `frugal list` */
export async function list(args: { readonly db: string; readonly json: boolean }): Promise<void> {
  const [summaries, atWork] = readingAtWork(args.db, (store) => store.summaries())
  const cutOff = ({ status }: { readonly status: string }) => status === 'running' && !atWork
  if (args.json)
    return printJson(summaries.map((summary) => ({ ...summary, ...(cutOff(summary) ? { cutOff: true } : {}) })))
  const rows = summaries.map((summary) => [
    `${summary.id}`,
    summary.name,
    cutOff(summary) ? CUT_OFF : summary.status,
    `${summary.completed + summary.failed}/${summary.budget}`,
    `${summary.failed}`,
    `${summary.rejected}`,
    summary.bestAccuracy === undefined ? '–' : formatAccuracy(summary.bestAccuracy),
    summary.devices.join(', '),
    summary.createdAt,
  ])
  print(
    columns(
      [['id', 'name', 'status', 'trials', 'failed', 'rejected', 'best', 'devices', 'begun'], ...rows],
      [0, 3, 4, 5, 6],
    ),
  )
}

/** The latest failures that `status` writes out. */
const SHOWN_FAILURES = 10

/** How many networks got how far: only those of the last stage are on fronts. */
const stagesText = (stages: readonly StageProgress[]): string =>
  stages
    .map(
      ({ stage, told, planned }, i) =>
        `stage ${i + 1} (${counted(stage.epochs, 'epoch')}): ${told} of ${planned} trials`,
    )
    .join(', ')

/** `frugal status` */
export async function status(args: ExperimentArguments & EnergyArguments): Promise<void> {
  const { gramsPerKwh } = energyFlags(args)
  const [[experiment, records, rejected, fronts, counted], atWork] = readingAtWork(args.db, (store) => {
    const found = store.experiment(args.id)
    return [
      found,
      store.outcomes(found.id),
      store.rejected(found.id),
      found.devices.map((device) => store.front(found.id, device)),
      store.energy(found.id),
    ] as const
  })
  const energy = { ...counted, gramsPerKwh: gramsPerKwh ?? counted.gramsPerKwh }
  const failures = records.filter((record) => !record.result.ok)
  const cutOff = experiment.status === 'running' && !atWork
  const stages = experiment.rungs === 1 ? [] : stageProgress(readSettings(experiment.settings, experiment.id), records)
  if (args.json) {
    return printJson({
      experiment: experiment.id,
      name: experiment.name,
      status: experiment.status,
      ...(cutOff ? { cutOff } : {}),
      budget: experiment.budget,
      completed: records.length - failures.length,
      failed: failures.length,
      rejected,
      ...(stages.length === 0 ? {} : { stages }),
      energy: energyJson(energy),
      settings: experiment.settings,
      environment: experiment.environment,
      failures: failures.map(({ trial, archId, result }) => ({
        trial,
        archId,
        ...(result.ok ? {} : { code: result.code, message: result.message }),
      })),
      fronts: fronts.map(({ device, hypervolume, points }) => ({ device, hypervolume, points: points.length })),
    })
  }
  const cpuSeconds = records.reduce((sum, { result }) => sum + (result.ok ? result.cpuSeconds : 0), 0)
  print(
    `Experiment ${experiment.id} (${shownName(experiment)}): ${cutOff ? CUT_OFF : experiment.status}, begun ${experiment.createdAt}`,
  )
  print(
    `${records.length} of ${experiment.budget} trials, ${failures.length} failed, ${rejected} turned down by limits, ${formatNumber(cpuSeconds)} s of processor time`,
  )
  if (stages.length > 0) print(stagesText(stages))
  print(energyLine(energy))
  if (experiment.status === 'interrupted' && atEnergyLimit(energy)) {
    print(limitLine(energy, experiment.id, args.db))
  } else if (experiment.status === 'interrupted' || cutOff) {
    print(`Continue with: frugal resume ${experiment.id}${databaseFlag(args.db)}`)
  }
  print(
    columns(
      [
        ['device', 'front', 'hypervolume', 'best accuracy'],
        ...fronts.map(({ device, hypervolume, points }) => [
          device,
          `${points.length}`,
          formatNumber(hypervolume),
          points.length === 0 ? '–' : formatAccuracy(Math.max(...points.map(({ accuracy }) => accuracy))),
        ]),
      ],
      [1, 2, 3],
    ),
  )
  for (const { trial, archId, result } of failures.slice(-SHOWN_FAILURES))
    if (!result.ok)
      print(shownText(`trial ${trial} (${archId}) failed: ${result.code}: ${result.message}`, { unicode: true }))
  if (failures.length > SHOWN_FAILURES) {
    print(`and ${failures.length - SHOWN_FAILURES} earlier ones: frugal status --json lists all`)
  }
}
