import { z } from 'zod'
import { type RandomStream, randomStreamFromState } from '../../lib/random.ts'
import { type Algorithm, type AlgorithmConfig, defineAlgorithm, type Genome, type Told } from '../algorithm.ts'
import { Asks, asksSchema } from './asks.ts'
import { withResult } from './population.ts'
import { unseenSample, unseenVariant } from './proposals.ts'
import { type Standing, standings, survivors, withoutEnds } from './ranking.ts'
import { checkTold, isFeasible, loadTold, parseState, randomStateSchema, storeTold, toldSchema } from './state.ts'

/** Members of the archive; beyond, those of the highest rank and the most crowded are forgotten. */
const MOST_MEMBERS = 128
/** Share of the population size that is drawn at random to start from. */
const INITIAL_SHARE = 0.5
/** Added to the gap around a member, whose sides are shares of the front, so that members close together get a turn too. */
const LEAST_GAP = 0.02
/** Draws of a neighbour before a neighbourhood counts as explored. */
const TRIES = 20

const stateSchema = z.strictObject({
  random: randomStateSchema,
  ...asksSchema,
  measured: z.int().min(0),
  archive: z.array(toldSchema),
  explored: z.array(z.tuple([z.string(), z.int().min(1)])),
})

interface Memory {
  measured: number
  readonly asks: Asks
  archive: readonly Told[]
  /** How many neighbours of a member have been proposed, by genome. */
  explored: ReadonlyMap<string, number>
}

/**
 * Pareto local search (Paquete, Chiarandini and Stützle 2004): proposals come from the neighbourhoods of those members of
 * an archive that nothing known dominates on one device or another, with more effort where the gap around a member is
 * wider; a new one has none behind it, so that every improvement is followed at once. While a device has no feasible
 * member, the least infeasible one stands for it. When all neighbours of a member are known, its neighbours' neighbours
 * come next. Dominated ones wait in the archive in case that a later result of a better one, after more training, is worse.
 */
function local(config: AlgorithmConfig, random: RandomStream, memory: Memory): Algorithm {
  const { operations, frontCount, objectiveCount, populationSize } = config
  const initial = Math.max(2, Math.round(populationSize * INITIAL_SHARE))

  let standing: readonly Standing[] | undefined

  const stillSampling = (): boolean =>
    memory.archive.length === 0 || memory.asks.stillSampling(memory.measured, initial)
  const explored = ({ genome }: Told): number => memory.explored.get(genome.join()) ?? 0
  const neighbour = (): Genome => {
    standing ??= withoutEnds(standings(memory.archive, frontCount, objectiveCount))
    let [least, chosen] = [Number.POSITIVE_INFINITY, memory.archive[0]!]
    memory.archive.forEach((member, i) => {
      const { rank, crowding } = standing![i]!
      const effort = (explored(member) + 1) / (crowding + LEAST_GAP)
      if (rank > 0 || effort >= least) return
      least = effort
      chosen = member
    })
    const { genome } = chosen
    memory.explored = new Map(memory.explored).set(genome.join(), explored(chosen) + 1)
    let found = operations.mutate(genome, random)
    for (let i = 1; i < TRIES && memory.asks.seen.has(found); i++) found = operations.mutate(genome, random)
    return unseenVariant(found, operations, memory.asks.seen, random)
  }

  return {
    ask: () => memory.asks.add(stillSampling() ? unseenSample(operations, memory.asks.seen, random) : neighbour()),
    tell: (result) => {
      memory.asks.close(result)
      const known = memory.archive.some(({ genome }) => genome.join() === result.genome.join())
      if (isFeasible(result.fronts) && !known) memory.measured++
      memory.archive = survivors(withResult(memory.archive, result), MOST_MEMBERS, frontCount, objectiveCount)
      standing = undefined
      const keys = new Set(memory.archive.map(({ genome }) => genome.join()))
      memory.explored = new Map([...memory.explored].filter(([key]) => keys.has(key)))
    },
    state: () => ({
      random: random.state(),
      ...memory.asks.state(),
      measured: memory.measured,
      archive: memory.archive.map(storeTold),
      explored: [...memory.explored],
    }),
  }
}

export default defineAlgorithm({
  id: 'local',
  title: 'Pareto local search: neighbours of what nothing known dominates',
  create: (config, random) =>
    local(config, random, {
      measured: 0,
      asks: new Asks(),
      archive: [],
      explored: new Map(),
    }),
  restore: (config, state) => {
    const stored = parseState('local', stateSchema, state)
    const archive = stored.archive.map(loadTold)
    checkTold('local', config, archive)
    return local(config, randomStreamFromState(stored.random), {
      measured: stored.measured,
      asks: new Asks(stored),
      archive,
      explored: new Map(stored.explored),
    })
  },
})
