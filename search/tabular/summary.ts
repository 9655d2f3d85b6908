import { confidenceInterval95, mean, populationSd, wilcoxonSignedRank } from '../../lib/statistics.ts'
import type { AlgorithmRuns } from './benchmark.ts'
import type { Score } from './score.ts'

/** Normalised hypervolumes of the seeds, as shares of the true front's; 1 is all there is. */
export interface Spread {
  readonly mean: number
  /** Of the population: n in the denominator. */
  readonly sd: number
  readonly min: number
  /** Student's interval of the mean; null for a single seed. */
  readonly ci95: readonly [number, number] | null
  /** In the order of the seeds. */
  readonly perSeed: readonly number[]
}

export interface DeviceSummary extends Spread {
  readonly cost: readonly string[]
  /** Mean share of the true front found. */
  readonly frontShare: number
  /** Per limit: the mean error, as the table has it, over the seeds that found a network within it, and how many did. */
  readonly errors: readonly { readonly mean: number | null; readonly seeds: number }[]
}

export interface Comparison {
  readonly algorithm: string
  /** Of the means: positive when the first algorithm is better. */
  readonly difference: number
  /** Wilcoxon signed-rank test over the seeds, two-sided. */
  readonly pValue: number
}

/** How one algorithm stood after some evaluations; hypervolumes are means over the devices. */
export interface Summary extends Spread {
  readonly algorithm: string
  readonly evaluations: number
  readonly frontShare: number
  /** Mean epochs spent, as a share of training all networks fully. */
  readonly epochShare: number
  readonly devices: readonly DeviceSummary[]
  readonly versus: readonly Comparison[]
}

/**
 * One summary for each algorithm and number of evaluations, algorithms first.
 * @param shown turns errors of searches into figures of the table
 */
export function summarise(
  all: readonly AlgorithmRuns[],
  evaluations: readonly number[],
  costNames: readonly (readonly string[])[],
  shown = (error: number): number => error,
): readonly Summary[] {
  const volumes = (runs: AlgorithmRuns, step: number) =>
    runs.runs.map((searches) => mean(scoresAfter(searches, step).map(({ volume }) => volume)))
  return all.flatMap((runs) =>
    evaluations.map((count, step): Summary => {
      const perSeed = volumes(runs, step)
      const devices = costNames.map((cost, device): DeviceSummary => {
        const scores = runs.runs.map((searches) => scoresAfter(searches, step)[device]!)
        return {
          cost,
          ...spread(scores.map(({ volume }) => volume)),
          frontShare: mean(scores.map(({ frontShare }) => frontShare)),
          errors: scores[0]!.errors.map((_, limit) => {
            const found = scores.flatMap(({ errors }) => errors[limit] ?? [])
            return { mean: found.length === 0 ? null : shown(mean(found)), seeds: found.length }
          }),
        }
      })
      const others = all.filter((other) => other !== runs)
      return {
        algorithm: runs.algorithm,
        evaluations: count,
        ...spread(perSeed),
        frontShare: mean(devices.map(({ frontShare }) => frontShare)),
        epochShare: mean(runs.runs.flatMap((searches) => searches.map(({ epochShares }) => epochShares?.[step] ?? 1))),
        devices,
        versus: others.map((other) => {
          const theirs = volumes(other, step)
          const difference = mean(perSeed) - mean(theirs)
          return { algorithm: other.algorithm, difference, pValue: wilcoxonSignedRank(perSeed, theirs) }
        }),
      }
    }),
  )
}

/** Per device, whether one search served them all or each had its own. */
const scoresAfter = (searches: AlgorithmRuns['runs'][number], step: number): readonly Score[] =>
  searches.flatMap(({ scores }) => scores[step]!)

const spread = (perSeed: readonly number[]): Spread => ({
  mean: mean(perSeed),
  sd: populationSd(perSeed),
  min: Math.min(...perSeed),
  ci95: confidenceInterval95(perSeed) ?? null,
  perSeed,
})
