import { z } from 'zod'
import { type RandomStream, randomStreamFromState } from '../../lib/random.ts'
import { type Algorithm, type AlgorithmConfig, defineAlgorithm, type Genome, type Told } from '../algorithm.ts'
import { Asks, asksSchema } from './asks.ts'
import { withResult } from './population.ts'
import { unseenSample, unseenVariant } from './proposals.ts'
import { compareStandings, type Standing, standings, survivors } from './ranking.ts'
import { checkTold, isFeasible, loadTold, parseState, randomStateSchema, storeTold, toldSchema } from './state.ts'

const CROSSOVER_SHARE = 0.9
/** Share of the children that mutate; those that repeat a known genome mutate in any case. */
const MUTATION_SHARE = 0.5
const stateSchema = z.strictObject({
  random: randomStateSchema,
  ...asksSchema,
  population: z.array(toldSchema),
})

interface Memory {
  readonly asks: Asks
  population: readonly Told[]
}

/**
 * Steady-state NSGA-II (Deb et al. 2002): every result joins the population at once and the worst member leaves, so that
 * proposals never wait for a generation to end, however many of them are being trained.
 */
function nsga2(config: AlgorithmConfig, random: RandomStream, memory: Memory): Algorithm {
  const { operations, frontCount, objectiveCount, populationSize } = config
  let standing: readonly Standing[] | undefined

  const tournament = (): Genome => {
    const { population } = memory
    standing ??= standings(population, frontCount, objectiveCount)
    const [a, b] = [random.int(population.length), random.int(population.length)]
    return population[compareStandings(standing[a]!, standing[b]!) <= 0 ? a : b]!.genome
  }
  const stillSampling = (): boolean => {
    if (memory.population.length === 0) return true
    const feasible = memory.population.filter(({ fronts }) => isFeasible(fronts)).length
    return memory.asks.stillSampling(feasible, populationSize)
  }
  const child = (): Genome => {
    const first = tournament()
    const joined = random.chance(CROSSOVER_SHARE) ? operations.crossover(first, tournament(), random) : first
    const genome = random.chance(MUTATION_SHARE) ? operations.mutate(joined, random) : joined
    return unseenVariant(genome, operations, memory.asks.seen, random)
  }

  return {
    ask: () => memory.asks.add(stillSampling() ? unseenSample(operations, memory.asks.seen, random) : child()),
    tell: (result) => {
      memory.asks.close(result)
      memory.population = survivors(withResult(memory.population, result), populationSize, frontCount, objectiveCount)
      standing = undefined
    },
    state: () => ({
      random: random.state(),
      ...memory.asks.state(),
      population: memory.population.map(storeTold),
    }),
  }
}

export default defineAlgorithm({
  id: 'nsga2',
  title: 'NSGA-II: evolution by non-domination rank and crowding, with constrained domination',
  create: (config, random) => nsga2(config, random, { asks: new Asks(), population: [] }),
  restore: (config, state) => {
    const stored = parseState('nsga2', stateSchema, state)
    const population = stored.population.map(loadTold)
    checkTold('nsga2', config, population)
    return nsga2(config, randomStreamFromState(stored.random), { asks: new Asks(stored), population })
  },
})
