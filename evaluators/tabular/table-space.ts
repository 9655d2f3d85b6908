import type { GeneDescription, Genome } from '../../spaces/genome.ts'
import { badFile } from '../datasets/input-file.ts'
import type { Table } from './table.ts'

/** Which columns of a table make up a genome, in this order: those of `columns` first. */
export interface GeneColumns {
  /** One gene each. */
  readonly columns: readonly string[]
  /** One gene for every character. */
  readonly digits: readonly string[]
  /** Choices in order of size; by default those of numeric columns with more than two choices are, those of digits not. */
  readonly ordinal: readonly string[]
  readonly categorical: readonly string[]
  /** Rows that agree in this column are one architecture, measured once; the first of them counts. */
  readonly same: string | undefined
  /** Rows with the same genes are measurements of one architecture: the mean of them counts. Otherwise they are refused. */
  readonly repeats: boolean
}

/** The genomes of a table as plain arrays, which threads can be given. */
export interface TableSpace {
  readonly genes: readonly GeneDescription[]
  /** Choice indices of every genome of the table, one genome after another. */
  readonly genomes: Uint16Array
  /** The architecture that each of these genomes stands for. */
  readonly architectures: Uint32Array
}

export interface SpaceOfTable {
  readonly space: TableSpace
  /** Per architecture its measurements: rows of the table. */
  readonly measurements: readonly (readonly number[])[]
}

/** Stands for an empty cell: the gene does not matter, and any choice leads to this row. */
export const ANY_CHOICE = 0xffff
/** A column with more values is a number or a name, not a choice. */
const MOST_CHOICES = 1000

/**
 * Reads the search space that a table is.
 * @throws UserError when a column is no gene, or two rows give one genome different architectures.
 */
export function tableSpace(table: Table, columns: GeneColumns): SpaceOfTable {
  const read = [
    ...columns.columns.map((column) => columnGene(table, column)),
    ...columns.digits.flatMap((column) => digitGenes(table, column)),
  ]
  const genes = read.map(({ column, name, choices, kind }): GeneDescription => {
    if (columns.ordinal.includes(column)) return { name, choices, kind: 'ordinal' }
    return { name, choices, kind: columns.categorical.includes(column) ? 'categorical' : kind }
  })
  const groups = columns.same === undefined ? undefined : table.cells(columns.same)
  const byGroup = new Map<string, number>()
  const byGenome = new Map<string, { readonly row: number; readonly architecture: number }>()
  const measurements: number[][] = []
  for (let row = 0; row < table.rowCount; row++) {
    const key = read.map(({ choiceOf }) => choiceOf(row)).join()
    const earlier = byGenome.get(key)
    if (earlier === undefined) {
      const architecture = byGroup.get(groups?.[row] ?? key) ?? measurements.length
      if (architecture === measurements.length) measurements.push([row])
      byGroup.set(groups?.[row] ?? key, architecture)
      byGenome.set(key, { row, architecture })
    } else if (columns.repeats && groups?.[row] === groups?.[earlier.row]) {
      if (measurements[earlier.architecture]![0] === earlier.row) measurements[earlier.architecture]!.push(row)
    } else {
      throw badFile(
        table.file,
        `has the same genes in lines ${table.line(earlier.row)} and ${table.line(row)}`,
        'name all gene columns, or let --lenient take the mean of repeated measurements',
      )
    }
  }
  const entries = [...byGenome.values()]
  const genomes = new Uint16Array(new SharedArrayBuffer(2 * entries.length * genes.length))
  const architectures = new Uint32Array(new SharedArrayBuffer(4 * entries.length))
  entries.forEach(({ row, architecture }, entry) => {
    read.forEach(({ choiceOf }, gene) => {
      genomes[entry * genes.length + gene] = choiceOf(row)
    })
    architectures[entry] = architecture
  })
  return { space: { genes, genomes, architectures }, measurements }
}

/** Finds architectures by genome: undefined for one that the table lacks. */
export function genomeLookup({ genes, genomes, architectures }: TableSpace): (genome: Genome) => number | undefined {
  /** Rows by the genes that do not matter in them, those with fewest first. */
  const groups = new Map<string, { readonly ignored: readonly number[]; readonly found: Map<string, number> }>()
  for (let entry = 0; entry < architectures.length; entry++) {
    const genome = [...genomes.subarray(entry * genes.length, (entry + 1) * genes.length)]
    const ignored = genome.flatMap((choice, gene) => (choice === ANY_CHOICE ? [gene] : []))
    const group = groups.get(ignored.join()) ?? { ignored, found: new Map<string, number>() }
    groups.set(ignored.join(), group)
    group.found.set(genome.join(), architectures[entry]!)
  }
  const ordered = [...groups.values()].sort((a, b) => a.ignored.length - b.ignored.length)
  return (genome) => {
    for (const { ignored, found } of ordered) {
      const key = genome.map((choice, gene) => (ignored.includes(gene) ? ANY_CHOICE : choice)).join()
      const architecture = found.get(key)
      if (architecture !== undefined) return architecture
    }
    return undefined
  }
}

interface GeneColumn extends GeneDescription {
  readonly column: string
  readonly choiceOf: (row: number) => number
}

function columnGene(table: Table, column: string): GeneColumn {
  const cells = table.cells(column)
  const texts = [...new Set(cells)].filter((text) => text !== '')
  const numeric = texts.every((text) => Number.isFinite(Number(text)))
  const choices = numeric ? [...new Set(texts.map(Number))].sort((a, b) => a - b) : texts.sort()
  if (choices.length === 0 || choices.length > MOST_CHOICES) {
    throw badFile(
      table.file,
      `has ${choices.length} different values in column '${column}'`,
      `a gene has 1 to ${MOST_CHOICES} choices`,
    )
  }
  const indices = new Map<string | number, number>(choices.map((choice, i) => [choice, i]))
  const choiceOf = (row: number): number => {
    const cell = cells[row]!
    return cell === '' ? ANY_CHOICE : indices.get(numeric ? Number(cell) : cell)!
  }
  return { column, name: column, choices, kind: numeric && choices.length > 2 ? 'ordinal' : 'categorical', choiceOf }
}

function digitGenes(table: Table, column: string): readonly GeneColumn[] {
  const cells = table.cells(column)
  const { length } = cells[0]!
  const bad = cells.findIndex((cell) => cell.length !== length || !/^[0-9A-Za-z]+$/.test(cell))
  if (bad >= 0) {
    throw badFile(
      table.file,
      `has '${cells[bad]!.slice(0, 40)}' in column '${column}' of line ${table.line(bad)}`,
      `${length || 1} digits or letters are expected, one for each gene`,
    )
  }
  const choices = [...new Set(cells.flatMap((cell) => [...cell]))].sort()
  return Array.from({ length }, (_, place) => ({
    column,
    name: `${column}[${place}]`,
    choices,
    kind: 'categorical' as const,
    choiceOf: (row: number) => choices.indexOf(cells[row]![place]!),
  }))
}
