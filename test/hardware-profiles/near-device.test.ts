import test from 'ava'
import { posteriorOf } from '../../hardware-profiles/calibration/posterior.ts'
import { dot } from '../../lib/linear-systems.ts'
import { randomStream } from '../../lib/random.ts'

const COLUMNS = 6
const random = randomStream(5, 'near-device')
/** Networks of which each column makes a random part, and a 1 for what an inference costs once. */
const networks = Array.from({ length: 200 }, () => [
  ...Array.from({ length: COLUMNS - 1 }, () => 0.2 + random.float() * 1.6),
  1,
])
const timed = networks.slice(0, 5)
const mean = new Array<number>(COLUMNS).fill(1 / COLUMNS)
const covariance = mean.map((_, i) => mean.map((__, j) => (i === j ? 0.02 : 0)))
const known = [0.55, 0.02, 0.3, 0.01, 0.1, 0.02]
const timesOn = (device: readonly number[]): readonly number[] =>
  timed.map((row) => 40 * dot(row, device) * (1 + 0.01 * random.normal()))
const meanError = (coefficients: readonly number[], device: readonly number[]): number =>
  networks.reduce((sum, row) => sum + Math.abs(dot(row, coefficients) / (40 * dot(row, device)) - 1), 0) /
  networks.length

test('five networks of a device like a known one find it, where the mean of all devices is far', (t) => {
  const times = timesOn(known.map((value, i) => value * (i % 2 === 0 ? 1.05 : 0.95)))
  const alone = posteriorOf({ mean, covariance, near: [] }, timed, times)
  const found = posteriorOf({ mean, covariance, near: [known.toReversed(), known] }, timed, times)
  const device = known.map((value, i) => value * (i % 2 === 0 ? 1.05 : 0.95))
  t.true(meanError(found.coefficients, device) < 0.03)
  t.true(meanError(found.coefficients, device) < 0.5 * meanError(alone.coefficients, device))
})

test('known devices that predict left-out networks worse than the mean of all are not followed', (t) => {
  const times = timesOn(mean)
  const alone = posteriorOf({ mean, covariance, near: [] }, timed, times)
  const errorOf = ({ leftOut }: typeof alone): number =>
    leftOut.reduce((sum, { at, predicted }) => sum + Math.abs(predicted / times[at]! - 1), 0)
  for (const near of [[known], [known.toReversed()], [known, known.toReversed()]]) {
    t.true(errorOf(posteriorOf({ mean, covariance, near }, timed, times)) <= errorOf(alone) + 1e-12)
  }
})
