import { FEATURES } from '../features.ts'
import { applies, type Measurement, type ModelForm } from '../fit-table.ts'
import { fitNonNegative } from '../least-squares.ts'

/** From the fit in which the large count most to that in which all count alike. */
const ROUNDS = 4
/** A kernel with MACs that seems to take less than this share of what its like take was disturbed. */
const LEAST_SHARE = 0.25

/**
 * Measurements with weights under which no disturbed one rules the fit. The error of a kernel that seems to take next to nothing is
 * without bounds when it is told as a share of that, so that it would make all its like nearly free: here it is told as a
 * share of the larger of measurement and fit. What cannot be, a kernel with MACs in a fraction of the time of its like, is left out.
 */
export function withSteadyWeights(forms: readonly ModelForm[], all: readonly Measurement[]): readonly Measurement[] {
  return forms.flatMap((form) => {
    const own = all.filter(({ facts }) => forms.find(({ when }) => applies(when, facts)) === form)
    if (own.length === 0) return []
    const costs = own.map(({ cost }) => cost)
    const design = own.map(({ facts }) => form.features.map((name) => FEATURES[name](facts)))
    const most = Math.max(...costs)
    let shares = costs.map((cost) => cost / most)
    for (let round = 0; round < ROUNDS; round++) {
      const weights = own.map(({ weight }, i) => weight * shares[i]! ** 2)
      const coefficients = fitNonNegative(design, costs, weights)
      shares = design.map((row, i) => {
        const fitted = row.reduce((sum, value, j) => sum + value * coefficients[j]!, 0)
        return costs[i]! / Math.max(costs[i]!, fitted)
      })
    }
    return own.flatMap((one, i) =>
      one.facts.macs > 0 && shares[i]! < LEAST_SHARE ? [] : [{ ...one, weight: one.weight * shares[i]! ** 2 }],
    )
  })
}
