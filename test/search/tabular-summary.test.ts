import test from 'ava'
import { wilcoxonSignedRank } from '../../lib/statistics.ts'
import type { AlgorithmRuns } from '../../search/tabular/benchmark.ts'
import type { Run } from '../../search/tabular/run.ts'
import { summarise } from '../../search/tabular/summary.ts'

/** A search of two devices that was looked at once: per device its volume and the error within the one limit. */
const search = (volumes: readonly [number, number], errors: readonly (number | undefined)[]): Run => ({
  scores: [volumes.map((volume, device) => ({ volume, frontShare: volume / 2, errors: [errors[device]] }))],
  evaluated: 10,
  askMs: 1,
})

const runs = (algorithm: string, searches: readonly Run[]): AlgorithmRuns => ({
  algorithm,
  runs: searches.map((one) => [one]),
})

const good = runs('good', [search([0.5, 0.75], [10, undefined]), search([0.875, 1], [14, undefined])])
const bad = runs('bad', [search([0.25, 0.5], [undefined, 8]), search([0.5, 0.625], [undefined, 8])])
const costs = [['latency'], ['energy', 'memory']]

test('figures of a benchmark are means over seeds of means over devices', (t) => {
  const [first, second, ...more] = summarise([good, bad], [10], costs)
  t.is(more.length, 0)
  t.like(first!, { algorithm: 'good', evaluations: 10, mean: 0.78125, sd: 0.15625, min: 0.625, epochShare: 1 })
  t.like(second!, { algorithm: 'bad', mean: 0.46875, min: 0.375 })
  t.deepEqual(first!.perSeed, [0.625, 0.9375])
  t.is(first!.frontShare, 0.78125 / 2)
  // Student's t of one degree of freedom, 12.7062, times the standard error 0.15625.
  t.true(Math.abs(first!.ci95![0] - (0.78125 - 12.7062 * 0.15625)) < 1e-5)
  t.true(Math.abs(first!.ci95![1] - (0.78125 + 12.7062 * 0.15625)) < 1e-5)
  t.deepEqual(first!.versus, [
    { algorithm: 'bad', difference: 0.3125, pValue: wilcoxonSignedRank([0.625, 0.9375], [0.375, 0.5625]) },
  ])
  t.is(second!.versus[0]!.difference, -0.3125)
})

test('devices have figures of their own, and errors are means over the seeds that have one', (t) => {
  const [summary] = summarise([good], [10], costs, (error) => 100 - error)
  t.deepEqual(
    summary!.devices.map(({ cost, mean, min, perSeed, frontShare, errors }) => ({
      cost,
      mean,
      min,
      perSeed,
      frontShare,
      errors,
    })),
    [
      {
        cost: ['latency'],
        mean: 0.6875,
        min: 0.5,
        perSeed: [0.5, 0.875],
        frontShare: 0.34375,
        errors: [{ mean: 88, seeds: 2 }],
      },
      {
        cost: ['energy', 'memory'],
        mean: 0.875,
        min: 0.75,
        perSeed: [0.75, 1],
        frontShare: 0.4375,
        errors: [{ mean: null, seeds: 0 }],
      },
    ],
  )
  t.deepEqual(summary!.versus, [])
})

test('a single seed has no interval, and epochs count as shares of full trainings', (t) => {
  const staged = { ...search([0.5, 0.5], [1, 2]), epochShares: [0.25] }
  const [summary] = summarise([runs('one', [staged])], [10], costs)
  t.like(summary!, { ci95: null, sd: 0, epochShare: 0.25 })
})
