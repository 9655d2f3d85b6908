import type { Direction } from '../../evaluators/tabular/direction.ts'
import { formatNumber, formatPercent } from '../../lib/units.ts'
import type { NormalisationKind } from '../../search/tabular/normalisation.ts'
import type { Repeats } from '../../search/tabular/problem.ts'
import type { Comparison, Summary } from '../../search/tabular/summary.ts'
import { columns, counted } from './output.ts'

/** What a benchmark was, for people and machines. */
export interface BenchmarkHeader {
  readonly table: string
  /** All cost columns; `devices` tells which belong together. */
  readonly cost: readonly string[]
  /** The column that searches see; of searches in stages, that of the last one. */
  readonly accuracy: string
  /** Columns of ever longer trainings, for searches in stages. */
  readonly ladder?: readonly LadderStep[]
  readonly reduction?: number
  /** Networks begun in stages for each evaluation. */
  readonly begin?: number
  readonly promotion?: string
  readonly scoreAccuracy: string
  /** Columns whose direction was said, by name: they count in their own unit. Without a prototype: columns may have any name. */
  readonly directions: Readonly<Record<string, Direction>>
  readonly normalisation: NormalisationKind
  readonly together: boolean
  readonly hideCosts: boolean
  readonly lookAhead: number
  readonly seeds: readonly number[]
  readonly architectures: number
  /** Rows of the table that were left out because they lack a figure. */
  readonly passedOver: number
  /** Networks that are the mean of several rows. */
  readonly repeats: Repeats | null
  /** Networks whose rows agree by `--same` and differ in a figure: the first row counts. */
  readonly differing: number
  readonly devices: readonly DeviceHeader[]
}

export interface LadderStep {
  readonly column: string
  readonly epochs: number
}

export interface DeviceHeader {
  readonly cost: readonly string[]
  /** Error in percent, or what stands in its place with a direction, then the costs. */
  readonly ideal: readonly number[]
  readonly reference: readonly number[]
  readonly trueHypervolume: number
  readonly trueFrontSize: number
  readonly limits: readonly { readonly costs: readonly (number | null)[]; readonly trueError: number | null }[]
}

export interface Effort {
  readonly algorithm: string
  /** Mean processor milliseconds of an ask and a tell at the end of a search. */
  readonly askMs: number
  /** Architectures that every search evaluated at least. */
  readonly leastEvaluated: number
}

const share = (value: number): string => value.toFixed(4)
const pValue = (value: number): string => (value < 0.0001 ? '< 0.0001' : value.toFixed(4))

/** The figures of a benchmark as tables. */
export function describeBenchmark(
  header: BenchmarkHeader,
  results: readonly Summary[],
  effort: readonly Effort[],
): string {
  const { devices, seeds } = header
  const staged = header.ladder !== undefined
  const parts = [
    heading(header),
    columns(
      [
        [
          'algorithm',
          'evaluations',
          'hypervolume',
          'sd',
          'min',
          '95 % interval',
          'front found',
          ...(staged ? ['epochs'] : []),
        ],
        ...results.map((result) => [
          result.algorithm,
          String(result.evaluations),
          share(result.mean),
          share(result.sd),
          share(result.min),
          result.ci95 === null ? 'none' : `${share(result.ci95[0])} to ${share(result.ci95[1])}`,
          formatPercent(result.frontShare),
          ...(staged ? [formatPercent(result.epochShare)] : []),
        ]),
      ],
      [1, 2, 3, 4, 6, 7],
    ),
  ]
  if (devices.length > 1) parts.push(perDevice(results))
  const { scoreAccuracy, directions } = header
  const quality = scoreAccuracy in directions ? `'${scoreAccuracy}'` : 'Error'
  parts.push(`${quality} of the best network within limits, mean of the seeds:\n${bestErrors(header, results)}`)
  const comparisons = results.flatMap((result, i) =>
    result.versus.flatMap((other) => {
      const earlier = results.slice(0, i).some(({ algorithm }) => algorithm === other.algorithm)
      return earlier ? [comparison(result, other)] : []
    }),
  )
  if (comparisons.length > 0) {
    const rows = [['algorithm', 'against', 'evaluations', 'difference', 'p'], ...comparisons]
    parts.push(`Wilcoxon signed-rank test over the seeds:\n${columns(rows, [2, 3, 4])}`)
  }
  parts.push(effort.map((one) => effortLine(one, results, seeds.length)).join('\n'))
  return parts.join('\n\n')
}

function heading({ table, accuracy, scoreAccuracy, architectures, devices, seeds, ...rest }: BenchmarkHeader): string {
  const scored = scoreAccuracy === accuracy ? '' : `, scored on '${scoreAccuracy}'`
  const searches =
    devices.length === 1 ? '' : rest.together ? ', one search for all devices' : ', one search per device'
  const known = rest.hideCosts ? 'costs measured with the error' : 'costs known beforehand'
  const ahead = rest.lookAhead === 1 ? '' : `, ${rest.lookAhead} networks asked for at a time`
  const own = scoreAccuracy in rest.directions
  const qualityRange = (low: number, high: number): string =>
    own ? `${scoreAccuracy} ${range(low, high)}` : `error ${range(low, high)} %`
  const boxes = devices.map(
    ({ cost, ideal, reference, trueFrontSize }) =>
      `  ${cost.join(', ')}: ${qualityRange(ideal[0]!, reference[0]!)}, ` +
      `${cost.map((name, j) => `${name} ${range(ideal[j + 1]!, reference[j + 1]!)}`).join(', ')}; ` +
      `true front of ${trueFrontSize}`,
  )
  return [
    `${counted(architectures, 'network')} of '${table}', ${named(accuracy, rest.directions[accuracy])}${scored}; ${known}${searches}${ahead}; ` +
      `${counted(seeds.length, 'seed')} from ${seeds[0]}.`,
    ...rowNotes(rest, own ? '' : ' points'),
    ...(rest.ladder === undefined ? [] : [ladderLine(rest.ladder, rest.reduction!, rest.begin!, rest.promotion!)]),
    `Hypervolume as a share of the true front's, in the box (${rest.normalisation}):`,
    ...boxes,
  ].join('\n')
}

