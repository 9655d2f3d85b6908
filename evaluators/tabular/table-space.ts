import type { GeneDescription, Genome } from '../../spaces/genome.ts'
import { badFile } from '../datasets/input-file.ts'
import { type CodedColumn, type FoundCondition, findConditions } from './conditions.ts'
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
  /** Choice indices of every genome of the table, one genome after another; 0 for genes whose condition is not met. */
  readonly genomes: Uint16Array
  /** The architecture that each of these genomes stands for. */
  readonly architectures: Uint32Array
}

export interface SpaceOfTable {
  readonly space: TableSpace
  /** Per architecture its measurements: rows of the table. */
  readonly measurements: readonly (readonly number[])[]
}

/** Stands for an empty cell that no condition explains: the gene does not matter, and any choice leads to this row. */
export const ANY_CHOICE = 0xffff
/** A column with more values is a number or a name, not a choice. */
const MOST_CHOICES = 1000

/**
 * Reads the search space that a table is. Genes that hold one and the same value, or nothing, whenever another has certain
 * choices, and only then, are conditional on it (`findConditions`).
 * @throws UserError when a column is no gene, or two rows give one genome different architectures.
 */
export function tableSpace(table: Table, columns: GeneColumns): SpaceOfTable {
  const read = geneColumns(table, columns)
  const genes = read.map(({ gene }) => gene)
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

interface GeneColumn {
  readonly gene: GeneDescription
  readonly choiceOf: (row: number) => number
}

interface NamedColumn extends CodedColumn {
  readonly name: string
  /** Column of the table; several genes may come from one. */
  readonly column: string
  readonly isDigit: boolean
}

function geneColumns(table: Table, columns: GeneColumns): readonly GeneColumn[] {
  const coded = [
    ...columns.columns.map((column) => codedColumn(table, column)),
    ...columns.digits.flatMap((column) => digitColumns(table, column)),
  ]
  const conditions = findConditions(coded)
  const fillers = conditions.map((condition) => condition?.filler ?? '')
  const chosen = coded.map((column, i) => choicesOf(table, column, fillers[i]!, coded, fillers))
  return coded.map(({ column, name, texts, codes, isDigit }, i): GeneColumn => {
    const { choices, indexOf } = chosen[i]!
    const numeric = !isDigit && typeof choices[0] === 'number'
    const usual = numeric && choices.length > 2 ? 'ordinal' : 'categorical'
    const kind = columns.ordinal.includes(column)
      ? 'ordinal'
      : columns.categorical.includes(column)
        ? 'categorical'
        : usual
    const condition = conditions[i]
    const indices = Uint16Array.from(texts, (text) => {
      if (text === fillers[i]) return condition === undefined ? ANY_CHOICE : 0
      return indexOf.get(text)!
    })
    return {
      gene: { name, choices, kind, ...(condition === undefined ? {} : activeWhen(condition, coded, chosen)) },
      choiceOf: (row) => indices[codes[row]!]!,
    }
  })
}

interface Choices {
  readonly choices: readonly (string | number)[]
  /** By text. */
  readonly indexOf: ReadonlyMap<string, number>
}

const activeWhen = (
  { column, texts }: FoundCondition,
  coded: readonly NamedColumn[],
  chosen: readonly Choices[],
): Pick<GeneDescription, 'activeWhen'> => {
  const choices = new Set([...texts].flatMap((text) => chosen[column]!.indexOf.get(text) ?? []))
  return { activeWhen: { gene: coded[column]!.name, choices: [...choices].sort((a, b) => a - b) } }
}

/** The choices of a gene, its filler left out; all places of a string of digits have those of any. */
function choicesOf(
  table: Table,
  { column, isDigit, texts }: NamedColumn,
  filler: string,
  coded: readonly NamedColumn[],
  fillers: readonly string[],
): Choices {
  const own = texts.filter((text) => text !== filler)
  const places = isDigit
    ? coded.flatMap((other, i) => (other.column === column ? other.texts.filter((text) => text !== fillers[i]) : []))
    : own
  const shared = [...new Set(places)]
  const numeric = !isDigit && shared.every((text) => Number.isFinite(Number(text)))
  const choices = numeric ? [...new Set(shared.map(Number))].sort((a, b) => a - b) : shared.sort()
  if (choices.length === 0) {
    throw badFile(table.file, `has nothing but empty cells in column '${column}'`, 'a gene has 1 choice or more')
  }
  const positions = new Map<string | number, number>(choices.map((choice, i) => [choice, i]))
  return { choices, indexOf: new Map(shared.map((text) => [text, positions.get(numeric ? Number(text) : text)!])) }
}

function codedColumn(table: Table, column: string): NamedColumn {
  const cells = table.cells(column)
  const codeOf = new Map<string, number>()
  const codes = Uint16Array.from(cells, (cell) => {
    const code = codeOf.get(cell) ?? codeOf.size
    codeOf.set(cell, code)
    return code
  })
  const texts = [...codeOf.keys()]
  const count = texts.filter((text) => text !== '').length
  if (count > MOST_CHOICES) {
    throw badFile(
      table.file,
      `has ${count} different values in column '${column}'`,
      `a gene has 1 to ${MOST_CHOICES} choices`,
    )
  }
  return { column, name: column, texts, codes, isDigit: false }
}

function digitColumns(table: Table, column: string): readonly NamedColumn[] {
  const cells = table.cells(column)
  const { length } = cells[0]!
  const bad = cells.findIndex((cell) => cell.length !== length || !/^[0-9A-Za-z]+$/.test(cell))
  if (bad >= 0) {
    const lost = /^\d*$/.test(cells[bad]!) && /^\d+$/.test(cells[0]!) ? '; were leading zeros lost?' : ''
    throw badFile(
      table.file,
      `has '${cells[bad]!.slice(0, 40)}' in column '${column}' of line ${table.line(bad)}`,
      bad === 0
        ? 'digits or letters are expected, one for each gene'
        : `${length} digits or letters are expected, one for each gene, as in line ${table.line(0)}${lost}`,
    )
  }
  return Array.from({ length }, (_, place): NamedColumn => {
    const texts = [...new Set(cells.map((cell) => cell[place]!))]
    const codeOf = new Map(texts.map((text, code) => [text, code]))
    const codes = Uint16Array.from(cells, (cell) => codeOf.get(cell[place]!)!)
    return { column, name: `${column}[${place}]`, texts, codes, isDigit: true }
  })
}
