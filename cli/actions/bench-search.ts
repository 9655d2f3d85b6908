import { statSync } from 'node:fs'
import os from 'node:os'
import { asMinimised, type Direction } from '../../evaluators/tabular/direction.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { formatNumber } from '../../lib/units.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import type { Promotion } from '../../search/fidelity/ladder.ts'
import { runBenchmark } from '../../search/tabular/benchmark.ts'
import type { NormalisationKind } from '../../search/tabular/normalisation.ts'
import { openTable, type TabularProblem } from '../../search/tabular/problem.ts'
import type { StagedSettings } from '../../search/tabular/run.ts'
import { type Scale, scaleOf } from '../../search/tabular/score.ts'
import { summarise } from '../../search/tabular/summary.ts'
import { numberWithin, wholeNumber } from '../commands/shared.ts'
import { type ColumnArguments, listOf, type NamedColumns, namedColumns, splitAtLast } from './bench-search-columns.ts'
import { doubtsOf } from './bench-search-doubts.ts'
import { type BenchmarkHeader, type DeviceHeader, describeBenchmark, type LadderStep } from './bench-search-text.ts'
import { counted, print, printJson } from './output.ts'

interface BenchSearchArguments extends ColumnArguments {
  readonly table: string
  readonly reduction: number
  readonly begin: number
  readonly promotion: Promotion
  readonly algorithm: string
  readonly evaluations: string | undefined
  readonly seeds: number
  readonly 'first-seed': number
  readonly normalisation: NormalisationKind
  readonly 'error-limit': number | undefined
  readonly limit: readonly string[] | undefined
  readonly 'hide-costs': boolean
  readonly 'look-ahead': number
  readonly population: number
  readonly workers: number | undefined
  readonly json: boolean
}

/** `frugal bench search`: tables of figures, or one JSON object. */
export async function benchSearch(args: BenchSearchArguments): Promise<void> {
  const columns = namedColumns(args)
  const { accuracies, scoreAccuracy, costs, directions, steps } = columns
  const algorithms = [...new Set(listOf(args.algorithm, '--algorithm'))]
  const seedCount = wholeNumber(args.seeds, '--seeds', 1, 10_000)
  const firstSeed = wholeNumber(args['first-seed'], '--first-seed', 0, Number.MAX_SAFE_INTEGER - 10_000)
  const populationSize = wholeNumber(args.population, '--population', 2, 10_000)
  const lookAhead = wholeNumber(args['look-ahead'], '--look-ahead', 1, 10_000)
  if (lookAhead > 1 && steps.length > 1) {
    throw new UserError('--look-ahead is for searches that train every network fully: leave out --ladder')
  }
  const workers = wholeNumber(args.workers ?? os.availableParallelism(), '--workers', 1, 1024)
  const errorLimit = errorLimitOf(args['error-limit'], directions.get(scoreAccuracy))
  for (const algorithm of algorithms) await loadAlgorithm(algorithm)
  showReading(args.table)
  const { problem, passedOver } = openTable(args.table, columns)
  const evaluations = budgetsOf(args.evaluations, problem.architectureCount, args.table)
  checkErrorLimit(problem, columns, errorLimit)
  const scales = scalesOf(problem, columns, args, errorLimit)
  for (const note of doubtsOf(problem, columns)) process.stderr.write(`frugal: ${note}\n`)
  process.stderr.write(`searching ${counted(problem.architectureCount, 'network')} of '${args.table}'\n`)
  const seeds = Array.from({ length: seedCount }, (_, i) => firstSeed + i)
  const runs = await runBenchmark({
    problem,
    costNames: costs,
    scales,
    algorithms,
    seeds,
    together: args.together,
    workers,
    settings: { evaluations, populationSize, hideCosts: args['hide-costs'], lookAhead, ...stagedSettings(args, steps) },
    onProgress: showProgress,
  })
  const header: BenchmarkHeader = {
    table: args.table,
    cost: costs.flat(),
    accuracy: accuracies.at(-1)!,
    ...(steps.length > 1
      ? { ladder: steps, reduction: args.reduction, begin: args.begin, promotion: args.promotion }
      : {}),
    scoreAccuracy,
    normalisation: args.normalisation,
    together: args.together,
    hideCosts: args['hide-costs'],
    lookAhead,
    seeds,
    architectures: problem.architectureCount,
    passedOver,
    repeats: problem.repeats ?? null,
    differing: problem.differing,
    directions: Object.assign(Object.create(null), Object.fromEntries(directions)),
    devices: scales.map((scale, device) => deviceHeader(columns, device, scale)),
  }
  const results = summarise(runs, evaluations, costs, shownIn(columns, scoreAccuracy))
  const effort = runs.map((ofAlgorithm) => {
    const searches = ofAlgorithm.runs.flat()
    return {
      algorithm: ofAlgorithm.algorithm,
      askMs: searches.reduce((sum, { askMs }) => sum + askMs, 0) / searches.length,
      leastEvaluated: Math.min(...searches.map(({ evaluated }) => evaluated)),
    }
  })
  if (args.json) printJson({ ...header, results, effort })
  else print(describeBenchmark(header, results, effort))
}

