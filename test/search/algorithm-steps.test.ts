import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { AlgorithmConfig, AlgorithmDefinition, FrontResult, Genome, Told } from '../../search/algorithm.ts'
import aging from '../../search/algorithms/aging.algorithm.ts'
import local from '../../search/algorithms/local.algorithm.ts'
import nsga2 from '../../search/algorithms/nsga2.algorithm.ts'

const ok = (...objectives: number[]): FrontResult => ({ objectives, violation: 0 })
const broken = (violation: number): FrontResult => ({ objectives: undefined, violation })

/** Genomes are numbers: samples 0, 1, 2, …, and from 1000 on what comes of parents, which are noted. */
function counted(populationSize: number, frontCount = 1) {
  const noted = { mutated: [] as number[], joined: [] as number[] }
  let [samples, children] = [0, 1000]
  const config: AlgorithmConfig = {
    operations: {
      genes: [],
      sample: () => [samples++],
      mutate: ([parent]) => {
        noted.mutated.push(parent!)
        return [children++]
      },
      crossover: ([first]) => {
        noted.joined.push(first!)
        return [children++]
      },
    },
    objectiveCount: 2,
    frontCount,
    populationSize,
  }
  return { config, noted }
}

/** An algorithm that was told the results of its first samples. */
function after(definition: AlgorithmDefinition, config: AlgorithmConfig, results: readonly (readonly FrontResult[])[]) {
  const algorithm = definition.create(config, randomStream(1, 'steps'))
  const genomes = results.map(() => algorithm.ask())
  results.forEach((fronts, i) => {
    algorithm.tell({ genome: genomes[i]!, fronts })
  })
  return algorithm
}

const members = (state: unknown): readonly number[] =>
  (state as { readonly population: readonly Told[] }).population.map(({ genome }) => genome[0]!)

const shareOf = (values: readonly number[], value: number) =>
  values.filter((one) => one === value).length / values.length

test('aging: who leaves is the oldest one that is dominated, and of an undominated population the oldest', (t) => {
  const stay = (...results: readonly FrontResult[]) =>
    members(
      after(
        aging,
        counted(2).config,
        results.map((result) => [result]),
      ).state(),
    )
  t.deepEqual(stay(ok(3, 3), ok(1, 1), ok(2, 2)), [1, 2])
  t.deepEqual(stay(ok(1, 1), ok(3, 3), ok(2, 2)), [0, 2])
  t.deepEqual(stay(ok(1, 1), ok(2, 2), ok(0, 5)), [0, 2])
  t.deepEqual(stay(ok(1, 1), ok(0, 5), ok(5, 0)), [1, 2])
})

test('aging: as long as some are infeasible the worst of them leaves, judged on the device that it suits best', (t) => {
  const stay = (...results: readonly (readonly FrontResult[])[]) =>
    members(after(aging, counted(2, results[0]!.length).config, results).state())
  t.deepEqual(stay([broken(0.5)], [broken(2)], [broken(1)]), [0, 2])
  t.deepEqual(stay([broken(0.5)], [ok(3, 3)], [ok(1, 1)]), [1, 2])
  t.deepEqual(stay([ok(3, 3)], [ok(1, 1)], [broken(0.1)]), [0, 1])
  t.deepEqual(stay([broken(5), broken(1)], [broken(2), broken(2)], [broken(9), broken(1.5)]), [0, 2])
  t.deepEqual(stay([ok(1, 1), broken(7)], [broken(0.5), broken(0.5)], [ok(2, 2), broken(8)]), [0, 2])
})

test('aging: a tournament has as many entrants as there are members, drawn with repetition', (t) => {
  const { config, noted } = counted(4)
  const algorithm = after(aging, config, [[ok(3, 3)], [ok(1, 1)], [ok(4, 4)], [ok(2, 2)]])
  for (let i = 0; i < 4000; i++) algorithm.ask()
  t.is(noted.mutated.length, 4000)
  // The best one is missing from four draws with a chance of (3/4)⁴, and so on.
  for (const [member, worse] of [
    [1, 3],
    [3, 2],
    [0, 1],
  ] as const) {
    const chance = ((worse + 1) / 4) ** 4 - (worse / 4) ** 4
    t.true(Math.abs(shareOf(noted.mutated, member) - chance) < 0.025, `${member}: ${chance}`)
  }
})

