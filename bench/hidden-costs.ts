/**
 * How well costs can be predicted that are hidden until a network is measured: what the cost model of `frugal` misses after
 * some random networks of a table, and what is missed by whoever knows all other networks of it and how every three genes
 * act on each other (least squares, each network left out of its own prediction). The second is luck, as far as no model
 * finds what more than three genes do together.
 *
 *   npx node bench/hidden-costs.ts --table nb201.csv.gz --gene-digits ops --accuracy c10_test_200ep
 *     --cost raspi4_latency_ms,pixel3_latency_ms [--networks 50,100,200] [--draws 5]
 *
 * Mean of |predicted − measured| near the front, in percent of the range of costs that the front has. Near are networks with
 * at most 15 % more error than the best one that costs no more, of the range from the least error to the 70 % quantile.
 */
import { type RandomStream, randomStream } from '../lib/random.ts'
import { mean } from '../lib/statistics.ts'
import type { Genome } from '../search/algorithm.ts'
import { initialLatents } from '../search/algorithms/frugal/choice-groups.ts'
import { initialCostTuning, PredictedCosts } from '../search/algorithms/frugal/costs.ts'
import { createEncoding } from '../search/algorithms/frugal/encoding.ts'
import { appendCholeskyRow, rowStart, solveLower, solveUpper } from '../search/algorithms/frugal/triangular.ts'
import { geneOperations } from '../search/genes.ts'
import { TABLE_FLAGS, tableProblem } from './table-problem.ts'
import { benchArguments } from './usage.ts'

const { values: flags, refuse } = benchArguments(
  'bench/hidden-costs.ts --table nb201.csv.gz --gene-digits ops --accuracy c10_test_200ep ' +
    '--cost COLUMN,COLUMN [--networks 50,100,200] [--draws 5]',
  {
    ...TABLE_FLAGS,
    networks: { type: 'string', default: '50,100,200' },
    draws: { type: 'string', default: '5' },
  },
)
/** More unknowns than this take minutes. */
const MOST_TERMS = 4000
const RIDGE = 1e-3
const NEAR = 0.15
const USEFUL = 0.7
const TESTED = 600

const { problem, costNames } = tableProblem(flags, refuse)
const { genes } = problem.space
const genomes: readonly Genome[] = Array.from({ length: problem.architectureCount }, (_, i) => [
  ...problem.space.genomes.subarray(i * genes.length, (i + 1) * genes.length),
])

/** Networks near the front, and the range of its costs. */
function nearFront(costs: Float64Array): { near: number[]; range: number } {
  const errors = problem.scoreErrors
  const sorted = errors.toSorted()
  const [least, useful] = [sorted[0]!, sorted[Math.floor(USEFUL * sorted.length)]!]
  const order = [...costs.keys()].sort((a, b) => costs[a]! - costs[b]!)
  let best = Number.POSITIVE_INFINITY
  let dearest = costs[order[0]!]!
  const bestAt = new Float64Array(costs.length)
  for (const i of order) {
    if (errors[i]! < best) [best, dearest] = [errors[i]!, costs[i]!]
    bestAt[i] = best
  }
  const near = order.filter((i) => errors[i]! < useful && errors[i]! - bestAt[i]! < NEAR * (useful - least))
  return { near: near.filter((i) => costs[i]! <= dearest), range: dearest - costs[order[0]!]! }
}

/** At most `TESTED` of the items, drawn at random. */
const some = (items: readonly number[], random: RandomStream): number[] =>
  Array.from(random.permutation(items.length).subarray(0, TESTED), (at) => items[at]!)

