import { columnOrder, levelOrder } from './order.ts'
import { wasmPoints } from './wasm-points.ts'

/** Fewest points between two stored prefixes of an objective. */
const LEAST_STEP = 64
/** Most prefixes stored per objective, which bounds the memory to 32 bytes per point and objective. */
const MOST_PREFIXES = 256

/**
 * Ranks for four and more objectives. For each objective, bit sets hold the points among its smallest 64, 128, …
 * values; the intersection of one set per objective, 32 points at a time, holds whatever dominates a point and a few
 * more, which are compared. Points are visited in lexicographic order, later ones first when looking for dominators:
 * they tend to have high ranks, and words without a higher rank than found already are passed over.
 * O(m n² / 32) at worst.
 * @param rows distinct points in lexicographic order, row-major
 * @param highest ranks above this one are all written as this one: with 1, one dominator is enough to stop
 */
export function ranksByBits(rows: Float64Array, count: number, objectives: number, highest: number): Int32Array {
  return fastRanks(rows, count, objectives, highest) ?? plainRanks(rows, count, objectives, highest)
}

/** The same for three objectives, too; undefined for too many points and without WebAssembly. */
export function fastRanks(
  rows: Float64Array,
  count: number,
  objectives: number,
  highest: number,
): Int32Array | undefined {
  const points = wasmPoints(count, objectives)
  if (points === undefined || count < 2) return undefined
  points.load(rows, count, objectives)
  const shift = points.prefixShift()
  if (shift === undefined) return undefined
  for (let j = 1; j < objectives; j++) {
    if (!points.sort(j)) {
      const keys = Float64Array.from({ length: count }, (_, i) => rows[i * objectives + j]!)
      const order = levelOrder(keys, new Float64Array(count))
      // Which may have sorted other points meanwhile.
      points.load(rows, count, objectives)
      points.useOrder(j, order)
    }
    points.addPrefixes(j, shift)
  }
  return points.ranks(highest)
}

/** The same for any number of points, and without WebAssembly if need be. */
export function plainRanks(rows: Float64Array, count: number, objectives: number, highest: number): Int32Array {
  const words = (count + 31) >>> 5
  const step = Math.max(LEAST_STEP, Math.ceil(count / MOST_PREFIXES))
  const sets: Int32Array[] = []
  const starts: Uint32Array[] = []
  for (let j = 1; j < objectives; j++) {
    const { bits, start } = prefixes(rows, count, objectives, j, step)
    sets.push(bits)
    starts.push(start)
  }
  const [first, second, third] = sets as [Int32Array, Int32Array, Int32Array]
  const more = objectives - 4
  const ranks = new Int32Array(count).fill(-1)
  const mostInWord = new Int32Array(words).fill(-1)
  for (let i = 0; i < count; i++) {
    const firstAt = starts[0]![i]!
    const secondAt = starts[1]![i]!
    const thirdAt = starts[2]![i]!
    let best = -1
    for (let word = i >>> 5; word >= 0; word--) {
      if (mostInWord[word]! <= best) continue
      let candidates = first[firstAt + word]! & second[secondAt + word]! & third[thirdAt + word]!
      if (candidates === 0) continue
      for (let extra = 3; extra < 3 + more; extra++) candidates &= sets[extra]![starts[extra]![i]! + word]!
      while (candidates !== 0) {
        const lowest = candidates & -candidates
        candidates ^= lowest
        const other = (word << 5) + 31 - Math.clz32(lowest)
        if (ranks[other]! > best && weaklyDominates(rows, objectives, other, i)) best = ranks[other]!
      }
      if (best + 1 >= highest) break
    }
    const rank = Math.min(best + 1, highest)
    ranks[i] = rank
    if (rank > mostInWord[i >>> 5]!) mostInWord[i >>> 5] = rank
  }
  return ranks
}

/** Bit sets of growing prefixes of one objective's order, and where in them each point's own (with all ties) begins. */
function prefixes(rows: Float64Array, count: number, objectives: number, objective: number, step: number) {
  const order = columnOrder(rows, count, objectives, objective)
  const words = (count + 31) >>> 5
  const bits = new Int32Array((Math.ceil(count / step) + 1) * words)
  let at = 0
  for (let place = 0; place < count; place++) {
    if (place % step === 0) {
      bits.copyWithin(at + words, at, at + words)
      at += words
    }
    const i = order[place]!
    bits[at + (i >>> 5)]! |= 1 << (i & 31)
  }
  const start = new Uint32Array(count)
  let end = count
  for (let place = count - 1; place >= 0; place--) {
    const i = order[place]!
    const next = order[place + 1]
    if (next !== undefined && rows[i * objectives + objective] !== rows[next * objectives + objective]) end = place + 1
    start[i] = Math.ceil(end / step) * words
  }
  return { bits, start }
}

/** Of distinct rows in lexicographic order, whose first objective need not be compared. */
function weaklyDominates(rows: Float64Array, objectives: number, a: number, b: number): boolean {
  const atA = a * objectives
  const atB = b * objectives
  for (let j = 1; j < objectives; j++) if (rows[atA + j]! > rows[atB + j]!) return false
  return true
}
