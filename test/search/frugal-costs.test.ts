import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Genome } from '../../search/algorithm.ts'
import { Archive } from '../../search/algorithms/frugal/archive.ts'
import { initialLatents } from '../../search/algorithms/frugal/choice-groups.ts'
import { initialCostTuning, PredictedCosts } from '../../search/algorithms/frugal/costs.ts'
import { createEncoding } from '../../search/algorithms/frugal/encoding.ts'
import { toyConfig, toyResult } from './toy-problem.ts'

const { operations } = toyConfig()
const encoding = createEncoding(operations, undefined)
const newModel = (frontCount: number) =>
  new PredictedCosts(encoding, frontCount, initialCostTuning(initialLatents(encoding.groups)), [])

test('costs are predicted, also where a device lacks some of them', (t) => {
  const random = randomStream(7)
  const options = { frontCount: 2, mostCost: 0.5 }
  const archive = new Archive(2)
  const predicted = newModel(2)
  for (let i = 0; archive.observations.length < 120; i++) {
    archive.add(toyResult(operations.sample(random), i, options))
    predicted.update(archive.observations)
  }
  t.true(archive.observations.some(({ costs }) => costs.includes(undefined)))
  let relative = 0
  for (let i = 0; i < 40; i++) {
    const genome = operations.sample(random)
    const truth = toyResult(genome, 0, { frontCount: 2 })
    predicted.costs(genome).forEach(({ costs }, device) => {
      relative += Math.abs(costs[0]! / truth.fronts[device]!.objectives![1]! - 1) / 80
    })
  }
  t.true(relative < 0.15, `mean relative error ${relative}`)
})

const measured = (costOf: (genome: Genome) => number, count: number): PredictedCosts => {
  const random = randomStream(3)
  const model = newModel(1)
  const observations = Array.from({ length: count }, () => {
    const genome = operations.sample(random)
    return { genome, error: 0.5, costs: [[costOf(genome)]] }
  })
  observations.forEach((_, i) => {
    model.update(observations.slice(0, i + 1))
  })
  return model
}

/** Mean of |predicted − true| and of the true costs over random genomes. */
function missed(costOf: (genome: Genome) => number, model: PredictedCosts): { error: number; mean: number } {
  const random = randomStream(4)
  const genomes = Array.from({ length: 100 }, () => operations.sample(random))
  const error = genomes.reduce((sum, genome) => sum + Math.abs(model.costs(genome)[0]!.costs[0]! - costOf(genome)), 0)
  return { error: error / 100, mean: genomes.reduce((sum, genome) => sum + costOf(genome), 0) / 100 }
}

const widths = (genome: Genome): readonly number[] => genome.filter((_, gene) => gene % 3 === 1)
const kinds = (genome: Genome): readonly number[] => genome.filter((_, gene) => gene % 3 === 0)

test('a cost that adds up is predicted as it is, one that is a product by its logarithm', (t) => {
  // Some genomes cost next to nothing, which would be all that their logarithms are about.
  const sum = (genome: Genome) => {
    const total = widths(genome).reduce((all, width, i) => all + width * (kinds(genome)[i] === 0 ? 0 : 1), 0)
    return Math.max(1e-4, total - 6)
  }
  const product = (genome: Genome) => widths(genome).reduce((all, width) => all * (1 + 0.5 * width), 1)
  for (const [name, costOf, share] of [
    ['sum', sum, 0.35],
    ['product', product, 0.12],
  ] as const) {
    const { error, mean } = missed(costOf, measured(costOf, 90))
    t.true(error < share * mean, `${name}: ${error} of ${mean}`)
  }
})

test('what a choice adds to the cost is learned from a few networks, with what one gene does to another beside it', (t) => {
  const price = [1, 4, 9]
  const parts = (genome: Genome) => kinds(genome).reduce((all, kind) => all + price[kind]!, 0)
  const sum = (genome: Genome) => parts(genome) + widths(genome).reduce((all, width) => all + width, 0)
  const { error, mean } = missed(sum, measured(sum, 40))
  t.true(error < 0.008 * mean, `sum: ${error} of ${mean}`)
  // The first kind decides whether the last layer costs anything.
  const gated = (genome: Genome) => sum(genome) - (kinds(genome)[0] === 0 ? 3 * widths(genome)[7]! : 0)
  const within = missed(gated, measured(gated, 120))
  t.true(within.error < 0.035 * within.mean, `gated: ${within.error} of ${within.mean}`)
})

test('what costs may be instead has the likeliest in the middle, seldom leaves out the truth, and is close once measured', (t) => {
  const costOf = (genome: Genome) => 1 + widths(genome).reduce((all, width, i) => all + width + kinds(genome)[i]!, 0)
  const model = measured(costOf, 60)
  const reachOf = (genome: Genome): number => {
    const { costs, alternatives } = model.uncertainCosts(genome)[0]!
    t.deepEqual(costs, model.costs(genome)[0]!.costs)
    t.is(alternatives![1]!.costs[0], costs[0])
    const weights = alternatives!.reduce((sum, { weight }) => sum + weight, 0)
    t.true(Math.abs(weights - 1) < 1e-12)
    return alternatives![2]!.costs[0]! - costs[0]!
  }
  const random = randomStream(5)
  const strangers = Array.from({ length: 60 }, () => operations.sample(random))
  const missedBy = (genome: Genome) => Math.abs(model.costs(genome)[0]!.costs[0]! - costOf(genome))
  // The outer alternatives are √3 deviations away: 2.6 deviations.
  const within = strangers.filter((genome) => missedBy(genome) <= 1.5 * reachOf(genome)).length
  t.true(within >= 54, `${within} of 60 within`)
  const first = operations.sample(randomStream(3))
  const nearest = Math.min(...strangers.map(reachOf))
  t.true(reachOf(first) < 0.5 * nearest, `${reachOf(first)} of the first measured, ${nearest} of others`)
})