/** What the model misses after so many random networks, in the unit of the costs. */
function missesOfModel(
  costs: Float64Array,
  near: readonly number[],
  counts: readonly number[],
  draw: number,
): number[] {
  const random = randomStream(draw, 'hidden-costs')
  const encoding = createEncoding(geneOperations(genes), undefined)
  const model = new PredictedCosts(encoding, 1, initialCostTuning(initialLatents(encoding.groups)), [])
  const order = [...random.permutation(genomes.length)]
  const tested = some(near, random)
  const observations = order
    .slice(0, Math.max(...counts))
    .map((i) => ({ genome: genomes[i]!, error: 0.5, costs: [[costs[i]!]] }))
  const misses = new Map<number, number>()
  observations.forEach((_, k) => {
    model.update(observations.slice(0, k + 1))
    if (!counts.includes(k + 1)) return
    const known = new Set(order.slice(0, k + 1))
    const unknown = tested.filter((i) => !known.has(i))
    misses.set(k + 1, mean(unknown.map((i) => Math.abs(model.costs(genomes[i]!)[0]!.costs[0]! - costs[i]!))))
  })
  return counts.map((count) => misses.get(count)!)
}

/** The terms of one to three genes that are 1 for each genome; the last choice of a gene has none. */
function termsOfThree(): { terms: number[][]; termCount: number } {
  const numbers = new Map<string, number>([['', 0]])
  const terms = genomes.map((genome) => {
    const found = [0]
    const grow = (from: number, key: string, order: number): void => {
      for (let gene = from; gene < genes.length; gene++) {
        if (genome[gene]! === genes[gene]!.choices.length - 1) continue
        const next = `${key} ${gene}:${genome[gene]}`
        if (!numbers.has(next)) numbers.set(next, numbers.size)
        found.push(numbers.get(next)!)
        if (order < 3) grow(gene + 1, next, order + 1)
      }
    }
    grow(0, '', 1)
    return found
  })
  return { terms, termCount: numbers.size }
}

/** Least squares on such terms: the misses of each network by all others. */
function leaveOneOut(): (costs: Float64Array, tested: readonly number[]) => number[] {
  const { terms, termCount } = termsOfThree()
  if (termCount > MOST_TERMS) throw new Error(`${genes.length} genes make ${termCount} terms; at most ${MOST_TERMS}`)
  const gram = new Float64Array(rowStart(termCount))
  for (const found of terms) for (const a of found) for (const b of found) if (b <= a) gram[rowStart(a) + b]! += 1
  const factor = new Float64Array(rowStart(termCount))
  for (let n = 0; n < termCount; n++) {
    const row = gram.subarray(rowStart(n), rowStart(n) + n)
    appendCholeskyRow(factor, n, row, gram[rowStart(n) + n]! + RIDGE)
  }
  return (costs, tested) => {
    const weights = new Float64Array(termCount)
    terms.forEach((found, i) => {
      for (const term of found) weights[term]! += costs[i]!
    })
    solveLower(factor, termCount, weights)
    solveUpper(factor, termCount, weights)
    return tested.map((i) => {
      const own = new Float64Array(termCount)
      for (const term of terms[i]!) own[term] = 1
      solveLower(factor, termCount, own)
      const leverage = own.reduce((sum, value) => sum + value * value, 0)
      return (costs[i]! - terms[i]!.reduce((sum, term) => sum + weights[term]!, 0)) / (1 - leverage)
    })
  }
}

const counts = flags.networks.split(',').map(Number)
const byOthers = leaveOneOut()
console.log(`${'cost'.padEnd(24)}${counts.map((count) => `${count} networks`.padStart(14)).join('')}    all others`)
problem.costs.forEach(([column], k) => {
  const costs = column!
  const { near, range } = nearFront(costs)
  const draws = Array.from({ length: Number(flags.draws) }, (_, draw) => missesOfModel(costs, near, counts, draw))
  const tested = some(near, randomStream(0, 'left out'))
  const shares = [
    ...counts.map((_, n) => mean(draws.map((misses) => misses[n]!))),
    mean(byOthers(costs, tested).map(Math.abs)),
  ]
  const shown = shares.map((miss) => `${((100 * miss) / range).toFixed(2)} %`.padStart(14))
  console.log(`${costNames[k]!.padEnd(24)}${shown.join('')}`)
})
