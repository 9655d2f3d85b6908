import { nonDominatedIndices } from '../../search/pareto/index.ts'
import { type Run, vectorsOf } from './runs.ts'

type Vector = readonly number[]

/** How the fronts of two groups, each over all of its runs, stand to each other. */
export interface FrontDifference {
  /** Share of B's front that A reaches or beats (Zitzler's coverage), and the other way round. */
  readonly aCoversB: number
  readonly bCoversA: number
  /**
   * Additive ε indicator with each objective scaled to the range of both fronts: how far A falls short of B at worst;
   * 0 when A reaches or beats all of B.
   */
  readonly aFallsShort: number
  readonly bFallsShort: number
  /** Points of the front of both together that only A, only B, or both found. */
  readonly merged: { readonly onlyA: number; readonly onlyB: number; readonly both: number }
}

/** Distinct non-dominated vectors of all runs of a group. */
export function frontOfRuns(runs: readonly Run[], dimensions: number): readonly Vector[] {
  const distinct = new Map(runs.flatMap((run) => vectorsOf(run)).map((vector) => [JSON.stringify(vector), vector]))
  const vectors = [...distinct.values()]
  const matrix = Float64Array.from(vectors.flat())
  return Array.from(nonDominatedIndices(matrix, vectors.length, dimensions), (index) => vectors[index]!)
}

const weaklyDominates = (a: Vector, b: Vector): boolean => a.every((value, i) => value <= b[i]!)

const covered = (by: readonly Vector[], front: readonly Vector[]): number =>
  front.length === 0
    ? 1
    : front.filter((point) => by.some((other) => weaklyDominates(other, point))).length / front.length

function shortfall(of: readonly Vector[], against: readonly Vector[], spans: Vector): number {
  if (against.length === 0) return 0
  if (of.length === 0) return 1
  return Math.max(
    0,
    ...against.map((point) =>
      Math.min(...of.map((own) => Math.max(...own.map((value, i) => (value - point[i]!) / spans[i]!)))),
    ),
  )
}

/** Compares two fronts of minimisation vectors; with an empty one, the other covers it and it falls short by 1. */
export function frontDifference(a: readonly Vector[], b: readonly Vector[]): FrontDifference {
  const all = [...a, ...b]
  const spans = (all[0] ?? []).map((_, i) => {
    const values = all.map((vector) => vector[i]!)
    return Math.max(...values) - Math.min(...values) || 1
  })
  const merged = { onlyA: 0, onlyB: 0, both: 0 }
  const keysOf = (front: readonly Vector[]) => new Set(front.map((vector) => JSON.stringify(vector)))
  const [inA, inB] = [keysOf(a), keysOf(b)]
  for (const key of new Set([...inA, ...inB])) {
    const vector = JSON.parse(key) as Vector
    if (all.some((other) => JSON.stringify(other) !== key && weaklyDominates(other, vector))) continue
    if (inA.has(key) && inB.has(key)) merged.both++
    else if (inA.has(key)) merged.onlyA++
    else merged.onlyB++
  }
  return {
    aCoversB: covered(a, b),
    bCoversA: covered(b, a),
    aFallsShort: shortfall(a, b, spans),
    bFallsShort: shortfall(b, a, spans),
    merged,
  }
}
