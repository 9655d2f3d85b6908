import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { nonDominatedIndices } from '../search/pareto/index.ts'
import type { GeneDescription } from '../spaces/genome.ts'

export const OPERATIONS = ['none', 'skip', 'conv1x1', 'conv3x3', 'avgpool'] as const
const EDGES = ['0>1', '0>2', '1>2', '0>3', '1>3', '2>3'] as const

export const NB201_GENES: readonly GeneDescription[] = EDGES.map((name) => ({
  name,
  kind: 'categorical',
  choices: OPERATIONS,
}))

/** Columns of the table by name; rows are found by genome. */
export interface Nb201Table {
  readonly rowCount: number
  row(genome: readonly number[]): number
  column(name: string): Float64Array
}

export function readNb201(file: string): Nb201Table {
  const [header, ...lines] = gunzipSync(readFileSync(file)).toString('utf8').trim().split(/\r?\n/)
  const names = header!.split(',')
  const cells = lines.map((line) => line.split(','))
  const rows = new Map(cells.map((row, i) => [row[names.indexOf('ops')]!, i]))
  return {
    rowCount: cells.length,
    row: (genome) => rows.get(genome.join(''))!,
    column: (name) => {
      const index = names.indexOf(name)
      if (index < 0) throw new Error(`no column '${name}' in ${file}`)
      return Float64Array.from(cells, (row) => Number(row[index]))
    },
  }
}

export interface Normalisation {
  readonly ideal: readonly number[]
  readonly reference: readonly number[]
}

/**
 * Region of interest as nb201_baselines.json defines it: the first objective, the error in %, up to `errorLimit`; costs
 * from the cheapest architecture within it to 1.05 times the dearest one on their front.
 */
export function regionOfInterest(columns: readonly Float64Array[], errorLimit: number): Normalisation {
  const rows = [...columns[0]!.keys()].filter((row) => columns[0]![row]! <= errorLimit)
  const points = Float64Array.from(rows.flatMap((row) => columns.map((column) => column[row]!)))
  const front = [...nonDominatedIndices(points, rows.length, columns.length)].map((i) => rows[i]!)
  return {
    ideal: columns.map((column) =>
      rows.reduce((least, row) => Math.min(least, column[row]!), Number.POSITIVE_INFINITY),
    ),
    reference: columns.map((column, j) =>
      j === 0 ? errorLimit : 1.05 * front.reduce((most, row) => Math.max(most, column[row]!), 0),
    ),
  }
}
