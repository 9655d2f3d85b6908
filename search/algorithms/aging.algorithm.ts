import { z } from 'zod'
import { type RandomStream, randomStreamFromState } from '../../lib/random.ts'
import { type Algorithm, type AlgorithmConfig, defineAlgorithm, type Genome, type Told } from '../algorithm.ts'
import { Asks, asksSchema } from './asks.ts'
import { withResult } from './population.ts'
import { unseenSample, unseenVariant } from './proposals.ts'
import { compareStandings, type Standing, standings, withoutEnds } from './ranking.ts'
import { checkTold, isFeasible, loadTold, parseState, randomStateSchema, storeTold, toldSchema } from './state.ts'

const stateSchema = z.strictObject({
  random: randomStateSchema,
  ...asksSchema,
  population: z.array(toldSchema),
})

interface Memory {
  readonly asks: Asks
  /** Oldest first. */
  population: readonly Told[]
}

/**
 * Regularised evolution (Real et al. 2019): a tournament finds a parent, its mutant joins the population and the oldest
 * member leaves; for several objectives the oldest one that is dominated. The winner of a tournament is the entrant of the
 * lowest non-domination rank under constrained domination that has the widest gap around it; each tournament is about one
 * of the devices. As many entrants are drawn as there are members, so that about two thirds of them take part.
 */
function aging(config: AlgorithmConfig, random: RandomStream, memory: Memory): Algorithm {
  const { operations, frontCount, objectiveCount, populationSize } = config
  /** Per device. */
  let standing: readonly (readonly Standing[])[] | undefined

  const standingOn = (device: number): readonly Standing[] => {
    const alone = memory.population.map(({ genome, fronts }) => ({ genome, fronts: [fronts[device]!] }))
    return withoutEnds(standings(alone, 1, objectiveCount))
  }
  const tournament = (): Genome => {
    const { population } = memory
    standing ??= Array.from({ length: frontCount }, (_, device) => standingOn(device))
    const places = standing[random.int(frontCount)]!
    let best = random.int(population.length)
    for (let drawn = 1; drawn < population.length; drawn++) {
      const entrant = random.int(population.length)
      if (compareStandings(places[entrant]!, places[best]!) < 0) best = entrant
    }
    return population[best]!.genome
  }
  const stillSampling = (): boolean => {
    if (memory.population.length === 0) return true
    const feasible = memory.population.filter(({ fronts }) => isFeasible(fronts)).length
    return memory.asks.stillSampling(feasible, populationSize)
  }

  return {
    ask: () =>
      memory.asks.add(
        stillSampling()
          ? unseenSample(operations, memory.asks.seen, random)
          : unseenVariant(operations.mutate(tournament(), random), operations, memory.asks.seen, random),
      ),
    tell: (result) => {
      memory.asks.close(result)
      const members = withResult(memory.population, result)
      const leaving = members.length > populationSize ? nextToLeave(members, frontCount, objectiveCount) : undefined
      memory.population = members.filter((member) => member !== leaving)
      standing = undefined
    },
    state: () => ({
      random: random.state(),
      ...memory.asks.state(),
      population: memory.population.map(storeTold),
    }),
  }
}

/**
 * The oldest of the members that are dominated on every device, so that fronts are kept; the oldest of all when none is.
 * As long as some are infeasible, the worst of those: they come without a training, and thousands of them would sweep out
 * everything that was measured.
 */
function nextToLeave(members: readonly Told[], frontCount: number, objectiveCount: number): Told {
  const violation = ({ fronts }: Told) => Math.min(...fronts.map((front) => front.violation))
  const infeasible = members.filter(({ fronts }) => !isFeasible(fronts))
  const worst = infeasible.reduce((most, member) => Math.max(most, violation(member)), 0)
  const standing = standings(members, frontCount, objectiveCount)
  return (
    infeasible.find((member) => violation(member) === worst) ??
    members.find((_, i) => standing[i]!.rank > 0) ??
    members[0]!
  )
}

export default defineAlgorithm({
  id: 'aging',
  title: 'regularised evolution: parents by tournament, and the oldest dominated member leaves',
  create: (config, random) => aging(config, random, { asks: new Asks(), population: [] }),
  restore: (config, state) => {
    const stored = parseState('aging', stateSchema, state)
    const population = stored.population.map(loadTold)
    checkTold('aging', config, population)
    return aging(config, randomStreamFromState(stored.random), { asks: new Asks(stored), population })
  },
})
