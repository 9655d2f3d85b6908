import type { RandomStream } from '../../lib/random.ts'

interface Group {
  readonly members: number[]
  /** Samples of each class in it. */
  readonly counts: Map<number, number>
}

function groupsOf(indices: readonly number[], labels: Int32Array, groups: Int32Array): readonly Group[] {
  const found = new Map<number, Group>()
  for (const index of indices) {
    const key = groups[index]!
    const group = found.get(key) ?? { members: [], counts: new Map<number, number>() }
    found.set(key, group)
    group.members.push(index)
    group.counts.set(labels[index]!, (group.counts.get(labels[index]!) ?? 0) + 1)
  }
  return [...found.values()]
}

/**
 * Moves whole groups of samples from a part, so that of every class about the same share goes: in random order, each
 * group that brings the shares nearer to `share`. A class never leaves the part wholly, and one that lies in two groups
 * or more goes in part wherever that is possible.
 * @param groups the group of each sample.
 * @param share 0 < share < 1
 */
export function takeGroups(
  indices: readonly number[],
  labels: Int32Array,
  groups: Int32Array,
  share: number,
  random: RandomStream,
): { readonly taken: readonly number[]; readonly kept: readonly number[] } {
  const all = groupsOf(indices, labels, groups)
  const order = Array.from(random.permutation(all.length), (position) => all[position]!)
  const total = new Map<number, number>()
  for (const { counts } of all) for (const [label, count] of counts) total.set(label, (total.get(label) ?? 0) + count)
  const gone = new Map<number, number>()
  const taken = new Set<Group>()
  const isFree = (group: Group): boolean =>
    !taken.has(group) && [...group.counts].every(([label, count]) => (gone.get(label) ?? 0) + count < total.get(label)!)
  const take = (group: Group): void => {
    taken.add(group)
    for (const [label, count] of group.counts) gone.set(label, (gone.get(label) ?? 0) + count)
  }
  /** How much nearer to its share each class comes, relative to its size, so that rare classes count as much as others. */
  const gain = ({ counts }: Group): number => {
    let sum = 0
    for (const [label, count] of counts) {
      const size = total.get(label)!
      const now = (gone.get(label) ?? 0) / size
      sum += Math.abs(now - share) - Math.abs(now + count / size - share)
    }
    return sum
  }
  for (const group of order) if (gain(group) > 0 && isFree(group)) take(group)
  for (const label of [...total.keys()].sort((a, b) => a - b)) {
    if (gone.has(label)) continue
    const candidates = order.filter((group) => group.counts.has(label) && isFree(group))
    if (candidates.length > 0) take(candidates.reduce((best, next) => (gain(next) > gain(best) ? next : best)))
  }
  const members = (wanted: boolean): readonly number[] =>
    order.filter((group) => taken.has(group) === wanted).flatMap((group) => group.members)
  return { taken: members(true), kept: members(false) }
}
