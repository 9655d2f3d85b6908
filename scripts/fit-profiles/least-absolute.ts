import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'

const ROUNDS = 60
/** Below this relative error a row counts as met: figures are printed with two digits. */
const MET = 0.03

/**
 * Non-negative coefficients with the least sum of relative errors (not of their squares), by reweighting: a row that no
 * model of the others explains does not pull them.
 */
export function fitLeastAbsolute(
  design: readonly (readonly number[])[],
  measured: readonly number[],
): readonly number[] {
  let weights: readonly number[] = measured.map(() => 1)
  let found: readonly number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    found = fitNonNegative(design, measured, weights)
    weights = design.map((row, i) => {
      const predicted = row.reduce((sum, value, column) => sum + value * found[column]!, 0)
      return 1 / Math.max(Math.abs(predicted / measured[i]! - 1), MET)
    })
  }
  return found
}
