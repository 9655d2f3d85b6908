import type { RandomStream } from '../../lib/random.ts'
import type { Genome, GenomeOperations } from '../algorithm.ts'
import type { GenomeMemory } from './genome-memory.ts'

/** Tries before a repetition is accepted: small spaces run out of new genomes. */
const TRIES = 50

/** A random genome that is not in the memory, if one turns up. */
export function unseenSample(operations: GenomeOperations, memory: GenomeMemory, random: RandomStream): Genome {
  let genome = operations.sample(random)
  for (let i = 1; i < TRIES && memory.has(genome); i++) genome = operations.sample(random)
  return genome
}

/** The genome itself if it is new, else the end of a walk of mutations that leaves the known ones, if it gets out. */
export function unseenVariant(
  genome: Genome,
  operations: GenomeOperations,
  memory: GenomeMemory,
  random: RandomStream,
): Genome {
  let variant = genome
  for (let i = 0; i < TRIES && memory.has(variant); i++) variant = operations.mutate(variant, random)
  return memory.has(variant) ? unseenSample(operations, memory, random) : variant
}