/** Settings of searches in stages, where there are any. */
function stagedSettings(
  { reduction, begin, promotion }: BenchSearchArguments,
  steps: readonly LadderStep[],
): { readonly staged?: StagedSettings } {
  wholeNumber(reduction, '--reduction', 2, 1000)
  numberWithin(begin, '--begin', 0, 100)
  if (steps.length === 1) return {}
  const ladder = { rungs: steps.length, reduction, promotion }
  return { staged: { ladder, epochs: steps.map(({ epochs }) => epochs), begin } }
}

const DEFAULT_EVALUATIONS = [50, 100, 200, 500]

function budgetsOf(text: string | undefined, architectures: number, table: string): readonly number[] {
  if (text === undefined) {
    const fitting = DEFAULT_EVALUATIONS.filter((count) => count <= architectures)
    return fitting.length > 0 ? fitting : [architectures]
  }
  const budgets = listOf(text, '--evaluations').map((item) => {
    if (!/^\d+$/.test(item)) throw new UserError(`--evaluations '${item}' is no whole number: write for example 50,100`)
    return wholeNumber(Number(item), '--evaluations', 1, Number.MAX_SAFE_INTEGER)
  })
  const most = Math.max(...budgets)
  if (most > architectures) {
    throw new UserError(`--evaluations asks for ${most}: '${table}' has only ${counted(architectures, 'network')}`)
  }
  return [...new Set(budgets)].sort((a, b) => a - b)
}

/** The limit as an error of the search. */
function errorLimitOf(limit: number | undefined, direction: Direction | undefined): number | undefined {
  if (limit === undefined) return undefined
  if (direction === undefined) return numberWithin(limit, '--error-limit', 0, 100)
  if (!Number.isFinite(limit)) throw new UserError(`--error-limit must be a number, not ${limit}`)
  return asMinimised(limit, direction)
}

/** @throws UserError when no network is within the limit, in the unit and direction that the table has. */
function checkErrorLimit({ scoreErrors }: TabularProblem, columns: NamedColumns, errorLimit: number | undefined): void {
  const best = scoreErrors.reduce((least, error) => Math.min(least, error))
  if (errorLimit === undefined || best <= errorLimit) return
  const shown = shownIn(columns, columns.scoreAccuracy)
  const unit = columns.directions.has(columns.scoreAccuracy) ? '' : ' %'
  throw new UserError(
    `no network of the table is within --error-limit ${shown(errorLimit)}: the best has ${formatNumber(shown(best))}${unit}`,
  )
}

function scalesOf(
  problem: TabularProblem,
  { costs, directions }: NamedColumns,
  args: BenchSearchArguments,
  errorLimit: number | undefined,
): Scale[] {
  const limits = args.limit?.map((text) => parseLimits(text, costs.flat()))
  return costs.map((names, device) => {
    const mine = limits?.filter((limit) => [...limit.keys()].every((name) => names.includes(name)))
    const boundOf = (limit: ReadonlyMap<string, number>, name: string): number => {
      const value = limit.get(name)
      return value === undefined ? Number.POSITIVE_INFINITY : asMinimised(value, directions.get(name))
    }
    return scaleOf(problem, device, {
      kind: args.normalisation,
      errorLimit,
      limits: mine?.map((limit) => names.map((name) => boundOf(limit, name))),
    })
  })
}

function parseLimits(text: string, names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    listOf(text, '--limit').map((part) => {
      const [name, value] = splitAtLast(part, '=')
      if (!names.includes(name)) throw new UserError(`--limit '${text}': ${unknownName('cost column', name, names)}`)
      if (value === '' || !Number.isFinite(Number(value))) {
        throw new UserError(`--limit '${text}' gives '${name}' no number: write ${name}=10`)
      }
      return [name, Number(value)]
    }),
  )
}

/** Figures of a column as the table has them, where searches may see their negatives. */
const shownIn =
  ({ directions }: NamedColumns, column: string) =>
  (value: number): number =>
    asMinimised(value, directions.get(column))

function deviceHeader(columns: NamedColumns, device: number, scale: Scale): DeviceHeader {
  const cost = columns.costs[device]!
  const shown = [columns.scoreAccuracy, ...cost].map((column) => shownIn(columns, column))
  const { normalisation, volume, front, limits } = scale
  return {
    cost,
    ideal: normalisation.ideal.map((value, j) => shown[j]!(value)),
    reference: normalisation.reference.map((value, j) => shown[j]!(value)),
    trueHypervolume: volume,
    trueFrontSize: front.length,
    limits: limits.map(({ costs, error }) => ({
      costs: costs.map((value, j) => (Number.isFinite(value) ? shown[j + 1]!(value) : null)),
      trueError: error === undefined ? null : shown[0]!(error),
    })),
  }
}

/** A file of so many bytes takes seconds to read. */
const LARGE_FILE = 20_000_000

function showReading(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size >= LARGE_FILE) process.stderr.write(`reading '${file}' (${Math.round(size / 1e6)} MB)\n`)
}

function showProgress(done: number, total: number): void {
  const step = Math.max(1, Math.floor(total / 10))
  if (done === total || done % step === 0) process.stderr.write(`${done} of ${total} searches\n`)
}
