import os from 'node:os'
import { readTable } from '../../evaluators/tabular/table.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import type { Promotion } from '../../search/fidelity/ladder.ts'
import { runBenchmark } from '../../search/tabular/benchmark.ts'
import type { NormalisationKind } from '../../search/tabular/normalisation.ts'
import { type ProblemColumns, type TabularProblem, tabularProblem } from '../../search/tabular/problem.ts'
import type { StagedSettings } from '../../search/tabular/run.ts'
import { type Scale, scaleOf } from '../../search/tabular/score.ts'
import { summarise } from '../../search/tabular/summary.ts'
import { numberWithin, wholeNumber } from '../commands/shared.ts'
import { type BenchmarkHeader, type DeviceHeader, describeBenchmark, type LadderStep } from './bench-search-text.ts'
import { print, printJson } from './output.ts'

interface BenchSearchArguments {
  readonly table: string
  readonly genes: string | undefined
  readonly 'gene-digits': string | undefined
  readonly ordinal: string | undefined
  readonly categorical: string | undefined
  readonly same: string | undefined
  readonly lenient: boolean
  readonly accuracy: string | undefined
  readonly ladder: string | undefined
  readonly reduction: number
  readonly begin: number
  readonly promotion: Promotion
  readonly 'score-accuracy': string | undefined
  readonly cost: readonly string[]
  readonly together: boolean
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
  const steps = ladderSteps(args)
  const columns = columnsOf(args, steps)
  const algorithms = [...new Set(listOf(args.algorithm, '--algorithm'))]
  const seedCount = wholeNumber(args.seeds, '--seeds', 1, 10_000)
  const firstSeed = wholeNumber(args['first-seed'], '--first-seed', 0, Number.MAX_SAFE_INTEGER - 10_000)
  const populationSize = wholeNumber(args.population, '--population', 2, 10_000)
  const lookAhead = wholeNumber(args['look-ahead'], '--look-ahead', 1, 10_000)
  if (lookAhead > 1 && steps.length > 1) {
    throw new UserError('--look-ahead is for searches that train every network fully: leave out --ladder')
  }
  const workers = wholeNumber(args.workers ?? os.availableParallelism(), '--workers', 1, 1024)
  if (args['error-limit'] !== undefined) numberWithin(args['error-limit'], '--error-limit', 0, 100)
  for (const algorithm of algorithms) await loadAlgorithm(algorithm)
  const { genes, accuracies, scoreAccuracy, costs } = columns
  const used = [...genes.columns, ...genes.digits, ...(genes.same === undefined ? [] : [genes.same])]
  const measured = [...accuracies, scoreAccuracy, ...costs.flat()]
  const table = readTable(args.table, [...used, ...measured], { complete: args.lenient ? measured : [] })
  const problem = tabularProblem(table, columns)
  const evaluations = budgetsOf(args.evaluations, problem.architectureCount, args.table)
  const scales = scalesOf(problem, costs, args)
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
    devices: scales.map((scale, device) => deviceHeader(costs[device]!, scale)),
  }
  const results = summarise(runs, evaluations, costs)
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

