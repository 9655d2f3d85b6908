import { ANY_CHOICE, type TableGenomes } from '../../evaluators/tabular/table-space.ts'
import type { GeneDescription, Genome } from '../algorithm.ts'

/** Neighbours of a genome that are looked at. */
const NEIGHBOURS = 64
/** Genomes whose neighbours are remembered. */
const REMEMBERED = 5000
/** Choices that are compared to find the neighbours of a genome: of a large table only a part is looked through. */
const MOST_COMPARED = 300_000

/**
 * Finds, for a genome that a table lacks, an entry of the table that is like it: among the nearest entries of its parents,
 * themselves left out, the nearest to it; of equals the first from a place on that the caller draws.
 */
export function nearbyEntries(space: TableGenomes) {
  const { genes, genomes, architectures } = space
  const entries = architectures.length
  const looked = Math.min(entries, Math.ceil(MOST_COMPARED / genes.length))
  const steps = Float64Array.from(genes, stepDistance)
  const remembered = new Map<string, Uint32Array>()
  let columns: readonly Uint16Array[] | undefined
  const sums = new Float64Array(looked)
  const distance = (entry: number, to: Genome): number => {
    let sum = 0
    for (let gene = 0; gene < steps.length; gene++) sum += apart(gene, genomes[entry * steps.length + gene]!, to[gene]!)
    return sum
  }
  const apart = (gene: number, choice: number, other: number): number => {
    if (choice === other || choice === ANY_CHOICE) return 0
    const step = steps[gene]!
    return step === 0 ? 1 : Math.abs(choice - other) * step
  }
  const neighbours = (genome: Genome): Uint32Array => {
    const key = genome.join()
    const known = remembered.get(key)
    if (known !== undefined) return known
    // Of equally near entries and of large tables other genomes see other ones.
    const start = placeOf(genome, entries)
    sums.fill(0)
    columns ??= columnsOf(space)
    columns.forEach((column, gene) => {
      const { length } = genes[gene]!.choices
      const distances = Float64Array.from({ length: length + 1 }, (_, choice) =>
        choice === length ? 0 : apart(gene, choice, genome[gene]!),
      )
      const split = Math.min(looked, entries - start)
      for (let i = 0; i < split; i++) sums[i]! += distances[column[start + i]!]!
      for (let i = split; i < looked; i++) sums[i]! += distances[column[i - split]!]!
    })
    const near = leastPositive(sums, NEIGHBOURS).map((i) => (start + i) % entries)
    if (remembered.size >= REMEMBERED) remembered.clear()
    remembered.set(key, near)
    return near
  }
  return (genome: Genome, parents: readonly Genome[], place: (count: number) => number): number | undefined => {
    const near = parents.flatMap((parent) => [...neighbours(parent)])
    const start = place(Math.max(1, near.length))
    let nearest: number | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < near.length; i++) {
      const entry = near[(start + i) % near.length]!
      const found = distance(entry, genome)
      if (found >= least || parents.some((parent) => distance(entry, parent) === 0)) continue
      nearest = entry
      least = found
    }
    return nearest
  }
}

/** Distance that one step of an ordinal gene makes, its ends being 1 apart; 0 for categorical genes, all 1 apart. */
const stepDistance = ({ kind, choices }: GeneDescription): number =>
  kind === 'ordinal' ? 1 / Math.max(1, choices.length - 1) : 0

/** The choices of every gene side by side; the number of choices stands for any. */
const columnsOf = ({ genes, genomes, architectures }: TableGenomes): readonly Uint16Array[] =>
  genes.map(({ choices }, gene) => {
    const column = new Uint16Array(architectures.length)
    for (let entry = 0, at = gene; entry < column.length; entry++, at += genes.length) {
      column[entry] = Math.min(genomes[at]!, choices.length)
    }
    return column
  })

/** A place among `count` that differs from genome to genome (FNV-1a). */
function placeOf(genome: Genome, count: number): number {
  let hash = 0x811c9dc5
  for (const choice of genome) hash = Math.imul(hash ^ choice, 0x01000193)
  return (hash >>> 0) % count
}

/** Positions of the least values above 0, ascending; of equal values the first ones. */
function leastPositive(values: Float64Array, count: number): Uint32Array {
  const kept = new Uint32Array(count)
  let size = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value === 0 || (size === count && value >= values[kept[size - 1]!]!)) continue
    let at = size === count ? size - 1 : size++
    for (; at > 0 && values[kept[at - 1]!]! > value; at--) kept[at] = kept[at - 1]!
    kept[at] = i
  }
  return kept.slice(0, size)
}
