/**
 * Searching as a library: `import { … } from 'frugal-nas/search'`. The algorithms, what an algorithm of the user's own is
 * written with, tables of measured networks as search spaces, and kernels on fronts.
 */
export type { Direction } from '../evaluators/tabular/direction.ts'
export type { GeneColumns } from '../evaluators/tabular/table-space.ts'
export { UserError } from '../lib/errors.ts'
export { type RandomState, type RandomStream, randomStream, randomStreamFromState } from '../lib/random.ts'
export {
  type Algorithm,
  type AlgorithmConfig,
  type AlgorithmDefinition,
  defineAlgorithm,
  type FrontResult,
  type GeneDescription,
  type Genome,
  type GenomeOperations,
  type KnownCosts,
  type Told,
} from './algorithm.ts'
export { loadAlgorithm } from './discover.ts'
export { activeGenes, checkGenome, type GeneOperationsOptions, geneOperations } from './genes.ts'
export * as pareto from './pareto/index.ts'
export {
  openTable,
  type ProblemColumns,
  type TabularEvaluation,
  type TabularProblem,
  tabularEvaluation,
} from './tabular/problem.ts'
export { type Run, type RunSettings, runTabular } from './tabular/run.ts'
export { type Scale, type ScaleSettings, type Score, scaleOf, scoreOf } from './tabular/score.ts'
