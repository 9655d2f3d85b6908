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
  readonly #box: number
  /** Ends of the grid's cells per cost, the first one −∞; empty when the cost space is sampled. */
  readonly #cuts: readonly Float64Array[]
  /** Sample points, row by row; empty when the grid is exact. */
  readonly #points: Float64Array
  readonly #pointSize: number
  /** The level above every cell, the last cost fastest, or above every sample point. */
  readonly #levelOf: Uint32Array

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
    const inside = points.filter(
      ({ error, costs }) => error < referenceError && costs.every((cost, j) => cost < referenceCosts[j]!),
    )
    this.levels = [referenceError, ...[...new Set(inside.map(({ error }) => error))].sort((a, b) => b - a)]
    const levelIndex = new Map(this.levels.map((level, i) => [level, i]))
    const ranges = referenceCosts.map((reference, j) => Math.max(reference - leastCosts[j]!, 1e-300))
    const costBox = ranges.reduce((size, range) => size * range, 1)
    this.#box = costBox * Math.max(referenceError - leastError, 1e-300)
    const cuts = referenceCosts.map((reference, j) => {
      const values = new Set(inside.map(({ costs }) => costs[j]!))
      return Float64Array.from([Number.NEGATIVE_INFINITY, ...[...values].sort((a, b) => a - b), reference])
    })
    const cellCount = cuts.reduce((product, axis) => product * (axis.length - 1), 1)
    const exact = cuts.length === 1 || (cuts.length === 2 && cellCount <= MOST_CELLS)
    const corners = exact
      ? lowerCorners(cuts)
      : Array.from({ length: SAMPLE_POINTS }, (_, i) =>
          ranges.map((range, j) => leastCosts[j]! + range * radicalInverse(i + 1, PRIMES[j % PRIMES.length]!)),
        )
    this.#cuts = exact ? cuts : []
    this.#points = exact ? new Float64Array(0) : Float64Array.from(corners.flat())
    this.#pointSize = costBox / SAMPLE_POINTS
    // Above a whole cell the level is that of its lower corner.
    this.#levelOf = Uint32Array.from(corners, (corner) => {
      let level = referenceError
      for (const { error, costs } of inside) {
        if (error < level && costs.every((cost, j) => cost <= corner[j]!)) level = error
      }
      return levelIndex.get(level)!
    })
  }

  /** The size of each level's part that the costs dominate. */
  shares(costs: readonly number[]): Float64Array {
    const shares = new Float64Array(this.levels.length)
    if (this.#cuts.length === 0) {
      const d = costs.length
      for (let point = 0; point < this.#levelOf.length; point++) {
        let j = 0
        while (j < d && costs[j]! <= this.#points[point * d + j]!) j++
        if (j === d) shares[this.#levelOf[point]!]! += this.#pointSize
      }
      return shares
    }
    const [first, second] = this.#cuts
    const columns = second === undefined ? 1 : second.length - 1
    const columnFrom = second === undefined ? 0 : cellOf(second, costs[1]!)
    for (let i = cellOf(first!, costs[0]!); i < first!.length - 1; i++) {
      const width = first![i + 1]! - Math.max(first![i]!, costs[0]!)
      for (let k = columnFrom; k < columns; k++) {
        const height = second === undefined ? 1 : second[k + 1]! - Math.max(second[k]!, costs[1]!)
        shares[this.#levelOf[i * columns + k]!]! += width * height
      }
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

/** The first cell of an axis that reaches beyond a cost; the number of cells when none does. */
function cellOf(cuts: Float64Array, cost: number): number {
  let cell = 0
  while (cell < cuts.length - 1 && cuts[cell + 1]! <= cost) cell++
  return cell
}

function lowerCorners(cuts: readonly Float64Array[]): number[][] {
  let corners: number[][] = [[]]
  for (const axis of cuts) corners = corners.flatMap((corner) => [...axis.slice(0, -1)].map((low) => [...corner, low]))
  return corners
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
