import { randomStream } from '../../../lib/random.ts'
import type { GeneDescription, Genome, GenomeOperations, KnownCosts } from '../../algorithm.ts'
import { activeGenes } from '../../genes.ts'
import { type ChoiceGroup, choiceGroups, kindOf } from './choice-groups.ts'
import { genomeKey, RecentlyUsed } from './recently-used.ts'

/** A genome as the model sees it. */
export interface EncodedGenome {
  /** Per gene that has a choice, the number of its choice, or of being inactive, among those of all genes. */
  readonly codes: Uint16Array
  /** How often each choice occurs among genes of the same kind, so that what is learned in one place counts in others. */
  readonly counts: Float64Array
  /** Squared length of the counts. */
  readonly countLength: number
  /** Logarithms of the known costs, standardised. */
  readonly costs: Float64Array
}

export interface Encoding {
  readonly geneCount: number
  readonly countCount: number
  readonly costCount: number
  /** How fast the count part of the kernel falls with the squared distance of the counts. */
  readonly countDecay: number
  /** Mean sum of mismatches between two random genomes. Counts are scaled to a mean squared distance of 1. */
  readonly typicalMismatch: number
  /** The same of squared mismatches. */
  readonly typicalSquare: number
  /** Whether some gene has three or more choices in order. */
  readonly hasOrdinal: boolean
  /**
   * The latest genomes get the same object again.
   * @param key `genomeKey` of it, where the caller has it
   */
  encode(genome: Genome, key?: string): EncodedGenome
  /** Kinds of genes whose choices may be more or less similar. */
  readonly groups: readonly ChoiceGroup[]
  /** Per group and gene, its column among the codes and the code of its first choice. */
  readonly groupCodes: readonly (readonly GeneColumn[])[]
  /**
   * Says what each code of another genome has in common with a genome, `TABLE_ENTRIES` entries per code; sums over genes make
   * up distances: 0 for the same choice, 1 for another category or activity, the share of the way between ordinal choices; the
   * same with the distances that were given; what the code adds to the scalar product of the two genomes' counts; and the
   * first entry squared.
   * @param distances between the choices of each group, as `choiceDistances` gives them; 1 where there are none
   * @param bend of the ordinal scales: a choice lies at its share of the way to the last one to the power of it
   */
  tables(distances: Float64Array | undefined, bend: number): (encoded: EncodedGenome) => Float64Array
}

export interface GeneColumn {
  readonly column: number
  readonly firstCode: number
}

export const TABLE_ENTRIES = 4

