/** A measured, or expected, point of a front. */
export interface FrontPoint {
  readonly error: number
  readonly costs: readonly number[]
}

/** Beyond this many cells the exact grid gives way to sample points. */
const MOST_CELLS = 4096
const SAMPLE_POINTS = 1024
const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19]

/**
 * The hypervolume that a candidate of known costs and uncertain error is expected to add to a front, as a share of the
 * box between the best values and the reference.
 *
 * Above every place of the cost space the front has a level: the least error that can be had there. A candidate with
 * error e adds (level − e)⁺ above every place its costs dominate, so the expectation is the sum over levels of the size
 * of the candidate's share of that level times E[(level − e)⁺]. Exact in one and two costs while the grid spanned by the
 * front is small; beyond that the cost space is sampled at the points of a Halton sequence.
 */
export class ExpectedGain {
  /** Distinct levels, from the reference error downwards. */
  readonly levels: readonly number[]
  readonly #costCount: number
  /** Per cell: lower corner, upper corner; for sample points both are the point. */
  readonly #corners: Float64Array
  readonly #cellLevels: Uint32Array
  readonly #sampleSize: number | undefined
  readonly #box: number

  /**
   * @param referenceError errors above it gain nothing
   * @param referenceCosts costs above any of them gain nothing
   * @param leastCosts the best value of each cost, for the size of the box
   */
  constructor(
    points: readonly FrontPoint[],
    referenceError: number,
    referenceCosts: readonly number[],
    leastCosts: readonly number[],
    leastError: number,
  ) {
    const costCount = referenceCosts.length
    const inside = points.filter(
      ({ error, costs }) => error < referenceError && costs.every((cost, j) => cost < referenceCosts[j]!),
    )
    this.#costCount = costCount
    this.levels = [referenceError, ...[...new Set(inside.map(({ error }) => error))].sort((a, b) => b - a)]
    const levelIndex = new Map(this.levels.map((level, i) => [level, i]))
    const ranges = referenceCosts.map((reference, j) => Math.max(reference - leastCosts[j]!, 1e-300))
    this.#box = ranges.reduce((size, range) => size * range, Math.max(referenceError - leastError, 1e-300))
    const cuts = referenceCosts.map((reference, j) => {
      const values = new Set(inside.map(({ costs }) => costs[j]!))
      return [Number.NEGATIVE_INFINITY, ...[...values].sort((a, b) => a - b), reference]
    })
    const cellCount = cuts.reduce((product, axis) => product * (axis.length - 1), 1)
    const sampled = costCount > 2 || cellCount > MOST_CELLS
    const corners: number[][] = sampled
      ? Array.from({ length: SAMPLE_POINTS }, (_, i) => {
          const point = ranges.map((range, j) => leastCosts[j]! + range * radicalInverse(i + 1, PRIMES[j % 8]!))
          return [...point, ...point]
        })
      : gridCells(cuts)
    this.#sampleSize = sampled ? ranges.reduce((size, range) => size * range, 1) / SAMPLE_POINTS : undefined
    this.#corners = Float64Array.from(corners.flat())
    // Above a whole cell the level is that of its lower corner.
    this.#cellLevels = Uint32Array.from(corners, (cell) => {
      let level = referenceError
      for (const { error, costs } of inside) {
        if (error < level && costs.every((cost, j) => cost <= cell[j]!)) level = error
      }
      return levelIndex.get(level)!
    })
  }

  /** The size of each level's part that the costs dominate. */
  shares(costs: readonly number[]): Float64Array {
    const shares = new Float64Array(this.levels.length)
    const d = this.#costCount
    for (let cell = 0; cell < this.#cellLevels.length; cell++) {
      const start = cell * 2 * d
      let size = this.#sampleSize ?? 1
      for (let j = 0; j < d && size > 0; j++) {
        const upper = this.#corners[start + d + j]!
        if (this.#sampleSize !== undefined) size = costs[j]! <= upper ? size : 0
        else size *= Math.max(0, upper - Math.max(this.#corners[start + j]!, costs[j]!))
      }
      shares[this.#cellLevels[cell]!]! += size
    }
    return shares
  }

  /** Expected gain. `shortfall(level)` is E[(level − e)⁺] of the candidate's error e. */
  gain(shares: Float64Array, shortfall: (level: number) => number): number {
    let sum = 0
    for (let i = 0; i < shares.length; i++) if (shares[i]! > 0) sum += shares[i]! * shortfall(this.levels[i]!)
    return sum / this.#box
  }
}

function gridCells(cuts: readonly (readonly number[])[]): number[][] {
  let cells: { lower: number[]; upper: number[] }[] = [{ lower: [], upper: [] }]
  for (const axis of cuts) {
    cells = cells.flatMap(({ lower, upper }) =>
      axis.slice(1).map((end, k) => ({ lower: [...lower, axis[k]!], upper: [...upper, end] })),
    )
  }
  return cells.map(({ lower, upper }) => [...lower, ...upper])
}

/** Halton's sequence: the digits of n in base b, mirrored at the point. */
function radicalInverse(n: number, base: number): number {
  let value = 0
  let digit = 1 / base
  for (let rest = n; rest > 0; rest = Math.floor(rest / base)) {
    value += (rest % base) * digit
    digit /= base
  }
  return value
}
