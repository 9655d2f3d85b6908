/** A column as numbers of its distinct texts. */
export interface CodedColumn {
  readonly texts: readonly string[]
  /** Per row the position of its text. */
  readonly codes: Uint16Array
}

/** Rows in which one column holds its filler are those in which another holds one of some texts: the gene is not there. */
export interface FoundCondition {
  readonly filler: string
  /** Position of the other column. */
  readonly column: number
  /** Texts of the other column with which the gene is there. */
  readonly texts: ReadonlySet<string>
}

/** How unlikely it must be that a value falls together with choices of another gene by chance, as nats of surprise. */
const SURPRISE = 30
/** Rows of a long table that are looked at first. */
const LOOK = 4000
/** No cell reads like this. */
const NO_TEXT = '\n'
const [UNSEEN, SEVERAL] = [-1, -2]

/**
 * Finds genes that matter only with some choices of another gene, as tables write them that have a column for every layer
 * and fill those of layers that are not there: with nothing, 0, or a word. No condition depends on itself.
 * @returns one entry per column, undefined for genes that always matter
 */
export function findConditions(columns: readonly CodedColumn[]): readonly (FoundCondition | undefined)[] {
  const candidates = columns.map((gene, i) =>
    columns.flatMap((other, column) => {
      const found = column === i ? undefined : conditionOn(gene, other)
      return found === undefined ? [] : [{ ...found, column }]
    }),
  )
  const dependents = columns.map(
    (_, column) => candidates.filter((found) => found.some((condition) => condition.column === column)).length,
  )
  const rank = columns.map(({ texts }, column) => [
    Number(texts.includes('')),
    -dependents[column]!,
    texts.length,
    column,
  ])
  /**
   * Kernel and width of a layer are filled together, and so is the last layer unless the depth is greatest: of two that
   * could be the reason for each other it is the one that is never empty, explains more, has fewer values, or stands first.
   */
  const comesFirst = (a: number, b: number): boolean => {
    const differs = rank[a]!.findIndex((value, i) => value !== rank[b]![i])
    return differs >= 0 && rank[a]![differs]! < rank[b]![differs]!
  }
  const isMutual = (gene: number, column: number): boolean => candidates[column]!.some((back) => back.column === gene)
  const chosen: (FoundCondition | undefined)[] = columns.map(() => undefined)
  const dependsOn = (gene: number, on: number): boolean =>
    gene === on || (chosen[gene] !== undefined && dependsOn(chosen[gene].column, on))
  /** A gene that is not there has no value that another could depend on, and nor has an empty cell. */
  const isLost = (gene: number, { filler, column, texts }: FoundCondition): boolean =>
    texts.has('') ||
    texts.has(chosen[column]?.filler ?? NO_TEXT) ||
    chosen.some((other) => other?.column === gene && other.texts.has(filler))
  candidates.forEach((found, gene) => {
    chosen[gene] = found
      .filter(({ column }) => !isMutual(gene, column) || comesFirst(column, gene))
      .toSorted((a, b) => (comesFirst(a.column, b.column) ? -1 : 1))
      .find((condition) => !dependsOn(condition.column, gene) && !isLost(gene, condition))
  })
  return chosen
}

/** The filler of a gene, and the texts of the other column without it: both in exactly the same rows. */
function conditionOn(gene: CodedColumn, other: CodedColumn): Omit<FoundCondition, 'column'> | undefined {
  const rows = gene.codes.length
  // Most pairs have nothing to do with each other, which a part of a long table shows, too.
  if (rows > LOOK && fillerOf(gene, other, Math.ceil(rows / LOOK)) === undefined) return undefined
  const found = fillerOf(gene, other, 1)
  if (found === undefined || surprise(found.count, rows) < SURPRISE) return undefined
  const texts = new Set(other.texts.filter((_, code) => !found.fills(code)))
  return { filler: gene.texts[found.filler]!, texts }
}

/** The value that a gene holds in exactly those rows, one in `step` looked at, in which the other column leaves no choice. */
function fillerOf(gene: CodedColumn, other: CodedColumn, step: number) {
  /** Per text of the other column the only code that the gene has with it. */
  const only = new Int32Array(other.texts.length).fill(UNSEEN)
  const counts = new Uint32Array(gene.texts.length)
  for (let row = 0; row < gene.codes.length; row += step) {
    const [code, by] = [gene.codes[row]!, other.codes[row]!]
    counts[code]!++
    if (only[by] === UNSEEN) only[by] = code
    else if (only[by] !== code) only[by] = SEVERAL
  }
  if (!only.includes(SEVERAL)) return undefined
  const elsewhere = new Uint8Array(gene.texts.length)
  for (let row = 0; row < gene.codes.length; row += step) {
    if (only[other.codes[row]!] === SEVERAL) elsewhere[gene.codes[row]!] = 1
  }
  const fillers = [...new Set(only)].filter((code) => code >= 0 && elsewhere[code] === 0)
  if (fillers.length === 0) return undefined
  const filler = fillers.reduce((most, code) => (counts[code]! > counts[most]! ? code : most))
  return { filler, count: counts[filler]!, fills: (code: number): boolean => only[code] === filler }
}

/** How many nats it takes to say in which of the rows a value stands that stands in `count` of them. */
function surprise(count: number, rows: number): number {
  const share = count / rows
  return -rows * (share * Math.log(share) + (1 - share) * Math.log(1 - share))
}
