import type { Told } from '../algorithm.ts'
import { crowdingDistance, nonDominatedSort } from '../pareto/index.ts'

export interface Standing {
  /** Best rank over the fronts; 0 is best. */
  readonly rank: number
  /** Largest crowding distance among the fronts that give this rank. */
  readonly crowding: number
}

/** Negative when `a` is to be preferred: the lower rank, then the less crowded. */
export const compareStandings = (a: Standing, b: Standing): number =>
  a.rank - b.rank || (a.crowding === b.crowding ? 0 : b.crowding - a.crowding)

/**
 * How individuals stand under constrained domination (Deb et al. 2002), over several fronts: within each front feasible
 * ones are ranked by non-dominated sorting, all infeasible ones come after them in order of violation; across fronts the
 * best rank counts, so that a specialist for one device is worth as much as a specialist for another.
 */
export function standings(individuals: readonly Told[], frontCount: number, objectiveCount: number): Standing[] {
  const best: Standing[] = individuals.map(() => ({ rank: Number.POSITIVE_INFINITY, crowding: 0 }))
  const offer = (i: number, rank: number, crowding: number): void => {
    if (compareStandings({ rank, crowding }, best[i]!) < 0) best[i] = { rank, crowding }
  }
  for (let front = 0; front < frontCount; front++) {
    const feasible: number[] = []
    const infeasible: number[] = []
    individuals.forEach(({ fronts }, i) => {
      const { objectives, violation } = fronts[front]!
      if (violation > 0) infeasible.push(i)
      else if (objectives !== undefined) feasible.push(i)
    })
    const rows = (members: readonly number[]) =>
      Float64Array.from(members.flatMap((i) => individuals[i]!.fronts[front]!.objectives!))
    const { ranks, frontCount: levels } = nonDominatedSort(rows(feasible), feasible.length, objectiveCount)
    for (let level = 0; level < levels; level++) {
      const members = feasible.filter((_, position) => ranks[position] === level)
      const distances = crowdingDistance(rows(members), members.length, objectiveCount)
      members.forEach((i, position) => {
        offer(i, level, distances[position]!)
      })
    }
    const violationOf = (i: number) => individuals[i]!.fronts[front]!.violation
    infeasible.sort((a, b) => violationOf(a) - violationOf(b) || a - b)
    infeasible.forEach((i, position) => {
      offer(i, levels + position, 0)
    })
  }
  return best
}

/** The `size` best individuals in their original order. Of equals the earlier one stays. */
export function survivors(
  individuals: readonly Told[],
  size: number,
  frontCount: number,
  objectiveCount: number,
): readonly Told[] {
  if (individuals.length <= size) return individuals
  const standing = standings(individuals, frontCount, objectiveCount)
  const order = individuals.map((_, i) => i).sort((a, b) => compareStandings(standing[a]!, standing[b]!) || a - b)
  const kept = new Set(order.slice(0, size))
  return individuals.filter((_, i) => kept.has(i))
}

/**
 * The same with finite gaps at the ends of fronts: as wide as the widest gap within a front of that rank, 1 where it has
 * only ends. Endless ones would draw all effort to the ends.
 */
export function withoutEnds(standing: readonly Standing[]): readonly Standing[] {
  const widest = new Map<number, number>()
  for (const { rank, crowding } of standing) {
    if (Number.isFinite(crowding)) widest.set(rank, Math.max(widest.get(rank) ?? 0, crowding))
  }
  return standing.map(({ rank, crowding }) => ({
    rank,
    crowding: Number.isFinite(crowding) ? crowding : (widest.get(rank) ?? 1),
  }))
}
