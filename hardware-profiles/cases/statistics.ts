import { studentQuantile } from '../../lib/statistics.ts'

/** One figure against its measurement, both in the same unit. */
export interface Comparison {
  readonly name: string
  readonly measured: number
  readonly predicted: number
  /** Whether the stated 90 % interval holds the measurement, where there is one. */
  readonly covered?: boolean
}

export interface ErrorSummary {
  readonly cases: number
  /** Mean absolute relative error. */
  readonly mape: number
  readonly within10: number
  readonly within15: number
  readonly within20: number
  /** Kendall τ-b of the ranking; absent for fewer than five cases. */
  readonly kendallTau?: number
  readonly worst?: { readonly name: string; readonly measured: number; readonly predicted: number }
  /** Share of cases inside the stated 90 % interval. */
  readonly coverage90?: number
}

const digits = (value: number): number => Number(value.toPrecision(5))

/** Kendall's τ-b between measured and predicted: 1 when all pairs rank alike; 0 when nothing can be ranked. */
export function kendallTauOf(cases: readonly Pick<Comparison, 'measured' | 'predicted'>[]): number {
  let concordant = 0
  let measuredPairs = 0
  let predictedPairs = 0
  for (let i = 0; i < cases.length; i++) {
    for (let j = 0; j < i; j++) {
      const a = Math.sign(cases[i]!.measured - cases[j]!.measured)
      const b = Math.sign(cases[i]!.predicted - cases[j]!.predicted)
      concordant += a * b
      measuredPairs += a * a
      predictedPairs += b * b
    }
  }
  return digits(concordant / Math.max(Math.sqrt(measuredPairs * predictedPairs), 1))
}

/** Spearman's rank correlation with mean ranks for ties. */
export function spearman(cases: readonly Pick<Comparison, 'measured' | 'predicted'>[]): number {
  const ranks = (values: readonly number[]): number[] => {
    const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
    const result = new Array<number>(values.length).fill(0)
    for (let start = 0; start < order.length; ) {
      let end = start
      while (end + 1 < order.length && values[order[end + 1]!] === values[order[start]!]) end++
      for (let i = start; i <= end; i++) result[order[i]!] = (start + end) / 2
      start = end + 1
    }
    return result
  }
  const a = ranks(cases.map(({ measured }) => measured))
  const b = ranks(cases.map(({ predicted }) => predicted))
  const mean = (cases.length - 1) / 2
  let [covariance, varianceA, varianceB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    covariance += (a[i]! - mean) * (b[i]! - mean)
    varianceA += (a[i]! - mean) ** 2
    varianceB += (b[i]! - mean) ** 2
  }
  return digits(covariance / Math.max(Math.sqrt(varianceA * varianceB), 1e-12))
}

/** The error that 90 % of the cases do not exceed. */
export function percentile90Of(errors: readonly number[]): number {
  const sorted = errors.map(Math.abs).sort((a, b) => a - b)
  return digits(sorted[Math.max(Math.ceil(0.9 * sorted.length), 1) - 1] ?? 0)
}

/**
 * The error that one more case does not exceed with a probability of 90 %, from relative errors of a few left-out cases:
 * Student's t times their root mean square. The 0.9-quantile of ten errors would be passed by a sixth of all cases.
 */
export function expectedError90(errors: readonly number[]): number {
  const freedom = Math.max(errors.length - 1, 1)
  const meanSquare = errors.reduce((sum, error) => sum + error * error, 0) / Math.max(errors.length, 1)
  return digits(studentQuantile(0.9, freedom) * Math.sqrt(meanSquare))
}

/** Whether an interval that all other cases give (`expectedError90`) holds each of a few left-out cases. */
export function withIntervals(cases: readonly Comparison[]): readonly Comparison[] {
  const errors = cases.map(({ measured, predicted }) => measured / predicted - 1)
  return cases.map((one, i) => ({
    ...one,
    covered: Math.abs(errors[i]!) <= expectedError90(errors.filter((_, other) => other !== i)),
  }))
}

export function summariseCases(cases: readonly Comparison[]): ErrorSummary {
  const count = Math.max(cases.length, 1)
  const errors = cases.map(({ measured, predicted }) => Math.abs(predicted / measured - 1))
  const share = (bound: number): number => digits(errors.filter((error) => error <= bound).length / count)
  const worst = cases[errors.indexOf(Math.max(...errors))]
  const stated = cases.filter(({ covered }) => covered !== undefined)
  return {
    cases: cases.length,
    mape: digits(errors.reduce((sum, error) => sum + error, 0) / count),
    within10: share(0.1),
    within15: share(0.15),
    within20: share(0.2),
    ...(cases.length >= 5 ? { kendallTau: kendallTauOf(cases) } : {}),
    ...(worst === undefined
      ? {}
      : { worst: { name: worst.name, measured: digits(worst.measured), predicted: digits(worst.predicted) } }),
    ...(stated.length > 0
      ? { coverage90: digits(stated.filter(({ covered }) => covered === true).length / stated.length) }
      : {}),
  }
}
