import type { NetworkGraph, Shape } from '../network/types.ts'
import type { GeneDescription, Genome } from './genome.ts'

/** What a network is for: the shape of a sample and the number of classes. */
export interface Task {
  /** `[height, width, channels]` */
  readonly inputShape: Shape
  readonly classCount: number
}

/**
 * A search space: which genes there are for a task, and which network a genome stands for. `decode` is pure; the same
 * genome and task give the same graph, and every genome that fits `genes` decodes. The graph ends in logits `[classes]`.
 * Its input may have a lower resolution than the task's samples: whoever feeds it resizes them.
 */
export interface SearchSpace {
  readonly id: string
  /** Raised when a genome would decode to another network than before. */
  readonly version: string
  /** One line for lists. */
  readonly title: string
  /** A paragraph for `frugal spaces show`. */
  readonly description: string
  genes(task: Task): readonly GeneDescription[]
  decode(genome: Genome, task: Task): NetworkGraph
}

/** Identity function that types a space file's default export. */
export const defineSpace = (space: SearchSpace): SearchSpace => space
