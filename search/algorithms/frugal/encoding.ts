import { randomStream } from '../../../lib/random.ts'
import type { GeneDescription, Genome, GenomeOperations, KnownCosts } from '../../algorithm.ts'
import { activeGenes } from '../../genes.ts'

/**
 * A genome as numbers whose distances mean something. Three parts, one after the other:
 * - `genes`: one value per gene that has a choice. Two values differ by min(1, |a − b|): 1 between categories and between
 *   active and inactive, the share of the way between ordinal choices.
 * - `counts`: how often each choice occurs among genes of the same kind (same name after the '.', or same choices), so
 *   that what is learned of a choice in one place counts in the others.
 * - `costs`: the logarithms of the known costs, standardised.
 */
export interface Encoding {
  readonly geneCount: number
  readonly countCount: number
  readonly costCount: number
  readonly width: number
  /** Mean sum of gene differences between two random genomes. */
  readonly typicalMismatch: number
  encode(genome: Genome, costs: readonly KnownCosts[] | undefined): Float64Array
}

const INACTIVE = -2
const SAMPLES = 64

interface CountGroup {
  readonly genes: readonly number[]
  readonly ordinal: boolean
  /** Choices per gene, when all have equally many. */
  readonly levels: number
}

/** The encoding of a space. `costsOf` says what is known of a genome's costs without measuring; undefined if nothing is. */
export function createEncoding(
  operations: GenomeOperations,
  costsOf: ((genome: Genome) => readonly KnownCosts[] | undefined) | undefined,
): Encoding {
  const { genes } = operations
  const activity = activeGenes(genes)
  const open = genes.flatMap((gene, i) => (gene.choices.length > 1 ? [i] : []))
  const groups = countGroups(genes, open)
  const countCount = groups.reduce((sum, { ordinal, levels }) => sum + (ordinal ? levels - 1 : levels), 0)
  // A fixed seed: the scales belong to the space and must be the same after a restart.
  const random = randomStream(0, 'frugal encoding')
  const samples = Array.from({ length: SAMPLES }, () => operations.sample(random))
  const costScales = scalesOf(samples.map((genome) => flatCosts(costsOf?.(genome))))
  const costCount = costScales.length
  const width = open.length + countCount + costCount
  const groupScales = groups.map(() => 1)

  const encode = (genome: Genome, costs: readonly KnownCosts[] | undefined): Float64Array => {
    const row = new Float64Array(width)
    const active = activity(genome)
    open.forEach((gene, k) => {
      const scale = genes[gene]!.kind === 'ordinal' ? genes[gene]!.choices.length - 1 : 1
      row[k] = active[gene] ? genome[gene]! / scale : INACTIVE
    })
    let offset = open.length
    groups.forEach(({ genes: members, ordinal, levels }, g) => {
      for (const gene of members) {
        if (!active[gene]) continue
        const choice = genome[gene]!
        // Ordinal choices count into every level they reach, so that neighbours stay neighbours.
        if (ordinal) for (let level = 1; level <= choice; level++) row[offset + level - 1]! += groupScales[g]!
        else row[offset + choice]! += groupScales[g]!
      }
      offset += ordinal ? levels - 1 : levels
    })
    const flat = flatCosts(costs)
    costScales.forEach(({ column, transform }, k) => {
      const value = flat?.[column]
      row[offset + k] = value === undefined ? 0 : transform(value)
    })
    return row
  }

  // Every group gets the same typical distance, and all together 1.
  const rows = samples.map((genome) => encode(genome, undefined))
  let offset = open.length
  groups.forEach(({ ordinal, levels }, g) => {
    const size = ordinal ? levels - 1 : levels
    const mean = meanPairwise(rows, (a, b) => squaredDistance(a, b, offset, offset + size))
    groupScales[g] = mean > 0 ? 1 / Math.sqrt(mean * groups.length) : 0
    offset += size
  })
  return {
    geneCount: open.length,
    countCount,
    costCount,
    width,
    typicalMismatch: Math.max(
      1,
      meanPairwise(rows, (a, b) => mismatch(a, b, open.length)),
    ),
    encode,
  }
}

/** Sum over the first `count` entries of min(1, |a − b|). */
function mismatch(a: Float64Array, b: Float64Array, count: number): number {
  let sum = 0
  for (let k = 0; k < count; k++) sum += Math.min(1, Math.abs(a[k]! - b[k]!))
  return sum
}

function squaredDistance(a: Float64Array, b: Float64Array, start: number, end: number): number {
  let sum = 0
  for (let k = start; k < end; k++) sum += (a[k]! - b[k]!) ** 2
  return sum
}

function meanPairwise(rows: readonly Float64Array[], distance: (a: Float64Array, b: Float64Array) => number): number {
  let sum = 0
  for (let i = 1; i < rows.length; i++) sum += distance(rows[i - 1]!, rows[i]!)
  return sum / (rows.length - 1)
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
  return [...byKind.values()]
    .filter((members) => members.length > 1)
    .map((members) => {
      const { kind, choices } = genes[members[0]!]!
      return { genes: members, ordinal: kind === 'ordinal', levels: choices.length }
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
  const known = samples.filter((costs) => costs !== undefined)
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