const named = (column: string, direction: Direction | undefined): string =>
  direction === undefined ? `accuracy '${column}'` : `'${column}' (${direction === 'min' ? 'less' : 'more'} is better)`

/** What became of rows that are no network each. */
const rowNotes = (
  { passedOver, repeats, differing }: Pick<BenchmarkHeader, 'passedOver' | 'repeats' | 'differing'>,
  unit: string,
): readonly string[] => [
  ...(differing > 0
    ? [`Networks whose rows differ though --same takes them for one: ${differing}; the first row of each counts.`]
    : []),
  ...(passedOver > 0 ? [`Rows without a figure that are passed over: ${passedOver}.`] : []),
  ...(repeats === null
    ? []
    : [
        `Networks that several rows measure: ${repeats.networks}, by ${repeats.rows} rows; their means count, single rows ` +
          `deviate by ${formatNumber(repeats.errorSd)}${unit} (sd).`,
      ]),
]

function ladderLine(ladder: readonly LadderStep[], reduction: number, begin: number, promotion: string): string {
  const stages = ladder.map(({ column, epochs }) => `'${column}' of ${counted(epochs, 'epoch')}`).join(', then ')
  const begun = begin === 1 ? '' : `, ${begin} networks begun for each evaluation`
  return (
    `In stages: ${stages}; one in ${reduction} goes on, ${promotion}${begun}; epochs are a share of training ` +
    `as many networks as evaluations for ${ladder.at(-1)!.epochs}.`
  )
}

const range = (low: number, high: number): string => `${formatNumber(low)} to ${formatNumber(high)}`

function perDevice(results: readonly Summary[]): string {
  const rows = results.flatMap(({ algorithm, evaluations, devices }) =>
    devices.map(({ cost, mean, sd, min, frontShare }) => [
      cost.join(', '),
      algorithm,
      String(evaluations),
      share(mean),
      share(sd),
      share(min),
      formatPercent(frontShare),
    ]),
  )
  rows.sort((a, b) => (a[0]! < b[0]! ? -1 : a[0]! > b[0]! ? 1 : 0))
  const titles = ['device', 'algorithm', 'evaluations', 'hypervolume', 'sd', 'min', 'front found']
  return columns([titles, ...rows], [2, 3, 4, 5, 6])
}

/** One line per limit and algorithm, one column per number of evaluations. */
function bestErrors(
  { devices, seeds, scoreAccuracy, directions }: BenchmarkHeader,
  results: readonly Summary[],
): string {
  const evaluations = [...new Set(results.map((result) => result.evaluations))]
  const algorithms = [...new Set(results.map(({ algorithm }) => algorithm))]
  const own = scoreAccuracy in directions
  const error = (value: number | null): string =>
    value === null ? 'none' : own ? formatNumber(value) : `${value.toFixed(2)} %`
  const rows = devices.flatMap(({ cost, limits }, device) =>
    limits.flatMap(({ costs, trueError }, limit) => {
      const bounds = cost.flatMap((name, j) =>
        costs[j] === null ? [] : [`${name} ${directions[name] === 'max' ? 'from ' : ''}${formatNumber(costs[j]!)}`],
      )
      return algorithms.map((algorithm) => {
        const own = results.filter((result) => result.algorithm === algorithm)
        const cells = own.map((result) => {
          const found = result.devices[device]!.errors[limit]!
          return error(found.mean) + (found.seeds < seeds.length ? ` (${counted(found.seeds, 'seed')})` : '')
        })
        return [bounds.join(', '), algorithm, ...cells, error(trueError)]
      })
    }),
  )
  const titles = ['costs at most', 'algorithm', ...evaluations.map((count) => `after ${count}`), 'true']
  return columns(
    [titles, ...rows],
    titles.flatMap((_, i) => (i > 1 ? [i] : [])),
  )
}

const comparison = ({ algorithm, evaluations }: Summary, other: Comparison): readonly string[] => [
  algorithm,
  other.algorithm,
  String(evaluations),
  (other.difference > 0 ? '+' : '') + share(other.difference),
  pValue(other.pValue),
]

function effortLine({ algorithm, askMs, leastEvaluated }: Effort, results: readonly Summary[], seeds: number): string {
  const asked = Math.max(...results.map(({ evaluations }) => evaluations))
  const short =
    leastEvaluated < asked
      ? `; at least one of ${counted(seeds, 'seed')} ran out of new networks after ${leastEvaluated}`
      : ''
  return `${algorithm}: ${formatNumber(askMs)} ms of processor time per ask and tell at the end${short}`
}
