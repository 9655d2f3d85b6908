import { dot } from '../../lib/linear-systems.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { Profile } from '../profile.ts'
import { designOf } from './design.ts'
import { priorOf } from './prior.ts'

/** Variance of one measurement, relative to the mean network's time squared. */
const NOISE = 1e-3

/**
 * Positions of the networks to time, best first: each is the one whose time would tell most about the times of all others,
 * given how the profiles differ. No measurement of the device is looked at.
 */
export function chooseNetworks(
  graphs: readonly NetworkGraph[],
  count: number,
  profiles: readonly Profile[],
): readonly number[] {
  const design = designOf(graphs, [])
  const { mean, covariance } = priorOf(design, profiles, [])
  // Relative errors count: each network is divided by the time to expect.
  const rows = design.rows.map((row) => {
    const expected = dot(row, mean)
    return row.map((value) => value / expected)
  })
  const right = rows.map((row) => covariance.map((line) => dot(line, row)))
  const once = rows.map((row) => row[row.length - 1]!)
  const doubt = rows.map((row, i) => right.map((column, j) => dot(row, column) + once[i]! * once[j]!))
  const chosen: number[] = []
  while (chosen.length < Math.min(count, graphs.length)) {
    const gains = doubt.map((row, i) => (chosen.includes(i) ? -1 : dot(row, row) / (row[i]! + NOISE)))
    const best = gains.indexOf(Math.max(...gains))
    chosen.push(best)
    const column = [...doubt[best]!]
    const pivot = column[best]! + NOISE
    doubt.forEach((row, i) => {
      const share = column[i]! / pivot
      for (let j = 0; j < row.length; j++) row[j]! -= share * column[j]!
    })
  }
  return chosen
}
