import { randomStream } from '../../../lib/random.ts'
import type { GeneDescription, Genome, GenomeOperations, KnownCosts } from '../../algorithm.ts'
import { activeGenes } from '../../genes.ts'

/** A genome as the model sees it. */
export interface EncodedGenome {
  /** Per gene that has a choice, the number of its choice, or of being inactive, among those of all genes. */
  readonly codes: Uint16Array
  /** How often each choice occurs among genes of the same kind, so that what is learned in one place counts in others. */
  readonly counts: Float64Array
  /** Logarithms of the known costs, standardised. */
  readonly costs: Float64Array
}

/** What each code of another genome has in common with one genome; sums over genes make up distances. */
export interface CodeTables {
  /** 0 for the same choice, 1 for another category or activity, the share of the way between ordinal choices. */
  readonly mismatch: Float64Array
  /** What the code adds to the scalar product of the two genomes' counts. */
  readonly product: Float64Array
}

export interface Encoding {
  readonly geneCount: number
  readonly countCount: number
  readonly costCount: number
  /** Mean sum of mismatches between two random genomes. Counts are scaled to a mean squared distance of 1. */
  readonly typicalMismatch: number
  encode(genome: Genome, costs: readonly KnownCosts[] | undefined): EncodedGenome
  tables(encoded: EncodedGenome): CodeTables
}

const SAMPLES = 64

interface CountGroup {
  readonly genes: readonly number[]
  readonly ordinal: boolean
  /** Entries of the counts that this group owns. */
  readonly start: number
  readonly size: number
}

/** The encoding of a space. `costsOf` says what is known of a genome's costs without measuring; undefined if nothing is. */
export function createEncoding(
  operations: GenomeOperations,
  costsOf: ((genome: Genome) => readonly KnownCosts[] | undefined) | undefined,
): Encoding {
  const { genes } = operations
  const activity = activeGenes(genes)
  const open = genes.flatMap((gene, i) => (gene.choices.length > 1 ? [i] : []))
  // The codes of gene k start here; the last of them means inactive.
  const starts: number[] = []
  let codeCount = 0
  for (const gene of open) {
    starts.push(codeCount)
    codeCount += genes[gene]!.choices.length + 1
  }
  const groups = countGroups(genes, open)
  const groupOf = open.map((gene) => groups.findIndex((group) => group.genes.includes(gene)))
  const groupScales = groups.map(() => 1)
  const countCount = groups.reduce((sum, { size }) => sum + size, 0)
  // A fixed seed: the scales belong to the space and must be the same after a restart.
  const random = randomStream(0, 'frugal encoding')
  const samples = Array.from({ length: SAMPLES }, () => operations.sample(random))
  const costScales = scalesOf(samples.map((genome) => flatCosts(costsOf?.(genome))))

  const encode = (genome: Genome, known: readonly KnownCosts[] | undefined): EncodedGenome => {
    const active = activity(genome)
    const codes = Uint16Array.from(
      open,
      (gene, k) => starts[k]! + (active[gene] ? genome[gene]! : genes[gene]!.choices.length),
    )
    const counts = new Float64Array(countCount)
    open.forEach((gene, k) => {
      const group = groups[groupOf[k]!]
      if (group === undefined || !active[gene]) return
      const choice = genome[gene]!
      const scale = groupScales[groupOf[k]!]!
      // Ordinal choices count into every level they reach, so that neighbours stay neighbours.
      if (group.ordinal) for (let level = 0; level < choice; level++) counts[group.start + level]! += scale
      else counts[group.start + choice]! += scale
    })
    const flat = flatCosts(known)
    const costs = Float64Array.from(costScales, ({ column, transform }) =>
      flat === undefined ? 0 : transform(flat[column]!),
    )
    return { codes, counts, costs }
  }

  const tables = ({ codes, counts }: EncodedGenome): CodeTables => {
    const mismatch = new Float64Array(codeCount)
    const product = new Float64Array(codeCount)
    open.forEach((gene, k) => {
      const { kind, choices } = genes[gene]!
      const own = codes[k]! - starts[k]!
      const step = kind === 'ordinal' ? 1 / (choices.length - 1) : 1
      for (let code = 0; code <= choices.length; code++) {
        const inactive = code === choices.length || own === choices.length
        const distance = inactive ? 1 : Math.min(1, Math.abs(code - own) * step)
        mismatch[starts[k]! + code] = code === own ? 0 : distance
      }
      const group = groups[groupOf[k]!]
      if (group === undefined) return
      let reached = 0
      for (let code = 0; code < choices.length; code++) {
        const scale = groupScales[groupOf[k]!]!
        product[starts[k]! + code] = group.ordinal ? reached : scale * counts[group.start + code]!
        if (group.ordinal && code < group.size) reached += scale * counts[group.start + code]!
      }
    })
    return { mismatch, product }
  }

  const encoded = samples.map((genome) => encode(genome, undefined))
  groups.forEach(({ start, size }, g) => {
    const mean = meanOfNeighbours(encoded, (a, b) => {
      let squared = 0
      for (let k = start; k < start + size; k++) squared += (a.counts[k]! - b.counts[k]!) ** 2
      return squared
    })
    groupScales[g] = mean > 0 ? 1 / Math.sqrt(mean * groups.length) : 0
  })
  const typicalMismatch = meanOfNeighbours(encoded, (a, b) => {
    const { mismatch } = tables(a)
    return b.codes.reduce((sum, code) => sum + mismatch[code]!, 0)
  })
  return {
    geneCount: open.length,
    countCount,
    costCount: costScales.length,
    typicalMismatch: Math.max(1, typicalMismatch),
    encode,
    tables,
  }
}

