/** When networks go up: as results come in, or only when all of a rung are in. */
export type Promotion = 'asynchronous' | 'synchronous'

/** How networks climb from cheap trainings to the full one. */
export interface Ladder {
  /** Levels of fidelity; the last one is the full training. 1: every network is trained fully at once. */
  readonly rungs: number
  /** One in so many networks of a rung goes on to the next. */
  readonly reduction: number
  readonly promotion: Promotion
}

/** Every network is trained fully at once. */
export const NO_LADDER: Ladder = { rungs: 1, reduction: 1, promotion: 'asynchronous' }

/** How many of `networks` reach each rung: at least one reaches the last. */
export function networksPerRung(networks: number, { rungs, reduction }: Ladder): readonly number[] {
  const counts = [networks]
  while (counts.length < rungs) counts.push(Math.ceil(counts.at(-1)! / reduction))
  return counts
}

/** Trials that a search of so many networks makes on all rungs together. */
export const plannedTrials = (networks: number, ladder: Ladder): number =>
  networksPerRung(networks, ladder).reduce((sum, count) => sum + count, 0)

/** Early in a search there is little to choose from, so fewer go up than later. */
const HESITATION = 1.5

/**
 * How many networks may have gone up from a rung on which `told` of `planned` have ended.
 * @param closed no more networks will come to this rung
 */
export function promotionQuota(
  told: number,
  planned: number,
  closed: boolean,
  { reduction, promotion }: Ladder,
): number {
  if (closed) return Math.ceil(told / reduction)
  return promotion === 'synchronous' ? 0 : Math.floor((planned / reduction) * (told / planned) ** HESITATION)
}
