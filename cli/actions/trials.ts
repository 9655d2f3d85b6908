import { UserError } from '../../lib/errors.ts'
import { METRICS } from '../../results/report/metrics.ts'
import { TRIALS_CSV_HEADER, trialCsvLines } from '../../results/report/trials-csv.ts'
import type { Experiment } from '../../results/store.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { columns, print, printAtOnce } from './output.ts'
import { deviceOf, reading } from './read-store.ts'
import { costsNote } from './search-notes.ts'
import { countedFrontEnd } from './settings.ts'

/** `frugal trials` */
export async function trials(args: {
  readonly id: number | undefined
  readonly db: string
  readonly json: boolean
  readonly csv: boolean
  readonly device: string | undefined
}): Promise<void> {
  if (args.json && args.csv) throw new UserError('--json and --csv exclude each other: give one of them')
  reading(args.db, (store) => {
    const experiment = store.experiment(args.id)
    const one = args.device === undefined && (args.json || args.csv) ? undefined : deviceOf(experiment, args.device)
    const onFront = new Map(
      (one === undefined ? experiment.devices : [one]).map((device) => {
        const { points } = store.front(experiment.id, device)
        return [device, new Set(points.map(({ trial }) => trial))]
      }),
    )
    const isOnFront: IsOnFront = (device, trial) => onFront.get(device)?.has(trial) === true
    if (!args.json && !args.csv) {
      const note = costsNote(countedFrontEnd(experiment.settings))
      return print(`${trialsTable(experiment, store.trials(experiment.id, one), isOnFront)}\n${note}`)
    }
    const lines = printLines()
    if (args.csv) lines.add(TRIALS_CSV_HEADER)
    store.visitTrials(experiment.id, one, (trial) => {
      if (args.csv) return lines.add(...trialCsvLines(trial, isOnFront))
      const costs = trial.costs.map((cost) => ({ ...cost, onFront: isOnFront(cost.device, trial.trial) }))
      return lines.add(JSON.stringify({ ...trial, costs }))
    })
    lines.end()
  })
}

type IsOnFront = (device: string, trial: number) => boolean

/** Bytes that are written at a time. */
const CHUNK = 1 << 16

/** Prints many lines, in few writes; `add` says whether somebody still reads them. */
function printLines() {
  let text = ''
  const end = (): boolean => {
    const chunk = text
    text = ''
    return printAtOnce(chunk)
  }
  const add = (...lines: readonly string[]): boolean => {
    for (const line of lines) text += `${line}\n`
    return text.length <= CHUNK || end()
  }
  return { add, end }
}

/** Of one device, which alone is left in the costs. */
function trialsTable(experiment: Experiment, records: readonly TrialRecord[], isOnFront: IsOnFront): string {
  const staged = experiment.rungs > 1
  const names = ['latencyMs', 'energyMj', 'peakRamBytes', 'flashBytes'] as const
  const head = ['trial', 'archId', ...(staged ? ['stage'] : []), METRICS.accuracy.heading]
  const costHeads = names.map((name) => METRICS[name].heading)
  const counts = [METRICS.macs.heading, METRICS.params.heading]
  const rows = records.map((record) => {
    const { trial, archId, rung, result, macs, params } = record
    const [cost] = record.costs
    const remark = !result.ok
      ? result.code
      : cost !== undefined && cost.violation > 0
        ? 'over the limits'
        : cost !== undefined && isOnFront(cost.device, trial)
          ? 'front'
          : ''
    return [
      `${trial}`,
      archId,
      ...(staged ? [`${rung + 1}`] : []),
      result.ok ? METRICS.accuracy.format(result.accuracy) : '–',
      ...names.map((name) => (cost === undefined ? '–' : METRICS[name].format(cost[name]))),
      METRICS.macs.format(macs),
      METRICS.params.format(params),
      remark,
    ]
  })
  const heading = [...head, ...costHeads, ...counts, '']
  const right = heading.flatMap((_, i) => (i === 1 || i === heading.length - 1 ? [] : [i]))
  return columns([heading, ...rows], right)
}