function meanOfNeighbours<T>(items: readonly T[], measure: (a: T, b: T) => number): number {
  let sum = 0
  for (let i = 1; i < items.length; i++) sum += measure(items[i - 1]!, items[i]!)
  return sum / (items.length - 1)
}

/** Genes of one kind in several places: `stage1.kernel`, `stage2.kernel`, or genes with the same choices. */
function countGroups(genes: readonly GeneDescription[], open: readonly number[]): CountGroup[] {
  const byKind = new Map<string, number[]>()
  for (const i of open) {
    const { name, kind, choices } = genes[i]!
    const dot = name.indexOf('.')
    const key = JSON.stringify([
      kind,
      dot < 0 ? '' : name.slice(dot + 1),
      kind === 'ordinal' ? choices.length : choices,
    ])
    byKind.set(key, [...(byKind.get(key) ?? []), i])
  }
  let start = 0
  return [...byKind.values()]
    .filter((members) => members.length > 1)
    .map((members) => {
      const { kind, choices } = genes[members[0]!]!
      const size = kind === 'ordinal' ? choices.length - 1 : choices.length
      start += size
      return { genes: members, ordinal: kind === 'ordinal', start: start - size, size }
    })
}

const flatCosts = (known: readonly KnownCosts[] | undefined): readonly number[] | undefined =>
  known?.flatMap(({ costs }) => costs)

interface CostScale {
  readonly column: number
  readonly transform: (value: number) => number
}

/** How to standardise each cost that varies: by logarithm where all are positive. */
function scalesOf(samples: readonly (readonly number[] | undefined)[]): CostScale[] {
  // A device that cannot run a network at all may give a cost without measure.
  const known = samples.filter((costs) => costs?.every((cost) => Math.abs(cost) < 1e100) ?? false) as number[][]
  if (known.length < 8) return []
  return known[0]!.flatMap((_, column): CostScale[] => {
    const values = known.map((costs) => costs[column]!)
    const least = Math.min(...values)
    const level = (value: number) => (least > 0 ? Math.log(Math.max(value, least * 1e-3)) : value)
    const mean = values.reduce((sum, value) => sum + level(value), 0) / values.length
    const variance = values.reduce((sum, value) => sum + (level(value) - mean) ** 2, 0) / values.length
    if (!(variance > 0)) return []
    return [{ column, transform: (value) => (level(value) - mean) / Math.sqrt(variance) }]
  })
}
