import { UserError } from '../../lib/errors.ts'
import { METRICS } from '../../results/report/metrics.ts'
import { trialsCsv } from '../../results/report/trials-csv.ts'
import type { Experiment } from '../../results/store.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { deviceOf, reading } from './inspect.ts'
import { columns, print, printJson } from './output.ts'

/** `frugal trials` */
export async function trials(args: {
  readonly id: number | undefined
  readonly db: string
  readonly json: boolean
  readonly csv: boolean
  readonly device: string | undefined
}): Promise<void> {
  if (args.json && args.csv) throw new UserError('--json and --csv exclude each other: give one of them')
  const [experiment, records, fronts] = reading(args.db, (store) => {
    const found = store.experiment(args.id)
    const shown = args.device === undefined && (args.json || args.csv) ? found.devices : [deviceOf(found, args.device)]
    return [found, store.trials(found.id), new Map(shown.map((device) => [device, store.front(found.id, device)]))]
  })
  const onFront = new Map(
    [...fronts].map(([device, { points }]) => [device, new Set(points.map(({ trial }) => trial))]),
  )
  const isOnFront = (device: string, trial: number) => onFront.get(device)?.has(trial) === true
  const priced = records.map((record) => ({
    ...record,
    costs: record.costs.filter(({ device }) => fronts.has(device)),
  }))
  if (args.csv) return print(trialsCsv(priced, isOnFront))
  if (!args.json) return print(trialsTable(experiment, priced, isOnFront))
  for (const record of priced) {
    const costs = record.costs.map((cost) => ({ ...cost, onFront: isOnFront(cost.device, record.trial) }))
    printJson({ ...record, costs })
  }
}

/** Of one device, which alone is left in the costs. */
function trialsTable(
  experiment: Experiment,
  records: readonly TrialRecord[],
  isOnFront: (device: string, trial: number) => boolean,
): string {
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
