import { openTable, type TabularProblem } from '../search/tabular/problem.ts'

/** Flags of benchmarks that look at a table of networks whose genes are the digits of one column. */
export const TABLE_FLAGS = {
  table: { type: 'string' },
  'gene-digits': { type: 'string' },
  accuracy: { type: 'string' },
  cost: { type: 'string' },
} as const

interface TableValues {
  readonly table?: string | undefined
  readonly 'gene-digits'?: string | undefined
  readonly accuracy?: string | undefined
  readonly cost?: string | undefined
}

/** The table as a problem, each cost column a device of its own; a flag that is missing is refused. */
export function tableProblem(
  values: TableValues,
  refuse: (message: string) => never,
): { readonly problem: TabularProblem; readonly costNames: string[] } {
  const needed = (name: keyof TableValues): string => {
    const value = values[name]
    return value ?? refuse(`--${name} is missing`)
  }
  const costNames = needed('cost').split(',')
  const [digits, accuracy] = [needed('gene-digits'), needed('accuracy')]
  const { problem } = openTable(needed('table'), {
    genes: { digits: [digits] },
    accuracies: [accuracy],
    costs: costNames.map((name) => [name]),
  })
  return { problem, costNames }
}
