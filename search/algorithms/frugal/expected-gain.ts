/** A measured, or expected, point of a front. */
export interface FrontPoint {
  readonly error: number
  readonly costs: readonly number[]
}

/** The grid may have so many cells; larger fronts get a coarser one. */
const MOST_CELLS = 4096

/**
 * The hypervolume that a candidate of known costs and uncertain error is expected to add to a front, as a share of the
 * box between the best values and the reference.
 *
 * Above every place of the cost space the front has a level: the least error that can be had there. A candidate with
 * error e adds (level − e)⁺ above every place its costs dominate, so the expectation is the sum over levels of the size
 * of the candidate's share of that level times E[(level − e)⁺]. Exact while the grid spanned by the front is small enough
 * (63 points of two costs, 15 of three). Beyond that the grid has only some of the front's costs, evenly taken, so that it
 * is finest where most of the front lies, and the level of a cell is that in its middle.
 */
export class ExpectedGain {
  /** Distinct levels, from the reference error downwards. */
  readonly levels: readonly number[]
  readonly #box: number
  /** Ends of the grid's cells per cost; the first one is −∞, for a candidate may cost less than anything measured. */
  readonly #cuts: readonly Float64Array[]
  /** The level above every cell, the last cost fastest. */
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
    const costBox = referenceCosts.reduce(
      (size, reference, j) => size * Math.max(reference - leastCosts[j]!, 1e-300),
      1,
    )
    this.#box = costBox * Math.max(referenceError - leastError, 1e-300)
    const most = Math.floor(MOST_CELLS ** (1 / referenceCosts.length) + 1e-9)
    const grid = referenceCosts.map((reference, j) =>
      axisOf(new Set(inside.map(({ costs }) => costs[j]!)), reference, most),
    )
    this.#cuts = grid.map(({ cuts }) => cuts)
    this.#levelOf = new Uint32Array(grid.reduce((cells, { looks }) => cells * looks.length, 1))
    // The least error whose costs are no greater says the level, so it is written last; where there is none, it is level 0.
    const looks = grid.map((axis) => axis.looks)
    for (const { error, costs } of inside.toSorted((a, b) => b.error - a.error)) {
      this.#write(levelIndex.get(error)!, costs, looks, 0, 0)
    }
  }

  /** Writes a level to the cells from `cell` on that share their place along the axes before one, and that the costs dominate. */
  #write(level: number, costs: readonly number[], looks: readonly Float64Array[], axis: number, cell: number): void {
    const { length } = looks[axis]!
    const first = looks[axis]!.findIndex((look) => costs[axis]! <= look)
    if (first < 0) return
    const [from, end] = [cell * length + first, (cell + 1) * length]
    if (axis === looks.length - 1) this.#levelOf.fill(level, from, end)
    else for (let at = from; at < end; at++) this.#write(level, costs, looks, axis + 1, at)
  }

  /** The size of each level's part that the costs dominate. */
  shares(costs: readonly number[]): Float64Array {
    const shares = new Float64Array(this.levels.length)
    this.addShares(costs, shares)
    return shares
  }

  /** Adds these sizes to others, one per level. */
  addShares(costs: readonly number[], into: Float64Array): void {
    this.#share(costs, 0, 0, 1, into)
  }

  /** Adds the parts of the cells from `cell` on that share their place along the axes before one, `size` along these. */
  #share(costs: readonly number[], axis: number, cell: number, size: number, into: Float64Array): void {
    const cuts = this.#cuts[axis]!
    const cost = costs[axis]!
    const cells = cuts.length - 1
    const levelOf = this.#levelOf
    const last = axis === this.#cuts.length - 1
    const first = cellOf(cuts, cost)
    let low = first < cells ? Math.max(cuts[first]!, cost) : 0
    for (let i = first, at = cell * cells + first; i < cells; i++, at++) {
      const high = cuts[i + 1]!
      const part = size * (high - low)
      if (last) into[levelOf[at]!]! += part
      else this.#share(costs, axis + 1, at, part, into)
      low = high
    }
  }

  /** Expected gain of the first shares, one per level. `shortfall(levels[i], i)` is E[(levels[i] − e)⁺] of the candidate's error e. */
  gain(shares: Float64Array, shortfall: (level: number, i: number) => number): number {
    let sum = 0
    for (let i = 0; i < this.levels.length; i++) if (shares[i]! > 0) sum += shares[i]! * shortfall(this.levels[i]!, i)
    return sum / this.#box
  }
}

/** The first cell of an axis that reaches beyond a cost; the number of cells when none does. */
function cellOf(cuts: Float64Array, cost: number): number {
  let cell = 0
  while (cell < cuts.length - 1 && cuts[cell + 1]! <= cost) cell++
  return cell
}

/** One axis of a grid: the ends of its cells, and where along each of them the level is looked up. */
function axisOf(
  costs: ReadonlySet<number>,
  reference: number,
  most: number,
): { cuts: Float64Array; looks: Float64Array } {
  const sorted = [...costs].sort((a, b) => a - b)
  const kept = Math.min(sorted.length, Math.max(1, most - 1))
  const inner = Array.from({ length: kept }, (_, i) => sorted[Math.floor((i * sorted.length) / kept)]!)
  const cuts = Float64Array.from([Number.NEGATIVE_INFINITY, ...inner, reference])
  // Between neighbours nothing changes, so the lower end speaks for the whole cell.
  const looks = cuts.slice(0, -1).map((low, i) => (kept === sorted.length || i === 0 ? low : (low + cuts[i + 1]!) / 2))
  return { cuts, looks }
}
