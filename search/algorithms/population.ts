import type { Told } from '../algorithm.ts'
import { isFailed } from './state.ts'

/** The members with a result in it: in the place of the genome's earlier one if it is there. Failures do not join. */
export function withResult(members: readonly Told[], result: Told): readonly Told[] {
  const key = result.genome.join()
  const at = members.findIndex(({ genome }) => genome.join() === key)
  const added = isFailed(result.fronts) ? [] : [result]
  return at < 0 ? [...members, ...added] : members.toSpliced(at, 1, ...added)
}
