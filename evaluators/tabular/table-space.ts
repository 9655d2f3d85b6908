import type { GeneDescription, Genome } from '../../spaces/genome.ts'
import { badFile } from '../datasets/input-file.ts'
import { type CodedColumn, type FoundCondition, findConditions } from './conditions.ts'
import { addToIndex, emptyIndex, findInIndex, type GenomeIndex } from './genome-index.ts'
import type { Table } from './table.ts'

/** Which columns of a table make up a genome, in this order: those of `columns` first. */
export interface GeneColumns {
  /** One gene each. */
  readonly columns?: readonly string[]
  /** One gene for every character. */
  readonly digits?: readonly string[]
  /** Choices in order of size; by default those of numeric columns with more than two choices are, those of digits not. */
  readonly ordinal?: readonly string[]
  readonly categorical?: readonly string[]
  /** Rows that agree in this column are one architecture, measured once; the first of them counts. */
  readonly same?: string | undefined
  /** Rows with the same genes are measurements of one architecture: the mean of them counts. Otherwise they are refused. */
  readonly repeats?: boolean
}

/** The genomes of a table as plain arrays, which threads can be given. */
export interface TableGenomes {
  readonly genes: readonly GeneDescription[]
  /** Choice indices of every genome of the table, one genome after another; 0 for genes whose condition is not met. */
  readonly genomes: Uint16Array
  /** The architecture that each of these genomes stands for. */
  readonly architectures: Uint32Array
}

export interface TableSpace extends TableGenomes {
  readonly index: GenomeIndex
  /** Genes that do not matter in some genome, each such set once, those with fewest first. */
  readonly ignored: readonly (readonly number[])[]
}

export interface SpaceOfTable {
  readonly space: TableSpace
  readonly architectureCount: number
  /** Of every row of the table the architecture that it measures; -1 for one that does not count. */
  readonly measured: Int32Array
  /** Of every row its architecture, also of those that do not count; undefined without `same`. */
  readonly ofRows: Uint32Array | undefined
}

/** Stands for an empty cell that no condition explains: the gene does not matter, and any choice leads to this row. */
export const ANY_CHOICE = 0xffff
/** A column with more values is a number or a name, not a choice. */
const MOST_CHOICES = 1000
const NO_CODES = new Uint16Array(0)
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const PADDED = /^[+-]?0\d/

/**
 * Reads the search space that a table is. Genes that hold one and the same value, or nothing, whenever another has certain
 * choices, and only then, are conditional on it (`findConditions`).
 * @throws UserError when a column is no gene, or two rows give one genome different architectures.
 */
export function tableSpace(table: Table, columns: GeneColumns): SpaceOfTable {
  const read = geneColumns(table, columns)
  const genes = read.map(({ gene }) => gene)
  const { rowCount } = table
  const groups = columns.same === undefined ? undefined : table.cells(columns.same)
  const byGroup = new Map<string, number>()
  const index = emptyIndex(rowCount, genes.length)
  const architectures = new Uint32Array(new SharedArrayBuffer(4 * rowCount))
  const measured = new Int32Array(rowCount).fill(-1)
  /** Per entry, and per architecture, the first of its rows. */
  const entryRows = new Uint32Array(rowCount)
  const firstRows = new Uint32Array(rowCount)
  const ofRows = groups && new Uint32Array(rowCount)
  const ignored = new Map<string, readonly number[]>()
  let [entries, architectureCount, wholeSeen] = [0, 0, false]
  for (let row = 0; row < rowCount; row++) {
    const start = entries * genes.length
    for (let gene = 0; gene < genes.length; gene++) {
      const { codes, indices } = read[gene]!
      index.genomes[start + gene] = indices[codes[row]!]!
    }
    const entry = addToIndex(index, entries)
    if (entry === entries) {
      const any = genesWithoutChoice(index.genomes, start, genes.length)
      if (any.length > 0 || !wholeSeen) ignored.set(any.join(), any)
      wholeSeen ||= any.length === 0
      const architecture = (groups && byGroup.get(groups[row]!)) ?? architectureCount
      if (architecture === architectureCount) {
        firstRows[architectureCount++] = row
        measured[row] = architecture
      }
      if (groups !== undefined) byGroup.set(groups[row]!, architecture)
      architectures[entries] = architecture
      if (ofRows !== undefined) ofRows[row] = architecture
      entryRows[entries++] = row
      continue
    }
    const earlier = entryRows[entry]!
    if (!columns.repeats || groups?.[row] !== groups?.[earlier]) {
      const lines = `lines ${table.line(earlier)} and ${table.line(row)}`
      if (groups?.[row] !== groups?.[earlier]) {
        throw badFile(
          table.file,
          `has the same genes in ${lines} but not the same '${columns.same}'`,
          '--same names a column in which rows of one network agree',
        )
      }
      throw badFile(
        table.file,
        `has the same genes in ${lines}`,
        'name all gene columns, or let --lenient take the mean of repeated measurements',
      )
    }
    if (ofRows !== undefined) ofRows[row] = architectures[entry]!
    if (firstRows[architectures[entry]!] === earlier) measured[row] = architectures[entry]!
  }
  const genomes = index.genomes.subarray(0, entries * genes.length)
  const byCount = [...ignored.values()].sort((a, b) => a.length - b.length)
  return {
    space: { genes, genomes, architectures: architectures.subarray(0, entries), index, ignored: byCount },
    architectureCount,
    measured,
    ofRows,
  }
}