test('nsga2: nine of ten children have two parents, half of them mutate, and the better of two is a parent', (t) => {
  const { config, noted } = counted(2)
  const algorithm = after(nsga2, config, [[ok(2, 2)], [ok(1, 1)]])
  for (let i = 0; i < 4000; i++) algorithm.ask()
  t.true(Math.abs(noted.joined.length / 4000 - 0.9) < 0.02, `${noted.joined.length}`)
  // And in any case those of one parent, which would repeat it: half, and half of the tenth.
  t.true(Math.abs(noted.mutated.length / 4000 - 0.55) < 0.025, `${noted.mutated.length}`)
  // The worse one wins where both draws are of it.
  t.true(Math.abs(shareOf(noted.joined, 1) - 0.75) < 0.025)
})

test('nsga2: the better ones by rank and gap stay, in the order in which they came', (t) => {
  const algorithm = after(nsga2, counted(3).config, [[ok(2, 2)], [ok(0, 9)], [ok(9, 9)], [ok(9, 0)], [ok(1, 8)]])
  t.deepEqual(members(algorithm.state()), [0, 1, 3])
})

test('local: every neighbourhood has its turn, wide gaps more often, dominated members never', (t) => {
  const { config, noted } = counted(4)
  const line = [ok(0, 10), ok(1, 9), ok(2, 8), ok(6, 4), ok(10, 0), ok(11, 11)].map((result) => [result])
  const algorithm = after(local, config, line)
  for (let i = 0; i < 13; i++) algorithm.ask()
  // Gaps are 1.6, 0.4, 1, 1.6 and 1.6 wide: the next has the fewest neighbours so far, plus one, for its gap plus 0.02.
  t.deepEqual(noted.mutated, [0, 3, 4, 2, 0, 3, 4, 0, 3, 4, 2, 1, 0])
})

test('local: half of the population size is drawn at random, and a neighbour that is known is drawn again', (t) => {
  const { config, noted } = counted(10)
  const algorithm = local.create(config, randomStream(1, 'steps'))
  for (let i = 0; i < 5; i++) {
    t.deepEqual(algorithm.ask(), [i])
    algorithm.tell({ genome: [i], fronts: [ok(5 - i, 5 - i)] })
  }
  const parents: number[] = []
  const stubborn = (novel: number): AlgorithmConfig => ({
    ...config,
    operations: {
      ...config.operations,
      genes: GENES,
      mutate: ([parent]) => [parents.push(parent!) < novel ? 2 : 77],
    },
  })
  t.deepEqual(local.restore(stubborn(20), algorithm.state()).ask(), [77])
  t.deepEqual(parents, new Array(20).fill(4), 'twenty neighbours of the best one')
  parents.length = 0
  t.deepEqual(local.restore(stubborn(22), algorithm.state()).ask(), [77])
  t.deepEqual(parents, [...new Array<number>(20).fill(4), 2, 2], 'then neighbours of those')
  t.deepEqual(noted.mutated, [])
})

test('local: a result that is told again is no further one', (t) => {
  const { config, noted } = counted(10)
  const algorithm = local.create(config, randomStream(1, 'steps'))
  for (let i = 0; i < 4; i++) {
    const result = { genome: algorithm.ask(), fronts: [ok(5 - i, 5 - i)] }
    algorithm.tell(result)
    algorithm.tell(result)
  }
  t.deepEqual(algorithm.ask(), [4], 'four of five are known')
  algorithm.tell({ genome: [4], fronts: [ok(1, 1)] })
  t.true(algorithm.ask()[0]! >= 1000)
  t.deepEqual(noted.mutated, [4])
})

const GENES = [{ name: 'number', kind: 'categorical' as const, choices: [0] }]
const genomeOf = (i: number): Genome => [i]

test('samples go on while most are infeasible, but not for ever', (t) => {
  for (const definition of [aging, nsga2]) {
    const { config, noted } = counted(3)
    const algorithm = definition.create(config, randomStream(1, 'steps'))
    for (let i = 0; i < 30; i++) {
      t.deepEqual(algorithm.ask(), genomeOf(i), definition.id)
      algorithm.tell({ genome: genomeOf(i), fronts: [broken(1)] })
    }
    t.is(noted.mutated.length + noted.joined.length, 0)
    for (let i = 0; i < 20; i++) t.true(algorithm.ask()[0]! >= 1000, 'ten samples for each that is wanted')
  }
})
