import type { Genome } from '../../spaces/genome.ts'

/** Genomes, one after another, found by what they hold: plain arrays, which threads can be given. */
export interface GenomeIndex {
  readonly genomes: Uint16Array
  readonly geneCount: number
  /** Positions of genomes, from 1, where their hash puts them or behind (open addressing); 0 is a free slot. */
  readonly slots: Int32Array
}

/** An index with room for so many genomes, of which at most half the slots are taken. */
export function emptyIndex(capacity: number, geneCount: number): GenomeIndex {
  const slots = 2 ** Math.ceil(Math.log2(2 * capacity + 1))
  return {
    genomes: new Uint16Array(new SharedArrayBuffer(2 * capacity * geneCount)),
    geneCount,
    slots: new Int32Array(new SharedArrayBuffer(4 * slots)),
  }
}

/**
 * Takes in the genome that stands at a position of `genomes`, unless an earlier one is equal.
 * @returns the earlier one's position, or this one
 */
export function addToIndex(index: GenomeIndex, position: number): number {
  const start = position * index.geneCount
  const genome = index.genomes.subarray(start, start + index.geneCount)
  const slot = slotOf(index, genome)
  if (index.slots[slot] === 0) index.slots[slot] = position + 1
  return index.slots[slot]! - 1
}

/** The position of an equal genome; -1 where there is none. */
export const findInIndex = (index: GenomeIndex, genome: Genome | Uint16Array): number =>
  index.slots[slotOf(index, genome)]! - 1

/** Where a genome is, or the free slot where it would be. */
function slotOf({ genomes, geneCount, slots }: GenomeIndex, genome: Genome | Uint16Array): number {
  const mask = slots.length - 1
  for (let slot = hashOf(genome) & mask; ; slot = (slot + 1) & mask) {
    const position = slots[slot]! - 1
    if (position < 0) return slot
    let gene = 0
    for (let at = position * geneCount; gene < geneCount && genomes[at] === genome[gene]; at++) gene++
    if (gene === geneCount) return slot
  }
}

/** FNV-1a over the choices, and what mixes high bits into the low ones that are used (MurmurHash3's end). */
function hashOf(genome: Genome | Uint16Array): number {
  let hash = 0x811c9dc5
  for (let gene = 0; gene < genome.length; gene++) hash = Math.imul(hash ^ genome[gene]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
