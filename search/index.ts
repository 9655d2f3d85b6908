/** What an algorithm of the user's own is written with: `import { … } from 'frugal-nas/search'`. */
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
export * as pareto from './pareto/index.ts'
