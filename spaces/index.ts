/** What a space of the user's own is written with: `import { … } from 'frugal-nas/spaces'`. */
export { type ConvOptions, GraphBuilder, type PoolOptions } from '../network/build.ts'
export type { ActivationKind, NetworkGraph, Op, Padding, Pair, Shape } from '../network/types.ts'
export { type AlongAxes, alongAxes } from './axes.ts'
export {
  type BlockKind,
  type BlockPlan,
  block,
  convUnit,
  type MixturePlan,
  mixtureBlock,
  roundChannels,
} from './blocks.ts'
export { categorical, type GenomeReader, ordinal, perTask, readGenome } from './choices.ts'
export type { GeneDescription, Genome } from './genome.ts'
export { defineSpace, type SearchSpace, type Task } from './space.ts'