/** Finds architectures by genome: undefined for one that the table lacks. */
export function genomeLookup({ architectures, index, ignored }: TableSpace): (genome: Genome) => number | undefined {
  return (genome) => {
    for (const any of ignored) {
      const masked =
        any.length === 0 ? genome : genome.map((choice, gene) => (any.includes(gene) ? ANY_CHOICE : choice))
      const entry = findInIndex(index, masked)
      if (entry >= 0) return architectures[entry]!
    }
    return undefined
  }
}

/** Positions of the genes that do not matter in the genome that begins at `start`. */
function genesWithoutChoice(genomes: Uint16Array, start: number, count: number): readonly number[] {
  const found: number[] = []
  for (let gene = 0; gene < count; gene++) if (genomes[start + gene] === ANY_CHOICE) found.push(gene)
  return found
}

interface GeneColumn {
  readonly gene: GeneDescription
  /** Per row the position of its text. */
  readonly codes: Uint16Array
  /** The choice of every text. */
  readonly indices: Uint16Array
}

interface NamedColumn extends CodedColumn {
  readonly name: string
  /** Column of the table; several genes may come from one. */
  readonly column: string
  readonly isDigit: boolean
}

function geneColumns(
  table: Table,
  { columns = [], digits = [], ordinal = [], categorical = [] }: GeneColumns,
): readonly GeneColumn[] {
  const coded = [
    ...columns.map((column) => codedColumn(table, column)),
    ...digits.flatMap((column) => digitColumns(table, column)),
  ]
  const conditions = findConditions(coded)
  const fillers = conditions.map((condition) => condition?.filler ?? '')
  const chosen = coded.map((column, i) => choicesOf(table, column, fillers[i]!, coded, fillers))
  return coded.map(({ column, name, texts, codes, isDigit }, i): GeneColumn => {
    const { choices, indexOf } = chosen[i]!
    const numeric = !isDigit && typeof choices[0] === 'number'
    const usual = numeric && choices.length > 2 ? 'ordinal' : 'categorical'
    const kind = ordinal.includes(column) ? 'ordinal' : categorical.includes(column) ? 'categorical' : usual
    const condition = conditions[i]
    const indices = Uint16Array.from(texts, (text) => {
      if (text === fillers[i]) return condition === undefined ? ANY_CHOICE : 0
      return indexOf.get(text)!
    })
    return {
      gene: { name, choices, kind, ...(condition === undefined ? {} : activeWhen(condition, coded, chosen)) },
      codes,
      indices,
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
  const decimal = shared.every((text) => DECIMAL.test(text))
  // With zeros in front they are codes, of which 01 and 1 are two.
  const numeric = !isDigit && decimal && !shared.some((text) => PADDED.test(text))
  const inOrder = decimal ? (a: string, b: string) => Number(a) - Number(b) || (a < b ? -1 : 1) : undefined
  const choices = numeric ? [...new Set(shared.map(Number))].sort((a, b) => a - b) : shared.sort(inOrder)
  if (choices.length === 0) {
    throw badFile(table.file, `has nothing but empty cells in column '${column}'`, 'a gene has 1 choice or more')
  }
  const positions = new Map<string | number, number>(choices.map((choice, i) => [choice, i]))
  return { choices, indexOf: new Map(shared.map((text) => [text, positions.get(numeric ? Number(text) : text)!])) }
}

function codedColumn(table: Table, column: string): NamedColumn {
  const { texts, codes } = table.coded(column) ?? { texts: [...new Set(table.cells(column))], codes: NO_CODES }
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
        : `${length === 1 ? '1 digit or letter is' : `${length} digits or letters are`} expected, one for each gene, as in line ${table.line(0)}${lost}`,
    )
  }
  return Array.from({ length }, (_, place): NamedColumn => {
    const texts = [...new Set(cells.map((cell) => cell[place]!))]
    const codeOf = new Map(texts.map((text, code) => [text, code]))
    const codes = Uint16Array.from(cells, (cell) => codeOf.get(cell[place]!)!)
    return { column, name: `${column}[${place}]`, texts, codes, isDigit: true }
  })
}
