import { type Direction, directedColumn, directionOfName } from '../../evaluators/tabular/direction.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { ProblemColumns } from '../../search/tabular/problem.ts'
import { numberWithin } from '../commands/shared.ts'
import type { LadderStep } from './bench-search-text.ts'

/** The flags that name columns. */
export interface ColumnArguments {
  readonly genes: string | undefined
  readonly 'gene-digits': string | undefined
  readonly ordinal: string | undefined
  readonly categorical: string | undefined
  readonly same: string | undefined
  readonly lenient: boolean
  readonly accuracy: string | undefined
  readonly error: string | undefined
  readonly ladder: string | undefined
  readonly 'score-accuracy': string | undefined
  readonly cost: readonly string[]
  readonly together: boolean
}

export interface NamedColumns extends ProblemColumns {
  readonly scoreAccuracy: string
  readonly directions: ReadonlyMap<string, Direction>
  /** The columns that searches see, with epochs where there are several. */
  readonly steps: readonly LadderStep[]
}

/**
 * The columns that the flags name. A direction, `COLUMN:min` or `COLUMN:max`, is taken off the name and kept; a name that
 * sounds like the other direction is refused without one.
 * @throws UserError
 */
export function namedColumns(args: ColumnArguments): NamedColumns {
  const directions = new Map<string, Direction>()
  /** Takes the direction off a column's name. */
  const directed = (
    text: string,
    flag: string,
    sound: (column: string, reads: Direction | undefined) => void,
  ): string => {
    const { column, direction } = directedColumn(text)
    if (column === '') throw new UserError(`${flag} '${text}' names no column: write ${flag} COLUMN:${direction}`)
    const earlier = directions.get(column)
    if (direction === undefined) sound(column, directionOfName(column))
    else if (earlier !== undefined && earlier !== direction) {
      throw new UserError(`'${column}' is named with :${earlier} and with :${direction}: keep one of them`)
    } else directions.set(column, direction)
    return column
  }
  const accuracyColumn = (flag: string) => (text: string) =>
    directed(text, flag, (column, reads) => {
      if (reads !== 'min') return
      const right = flag === '--accuracy' ? `--error ${column}` : `${flag} ${column}:min`
      throw new UserError(
        `${flag} '${column}' reads like an error, of which less is better: write ${right} (${flag} ${column}:max where ` +
          'more is better)',
      )
    })
  const costColumn = (text: string): string =>
    directed(text, '--cost', (column, reads) => {
      if (reads !== 'max') return
      throw new UserError(
        `--cost '${column}' reads like a figure of which more is better: write ${column}:max (${column}:min where less is)`,
      )
    })
  const steps = ladderSteps(args).map(({ column, epochs }) => ({
    column: accuracyColumn(args.ladder === undefined ? '--accuracy' : '--ladder')(column),
    epochs,
  }))
  const scoreAccuracy =
    args['score-accuracy'] === undefined
      ? steps.at(-1)!.column
      : accuracyColumn('--score-accuracy')(args['score-accuracy'])
  const kinds = new Set(steps.map(({ column }) => directions.get(column)))
  if (kinds.size > 1) throw new UserError('--ladder must give all its columns the same direction, or none')
  if (steps.length > 1 && kinds.has('max')) {
    throw new UserError(
      '--ladder takes accuracies, or errors with :min: networks in stages are compared by their errors',
    )
  }
  const costs = costsOf(args.cost, costColumn)
  const { genes, names } = genesOf(args)
  const accuracies = steps.map(({ column }) => column)
  const answer = names.find((name) => [...accuracies, scoreAccuracy].includes(name))
  if (answer !== undefined) throw new UserError(`'${answer}' is a gene and the accuracy: keep it as one of them`)
  const both = costs.flat().find((name) => directions.has(name) && [...accuracies, scoreAccuracy].includes(name))
  if (both !== undefined) throw new UserError(`'${both}' is the accuracy and a cost: keep it as one of them`)
  if (args.together && costs.some(({ length }) => length !== costs[0]!.length)) {
    throw new UserError('with --together every --cost must name the same number of columns')
  }
  return { genes, accuracies, scoreAccuracy, costs, directions, steps }
}

