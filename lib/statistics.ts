/** Place, from 0, of the first largest of `length` values from `start`. */
export function argmax(values: ArrayLike<number>, start = 0, length = values.length): number {
  let best = 0
  for (let i = 1; i < length; i++) if (values[start + i]! > values[start + best]!) best = i
  return best
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Standard deviation of the values themselves (n in the denominator). */
export const populationSd = (values: readonly number[]): number => {
  const centre = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)))
}

/**
 * 95 % confidence interval of the mean by Student's t distribution.
 * @returns undefined for fewer than two values.
 */
export function confidenceInterval95(values: readonly number[]): readonly [number, number] | undefined {
  const n = values.length
  if (n < 2) return undefined
  const half = (studentQuantile(0.95, n - 1) * populationSd(values)) / Math.sqrt(n - 1)
  return [mean(values) - half, mean(values) + half]
}

/** The t below which |T| lies with the given probability, for whole degrees of freedom. */
export function studentQuantile(probability: number, degrees: number): number {
  let low = 0
  let high = 1
  while (centralProbability(high, degrees) < probability) high *= 2
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (centralProbability(middle, degrees) < probability) low = middle
    else high = middle
  }
  return high
}

/** P(|T| < t): the finite sums of Abramowitz and Stegun 26.7.3 and 26.7.4. */
function centralProbability(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees))
  const squared = Math.cos(angle) ** 2
  const odd = degrees % 2 === 1
  let term = odd ? Math.cos(angle) : 1
  let sum = degrees === 1 ? 0 : term
  for (let k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= (squared * (k - 1)) / k
    sum += term
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum
}

/** Above this many pairs the normal approximation is as good as the exact distribution. */
const MOST_EXACT_PAIRS = 100

/**
 * Two-sided p value of the Wilcoxon signed-rank test on paired values (Wilcoxon 1945): how likely differences at least as
 * one-sided are if neither of the two tends to be larger. Equal pairs are left out and tied differences share a rank. The
 * distribution is exact up to 100 pairs; above, normal with corrections for ties and continuity.
 * @returns 1 when all pairs are equal.
 */
export function wilcoxonSignedRank(a: readonly number[], b: readonly number[]): number {
  const differences = a.map((value, i) => value - b[i]!).filter((difference) => difference !== 0)
  const ranks = doubledRanks(differences.map(Math.abs))
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const positive = ranks.reduce((sum, rank, i) => (differences[i]! > 0 ? sum + rank : sum), 0)
  const smaller = Math.min(positive, total - positive)
  if (ranks.length > MOST_EXACT_PAIRS) {
    const sd = Math.sqrt(ranks.reduce((sum, rank) => sum + rank ** 2, 0)) / 2
    return Math.min(1, 2 * normalTail((total / 2 - smaller - 1) / sd))
  }
  // Chances of every sum of the ranks with a positive sign, one pair after another.
  const chances = new Float64Array(total + 1)
  chances[0] = 1
  let reached = 0
  for (const rank of ranks) {
    reached += rank
    for (let sum = reached; sum >= 0; sum--) {
      chances[sum] = (chances[sum]! + (sum >= rank ? chances[sum - rank]! : 0)) / 2
    }
  }
  const tail = chances.subarray(0, smaller + 1).reduce((sum, chance) => sum + chance, 0)
  return Math.min(1, 2 * tail)
}

/** Twice the rank of every value, so that ranks shared by ties are whole. */
export function doubledRanks(values: readonly number[]): readonly number[] {
  const sorted = [...values].sort((x, y) => x - y)
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value) + 2)
}

/** P(Z > z) of the standard normal for z ≥ 0 (Abramowitz and Stegun 26.2.17; error below 1e-7). */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.max(0, z))
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial
}
