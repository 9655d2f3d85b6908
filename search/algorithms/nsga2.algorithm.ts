import { z } from 'zod'
import { type RandomStream, randomStreamFromState } from '../../lib/random.ts'
import { type Algorithm, type AlgorithmConfig, defineAlgorithm, type Genome, type Told } from '../algorithm.ts'
import { GenomeMemory } from './genome-memory.ts'
import { OpenAsks } from './open-asks.ts'
import { withResult } from './population.ts'
import { unseenSample, unseenVariant } from './proposals.ts'
import { compareStandings, type Standing, standings, survivors } from './ranking.ts'
import { checkTold, isFeasible, loadTold, parseState, randomStateSchema, storeTold, toldSchema } from './state.ts'

const CROSSOVER_SHARE = 0.9
/** Share of the children that mutate; those that repeat a known genome mutate in any case. */
const MUTATION_SHARE = 0.5
/** Random samples go on beyond the population size while most are infeasible, but not for ever. */
const MOST_INITIAL_SAMPLES_PER_MEMBER = 10

const stateSchema = z.strictObject({
  random: randomStateSchema,
  asked: z.int().min(0),
  open: z.array(z.array(z.int().min(0))),
  seen: z.array(z.int().min(0)),
  population: z.array(toldSchema),
})

interface Memory {
  asked: number
  readonly open: OpenAsks
  readonly seen: GenomeMemory
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
    return (
      feasible + memory.open.genomes.length < populationSize &&
      memory.asked < populationSize * MOST_INITIAL_SAMPLES_PER_MEMBER
    )
  }
  const child = (): Genome => {
    const first = tournament()
    const joined = random.chance(CROSSOVER_SHARE) ? operations.crossover(first, tournament(), random) : first
    const genome = random.chance(MUTATION_SHARE) ? operations.mutate(joined, random) : joined
    return unseenVariant(genome, operations, memory.seen, random)
  }

  return {
    ask: () => {
      const genome = stillSampling() ? unseenSample(operations, memory.seen, random) : child()
      memory.asked++
      memory.open.add(genome)
      memory.seen.add(genome)
      return genome
    },
    tell: (result) => {
      memory.open.close(result)
      memory.population = survivors(withResult(memory.population, result), populationSize, frontCount, objectiveCount)
      standing = undefined
    },
    state: () => ({
      random: random.state(),
      asked: memory.asked,
      open: memory.open.genomes,
      seen: memory.seen.state(),
      population: memory.population.map(storeTold),
    }),
  }
}

export default defineAlgorithm({
  id: 'nsga2',
  title: 'NSGA-II: evolution by non-domination rank and crowding, with constrained domination',
  create: (config, random) =>
    nsga2(config, random, { asked: 0, open: new OpenAsks(), seen: new GenomeMemory(), population: [] }),
  restore: (config, state) => {
    const stored = parseState('nsga2', stateSchema, state)
    const population = stored.population.map(loadTold)
    checkTold('nsga2', config, population)
    const seen = new GenomeMemory(stored.seen)
    const open = new OpenAsks(stored.open)
    return nsga2(config, randomStreamFromState(stored.random), { asked: stored.asked, open, seen, population })
  },
})