/** The columns that searches see as they are named, directions included. */
function ladderSteps({ accuracy, error, ladder }: ColumnArguments): readonly LadderStep[] {
  if ([accuracy, error, ladder].filter((flag) => flag !== undefined).length !== 1) {
    throw new UserError(
      'say which column holds the accuracy: either --accuracy COLUMN, --error COLUMN or --ladder COLUMN@EPOCHS,…',
    )
  }
  if (accuracy !== undefined) return [{ column: accuracy, epochs: 1 }]
  if (error !== undefined) return [{ column: `${errorColumn(error)}:min`, epochs: 1 }]
  const steps = listOf(ladder!, '--ladder').map((item): LadderStep => {
    const [column, epochs] = splitAtLast(item, '@')
    if (column === '' || epochs === '') {
      throw new UserError(`--ladder '${item}': write the column and its epochs, such as val_12ep@12`)
    }
    return { column, epochs: numberWithin(Number(epochs), `--ladder '${item}': the epochs`, 0, 1e9) }
  })
  if (steps.length < 2 || steps.some(({ epochs }, i) => i > 0 && epochs <= steps[i - 1]!.epochs)) {
    throw new UserError(`--ladder '${ladder}' must name two columns or more, with more epochs each`)
  }
  return steps
}

function errorColumn(text: string): string {
  const { column, direction } = directedColumn(text)
  if (direction === 'max' || (direction === undefined && directionOfName(column) === 'max')) {
    throw new UserError(
      `--error is for columns of which less is better: write --accuracy ${text}` +
        (direction === undefined ? ` (--error ${column}:min where less is)` : ''),
    )
  }
  return column
}

function genesOf(args: ColumnArguments): {
  readonly genes: ProblemColumns['genes']
  readonly names: readonly string[]
} {
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
  return { genes: { columns, digits, ordinal, categorical, same: args.same, repeats: args.lenient }, names }
}

/** The cost columns of each device. @throws UserError for a column, or a device, that is named twice. */
function costsOf(lists: readonly string[], columnOf: (text: string) => string): ProblemColumns['costs'] {
  const costs = lists.map((list) => listOf(list, '--cost').map(columnOf))
  const all = costs.map((names) => names.join())
  const doubled =
    costs.flatMap((names) => names.filter((name, i) => names.indexOf(name) !== i))[0] ??
    all.find((names, i) => all.indexOf(names) !== i)
  if (doubled !== undefined) throw new UserError(`--cost names '${doubled}' twice: name it once`)
  return costs
}

/** An item of a list: in quotation marks it may hold commas, and something may stand behind these (`"a, b":max`). */
const ITEM = /(?:^|,)\s*(?:"((?:[^"]|"")*)"([^",]*)|([^,]*))(?=,|$)/g

/**
 * Names with commas between them; one that holds commas stands in quotation marks, as in a CSV file.
 * @throws UserError for an empty one
 */
export function listOf(text: string, flag: string): readonly string[] {
  const items = [...text.matchAll(ITEM)].map(([, quoted, behind, plain]) =>
    (quoted === undefined ? plain! : quoted.replaceAll('""', '"') + behind!).trim(),
  )
  if (items.includes('')) throw new UserError(`${flag} '${text}' has an empty name: separate names by single commas`)
  return items
}

/** What stands before and behind the last of a sign: columns may have it in their names. Nothing behind where there is none. */
export function splitAtLast(text: string, sign: string): readonly [string, string] {
  const at = text.lastIndexOf(sign)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

const optionalList = (text: string | undefined, flag: string): readonly string[] =>
  text === undefined ? [] : listOf(text, flag)
