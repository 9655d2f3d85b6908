import type { GeneDescription } from '../../algorithm.ts'

/** Categorical genes of one kind: their choices are as similar in one place as in another. */
export interface ChoiceGroup {
  readonly genes: readonly number[]
  /** Number of choices. */
  readonly size: number
  /** Where this group's size × size latent coordinates start in the list of all; its distances start there, too. */
  readonly start: number
}

/** Kinds with more choices have too many pairs to learn how similar each is. */
const MOST_CHOICES = 12

/** `stage1.kernel` and `stage2.kernel` are of one kind, and so are genes without a group that have the same choices. */
export const kindOf = ({ name, kind, choices }: GeneDescription): string => {
  const dot = name.indexOf('.')
  return JSON.stringify([kind, dot < 0 ? '' : name.slice(dot + 1), kind === 'ordinal' ? choices.length : choices])
}

/** The kinds of genes whose choices have similarities to be learned: of two choices there is nothing to learn. */
export function choiceGroups(genes: readonly GeneDescription[]): ChoiceGroup[] {
  const byKind = new Map<string, number[]>()
  genes.forEach((gene, i) => {
    if (gene.kind === 'ordinal' || gene.choices.length < 3 || gene.choices.length > MOST_CHOICES) return
    byKind.set(kindOf(gene), [...(byKind.get(kindOf(gene)) ?? []), i])
  })
  let end = 0
  return [...byKind.values()].map((members) => {
    const size = genes[members[0]!]!.choices.length
    end += size * size
    return { genes: members, size, start: end - size * size }
  })
}

/** Every choice on an axis of its own, all at distance 1: nothing is known yet. */
export const initialLatents = (groups: readonly ChoiceGroup[]): readonly number[] =>
  groups.flatMap(({ size }) => Array.from({ length: size * size }, (_, k) => (k % (size + 1) === 0 ? Math.SQRT1_2 : 0)))

/** Squared distances between the choices of each group, row by row. */
export function choiceDistances(groups: readonly ChoiceGroup[], latents: readonly number[]): Float64Array {
  const distances = new Float64Array(latents.length)
  for (const { size, start } of groups) {
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) {
        let squared = 0
        for (let k = 0; k < size; k++) squared += (latents[start + a * size + k]! - latents[start + b * size + k]!) ** 2
        distances[start + a * size + b] = squared
      }
    }
  }
  return distances
}
