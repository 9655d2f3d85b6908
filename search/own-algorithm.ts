import { messageOf, OperationalError, UserError } from '../lib/errors.ts'
import { OWN_TURN_SECONDS, OwnCodeError, ownCall } from '../lib/own-code.ts'
import type { Algorithm, AlgorithmConfig, AlgorithmDefinition } from './algorithm.ts'
import { checkGenome } from './genes.ts'

/**
 * An algorithm from a file of the user's own, whose code may do anything: what it throws names the file and the
 * function, and genomes that do not fit the genes are refused.
 */
export function checkedAlgorithm(definition: AlgorithmDefinition, file: string): AlgorithmDefinition {
  const owner = `the algorithm file '${file}'`
  const run = <T>(what: string, work: () => T): T => {
    try {
      return ownCall({ owner, what }, OWN_TURN_SECONDS, work)
    } catch (error) {
      if (error instanceof OwnCodeError) throw error
      const Kind = error instanceof UserError ? UserError : OperationalError
      throw new Kind(`${owner} fails in ${what}: ${messageOf(error).split('\n', 1)[0]}`, { cause: error })
    }
  }
  const checked = (algorithm: Algorithm, { operations }: AlgorithmConfig): Algorithm => ({
    ask: () => run('ask()', () => checkGenome(operations.genes, algorithm.ask())),
    tell: (result) => run('tell()', () => algorithm.tell(result)),
    state: () => run('state()', () => algorithm.state()),
  })
  return {
    ...definition,
    create: (config, random) =>
      checked(
        run('create()', () => definition.create(config, random)),
        config,
      ),
    restore: (config, state) =>
      checked(
        run('restore()', () => definition.restore(config, state)),
        config,
      ),
  }
}