/** The columns that searches see, with epochs where there are several. */
function ladderSteps({ accuracy, ladder }: BenchSearchArguments): readonly LadderStep[] {
  if ((accuracy === undefined) === (ladder === undefined)) {
    throw new UserError('say which column holds the accuracy: either --accuracy COLUMN or --ladder COLUMN@EPOCHS,…')
  }
  if (ladder === undefined) return [{ column: accuracy!, epochs: 1 }]
  const steps = listOf(ladder, '--ladder').map((item): LadderStep => {
    const [column, epochs] = item.split('@') as [string, string | undefined]
    if (column === '' || epochs === undefined) {
      throw new UserError(`--ladder '${item}': write the column and its epochs, such as val_12ep@12`)
    }
    return { column, epochs: numberWithin(Number(epochs), `--ladder '${item}': the epochs`, 0, 1e9) }
  })
  if (steps.length < 2 || steps.some(({ epochs }, i) => i > 0 && epochs <= steps[i - 1]!.epochs)) {
    throw new UserError(`--ladder '${ladder}' must name two columns or more, with more epochs each`)
  }
  return steps
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

function columnsOf(args: BenchSearchArguments, steps: readonly LadderStep[]): ProblemColumns {
  const columns = optionalList(args.genes, '--genes')
  const digits = optionalList(args['gene-digits'], '--gene-digits')
  const names = [...columns, ...digits]
  if (names.length === 0) {
    throw new UserError('say which columns are the genes: --genes COLUMN,COLUMN or --gene-digits COLUMN')
  }
  const doubled = names.find((name, i) => names.indexOf(name) !== i)
  if (doubled !== undefined) throw new UserError(`the gene column '${doubled}' is named twice: name it once`)
  const [ordinal, categorical] = [args.ordinal, args.categorical].map((list, i) => {
    const flag = i === 0 ? '--ordinal' : '--categorical'
    const chosen = optionalList(list, flag)
    const foreign = chosen.find((name) => !names.includes(name))
    if (foreign !== undefined) throw new UserError(`${flag}: ${unknownName('gene column', foreign, names)}`)
    return chosen
  }) as [readonly string[], readonly string[]]
  const both = ordinal.find((name) => categorical.includes(name))
  if (both !== undefined) throw new UserError(`'${both}' is named by --ordinal and by --categorical: keep one of them`)
  const accuracies = [...steps.map(({ column }) => column), args['score-accuracy']]
  const answer = names.find((name) => accuracies.includes(name))
  if (answer !== undefined) throw new UserError(`'${answer}' is a gene and the accuracy: keep it as one of them`)
  const costs = costsOf(args.cost)
  if (args.together && costs.some(({ length }) => length !== costs[0]!.length)) {
    throw new UserError('with --together every --cost must name the same number of columns')
  }
  return {
    genes: { columns, digits, ordinal, categorical, same: args.same, repeats: args.lenient },
    accuracies: steps.map(({ column }) => column),
    scoreAccuracy: args['score-accuracy'] ?? steps.at(-1)!.column,
    costs,
  }
}

/** The cost columns of each device. @throws UserError for a column, or a device, that is named twice. */
function costsOf(lists: readonly string[]): ProblemColumns['costs'] {
  const costs = lists.map((list) => listOf(list, '--cost'))
  const all = costs.map((names) => names.join())
  const doubled =
    costs.flatMap((names) => names.filter((name, i) => names.indexOf(name) !== i))[0] ??
    all.find((names, i) => all.indexOf(names) !== i)
  if (doubled !== undefined) throw new UserError(`--cost names '${doubled}' twice: name it once`)
  return costs
}

function listOf(text: string, flag: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.includes('')) throw new UserError(`${flag} '${text}' has an empty name: separate names by single commas`)
  return items
}

const optionalList = (text: string | undefined, flag: string): readonly string[] =>
  text === undefined ? [] : listOf(text, flag)

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
    throw new UserError(`--evaluations asks for ${most}: '${table}' has only ${architectures} networks`)
  }
  return [...new Set(budgets)].sort((a, b) => a - b)
}

function scalesOf(problem: TabularProblem, costs: ProblemColumns['costs'], args: BenchSearchArguments): Scale[] {
  const limits = args.limit?.map((text) => parseLimits(text, costs.flat()))
  return costs.map((names, device) => {
    const mine = limits?.filter((limit) => [...limit.keys()].every((name) => names.includes(name)))
    return scaleOf(problem, device, {
      kind: args.normalisation,
      errorLimit: args['error-limit'],
      limits: mine?.map((limit) => names.map((name) => limit.get(name) ?? Number.POSITIVE_INFINITY)),
    })
  })
}

function parseLimits(text: string, names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    listOf(text, '--limit').map((part) => {
      const [name = '', value = ''] = part.split('=')
      if (!names.includes(name)) throw new UserError(`--limit '${text}': ${unknownName('cost column', name, names)}`)
      if (value === '' || !Number.isFinite(Number(value))) {
        throw new UserError(`--limit '${text}' gives '${name}' no number: write ${name}=10`)
      }
      return [name, Number(value)]
    }),
  )
}

const deviceHeader = (cost: readonly string[], { normalisation, volume, front, limits }: Scale): DeviceHeader => ({
  cost,
  ...normalisation,
  trueHypervolume: volume,
  trueFrontSize: front.length,
  limits: limits.map(({ costs, error }) => ({
    costs: costs.map((value) => (Number.isFinite(value) ? value : null)),
    trueError: error ?? null,
  })),
})

function showProgress(done: number, total: number): void {
  const step = Math.max(1, Math.floor(total / 10))
  if (done === total || done % step === 0) process.stderr.write(`${done} of ${total} searches\n`)
}
