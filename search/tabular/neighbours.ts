import { ANY_CHOICE, type TableSpace } from '../../evaluators/tabular/table-space.ts'
import type { GeneDescription, Genome } from '../algorithm.ts'

/** Neighbours of a genome that are looked at. */
const NEIGHBOURS = 32
/** Genomes whose neighbours are remembered. */
const REMEMBERED = 5000

/**
 * Finds, for a genome that a table lacks, an entry of the table that is like it: among the nearest entries of its parents,
 * themselves left out, the nearest to it; of equals the first from a place on that the caller draws.
 */
export function nearbyEntries(space: TableSpace) {
  const { genes, genomes, architectures } = space
  const steps = Float64Array.from(genes, stepDistance)
  const remembered = new Map<string, readonly number[]>()
  const distance = (entry: number, to: Genome): number => {
    let sum = 0
    for (let gene = 0; gene < steps.length; gene++) {
      const choice = genomes[entry * steps.length + gene]!
      if (choice === to[gene] || choice === ANY_CHOICE) continue
      const step = steps[gene]!
      sum += step === 0 ? 1 : Math.abs(choice - to[gene]!) * step
    }
    return sum
  }
  const neighbours = (genome: Genome): readonly number[] => {
    const key = genome.join()
    const known = remembered.get(key)
    if (known !== undefined) return known
    const distances = Float64Array.from(architectures, (_, entry) => distance(entry, genome))
    const bound = distances.filter((value) => value > 0).sort()[NEIGHBOURS - 1] ?? Number.POSITIVE_INFINITY
    const near = [...distances.keys()].filter((entry) => distances[entry]! > 0 && distances[entry]! <= bound)
    near.sort((a, b) => distances[a]! - distances[b]! || a - b)
    if (remembered.size >= REMEMBERED) remembered.clear()
    remembered.set(key, near)
    return near
  }
  return (genome: Genome, parents: readonly Genome[], place: (count: number) => number): number | undefined => {
    const near = parents.flatMap(neighbours)
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