const SAMPLES = 64
/** At the typical distance of two random genomes a quarter of the count part is gone. */
export const COUNT_DECAY = 0.27
/** Genomes whose encodings are kept: candidates come back from ask to ask. */
const RECENT = 512

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
  const groups = choiceGroups(genes)
  const similarIn = open.map((gene) => groups.find((group) => group.genes.includes(gene)))
  const counted = countGroups(genes, open)
  const groupOf = open.map((gene) => counted.findIndex((group) => group.genes.includes(gene)))
  const groupScales = counted.map(() => 1)
  const countCount = counted.reduce((sum, { size }) => sum + size, 0)
  // A fixed seed: the scales belong to the space and must be the same after a restart.
  const random = randomStream(0, 'frugal encoding')
  const samples = Array.from({ length: SAMPLES }, () => operations.sample(random))
  const costScales = scalesOf(samples.map((genome) => flatCosts(costsOf?.(genome))))

  const recent = new RecentlyUsed<EncodedGenome>(RECENT)
  const encode = (genome: Genome): EncodedGenome => {
    const active = activity(genome)
    const codes = new Uint16Array(open.length)
    open.forEach((gene, k) => {
      codes[k] = starts[k]! + (active[gene] ? genome[gene]! : genes[gene]!.choices.length)
    })
    const counts = new Float64Array(countCount)
    open.forEach((gene, k) => {
      const group = counted[groupOf[k]!]
      if (group === undefined || !active[gene]) return
      const choice = genome[gene]!
      const scale = groupScales[groupOf[k]!]!
      // Ordinal choices count into every level they reach, so that neighbours stay neighbours.
      if (group.ordinal) for (let level = 0; level < choice; level++) counts[group.start + level]! += scale
      else counts[group.start + choice]! += scale
    })
    const flat = flatCosts(costsOf?.(genome))
    const costs = new Float64Array(costScales.length)
    if (flat !== undefined) {
      costScales.forEach(({ column, transform }, k) => {
        costs[k] = transform(flat[column]!)
      })
    }
    return { codes, counts, countLength: counts.reduce((sum, value) => sum + value * value, 0), costs }
  }

  const tables: Encoding['tables'] = (distances, bend) => {
    /** All but what the counts say, by gene and own choice; most genomes have them in common. */
    const parts = open.map((): Float64Array[] => [])
    const partOf = (k: number, own: number): Float64Array => {
      const { kind, choices } = genes[open[k]!]!
      const last = choices.length - 1
      const apart = (code: number): number => {
        if (code === own) return 0
        return kind === 'ordinal' ? Math.abs((code / last) ** bend - (own / last) ** bend) : 1
      }
      const similar = distances === undefined ? undefined : similarIn[k]
      const part = new Float64Array(TABLE_ENTRIES * (choices.length + 1))
      for (let code = 0; code <= choices.length; code++) {
        const inactive = code === choices.length || own === choices.length
        const plain = inactive && code !== own ? 1 : apart(code)
        const entry = TABLE_ENTRIES * code
        part[entry] = plain
        part[entry + 3] = plain * plain
        part[entry + 1] =
          similar === undefined || inactive ? plain : distances![similar.start + own * similar.size + code]!
      }
      return part
    }
    return ({ codes, counts }) => {
      const entries = new Float64Array(TABLE_ENTRIES * codeCount)
      for (let k = 0; k < open.length; k++) {
        const own = codes[k]! - starts[k]!
        parts[k]![own] ??= partOf(k, own)
        const part = parts[k]![own]!
        const first = TABLE_ENTRIES * starts[k]!
        const group = counted[groupOf[k]!]
        if (group === undefined) {
          entries.set(part, first)
          continue
        }
        const { ordinal, start, size } = group
        const scale = groupScales[groupOf[k]!]!
        const inactive = part.length - TABLE_ENTRIES
        let reached = 0
        for (let entry = 0, count = start; entry <= inactive; entry += TABLE_ENTRIES, count++) {
          const at = first + entry
          entries[at] = part[entry]!
          entries[at + 1] = part[entry + 1]!
          entries[at + 3] = part[entry + 3]!
          if (entry === inactive) continue
          if (ordinal) {
            entries[at + 2] = reached
            if (count < start + size) reached += scale * counts[count]!
          } else entries[at + 2] = scale * counts[count]!
        }
      }
      return entries
    }
  }

  // Groups are scaled from samples that are not scaled yet; nothing of them is kept.
  const encoded = samples.map((genome) => encode(genome))
  counted.forEach(({ start, size }, g) => {
    const mean = meanOfNeighbours(encoded, (a, b) => {
      let squared = 0
      for (let k = start; k < start + size; k++) squared += (a.counts[k]! - b.counts[k]!) ** 2
      return squared
    })
    groupScales[g] = mean > 0 ? 1 / Math.sqrt(mean * counted.length) : 0
  })
  const plainTables = tables(undefined, 1)
  const typicalSum = (entry: number) =>
    meanOfNeighbours(encoded, (a, b) => {
      const entries = plainTables(a)
      return b.codes.reduce((sum, code) => sum + entries[TABLE_ENTRIES * code + entry]!, 0)
    })
  return {
    geneCount: open.length,
    countCount,
    costCount: costScales.length,
    countDecay: COUNT_DECAY,
    typicalMismatch: Math.max(1, typicalSum(0)),
    typicalSquare: typicalSum(3),
    hasOrdinal: open.some((gene) => genes[gene]!.kind === 'ordinal' && genes[gene]!.choices.length > 2),
    groups,
    groupCodes: groups.map((group) =>
      group.genes.map((gene) => ({ column: open.indexOf(gene), firstCode: starts[open.indexOf(gene)]! })),
    ),
    encode: (genome, key = genomeKey(genome)) => recent.get(key, () => encode(genome)),
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
    const key = kindOf(genes[i]!)
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

function flatCosts(known: readonly KnownCosts[] | undefined): readonly number[] | undefined {
  if (known === undefined) return undefined
  const flat: number[] = []
  for (const { costs } of known) flat.push(...costs)
  return flat
}

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
    // Rounding alone would give a cost that never varies a variance.
    if (Math.max(...values) === least || !(variance > 0)) return []
    return [{ column, transform: (value) => (level(value) - mean) / Math.sqrt(variance) }]
  })
}
