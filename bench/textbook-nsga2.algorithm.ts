/**
 * NSGA-II (Deb et al. 2002) with whole generations, as the published baselines of nb201_baselines.json define it. Only to
 * show that `frugal bench search` measures what they measured: random distinct genomes first, binary tournaments on rank
 * and crowding, uniform crossover of 90 % of the children, mutation of every gene with probability 1 ÷ genes, and the best
 * of parents and children survive. Genomes are told one by one, and the state cannot be stored.
 *   frugal bench search --algorithm bench/textbook-nsga2.algorithm.ts …
 */
import { UserError } from '../lib/errors.ts'
import type { RandomStream } from '../lib/random.ts'
import { type Algorithm, type AlgorithmConfig, defineAlgorithm, type Genome, type Told } from '../search/algorithm.ts'
import { compareStandings, standings, survivors } from '../search/algorithms/ranking.ts'

const CROSSOVER_SHARE = 0.9

function textbookNsga2(config: AlgorithmConfig, random: RandomStream): Algorithm {
  const { operations, objectiveCount, frontCount, populationSize } = config
  const { genes } = operations
  const seen = new Set<string>()
  let parents: readonly Told[] = []
  let children: Told[] = []

  const mutant = (genome: Genome): Genome =>
    genome.map((choice, gene) => {
      const others = genes[gene]!.choices.length - 1
      return random.chance(1 / genes.length) ? (choice + 1 + random.int(others)) % (others + 1) : choice
    })
  const child = (): Genome => {
    const standing = standings(parents, frontCount, objectiveCount)
    const parent = (): Genome => {
      const [a, b] = [random.int(parents.length), random.int(parents.length)]
      return parents[compareStandings(standing[a]!, standing[b]!) <= 0 ? a : b]!.genome
    }
    const [first, second] = [parent(), parent()]
    const joined = random.chance(CROSSOVER_SHARE)
      ? first.map((choice, gene) => (random.chance(0.5) ? choice : second[gene]!))
      : first
    let genome = mutant(joined)
    while (seen.has(genome.join())) genome = mutant(genome)
    return genome
  }
  const stranger = (): Genome => {
    let genome = operations.sample(random)
    while (seen.has(genome.join())) genome = operations.sample(random)
    return genome
  }
  return {
    ask: () => {
      const genome = parents.length === 0 ? stranger() : child()
      seen.add(genome.join())
      return genome
    },
    tell: (told) => {
      children.push(told)
      if (children.length < populationSize) return
      parents = survivors([...parents, ...children], populationSize, frontCount, objectiveCount)
      children = []
    },
    state: () => ({}),
  }
}

export default defineAlgorithm({
  id: 'textbook-nsga2',
  title: 'NSGA-II with whole generations, for comparison with published figures',
  create: textbookNsga2,
  restore: () => {
    throw new UserError('textbook-nsga2 is for frugal bench search only: its state is not stored')
  },
})
