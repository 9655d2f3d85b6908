import { FEATURES, type FeatureName, type KernelFacts } from './features.ts'
import { fitNonNegative } from './least-squares.ts'

/** Features of one branch with coefficients to start from: they say which branch decides a kernel at first. */
export type BranchStart = Partial<Record<FeatureName, number>>

/** What happens at the same time, so that the longest decides. */
export interface Branches {
  readonly floor?: BranchStart
  readonly compute?: BranchStart
  readonly memory?: BranchStart
  /** What coefficients of the branches cannot be below: no array multiplies faster than it has multipliers. */
  readonly least?: BranchStart
}

export const BRANCHES = ['floor', 'compute', 'memory'] as const

export interface FittedBranches {
  readonly terms: readonly number[]
  /** Coefficients of each branch, in the order of its features. */
  readonly branches: readonly (readonly number[])[]
}

/** Kernels change their branch from fit to fit; beyond this they only change back. */
const MAX_ROUNDS = 40

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

export const branchFeatures = (start: BranchStart | undefined): readonly FeatureName[] =>
  Object.keys(start ?? {}) as FeatureName[]

/**
 * Fits cost = Σ terms + max over branches of Σ branch, all coefficients ≥ 0, by relative least squares: each kernel counts
 * for the branch that is longest, those are fitted, and again until no kernel changes its branch. The best round is kept.
 * @param weights of the kernels; @returns coefficients of the terms and of floor, compute and memory
 */
export function fitBranches(
  terms: readonly FeatureName[],
  branches: Branches,
  kernels: readonly KernelFacts[],
  costs: readonly number[],
  weights: readonly number[],
): FittedBranches {
  const parts = BRANCHES.map((name) => branches[name]).filter((part) => part !== undefined)
  const features = parts.map(branchFeatures)
  const offsets = features.map((_, at) => terms.length + features.slice(0, at).flat().length)
  const shared = kernels.map((facts) => terms.map((name) => FEATURES[name](facts)))
  const own = kernels.map((facts) => features.map((names) => names.map((name) => FEATURES[name](facts))))
  const columns = terms.length + features.flat().length
  let coefficients = parts.map((part, at) => features[at]!.map((name) => part[name]!))
  const longest = (kernel: number): number => {
    const times = own[kernel]!.map((values, at) => dot(values, coefficients[at]!))
    return times.indexOf(Math.max(...times))
  }
  let deciding = kernels.map((_, kernel) => longest(kernel))
  let best: { readonly fitted: FittedBranches; readonly error: number } | undefined
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const design = kernels.map((_, kernel) => {
      const row = [...shared[kernel]!, ...new Array<number>(columns - terms.length).fill(0)]
      const at = deciding[kernel]!
      for (const [i, value] of own[kernel]![at]!.entries()) row[offsets[at]! + i] = value
      return row
    })
    const solution = fitNonNegative(design, costs, weights)
    const fitted = solution.slice(0, terms.length)
    // A branch that decides no kernel keeps what it had.
    coefficients = features.map((names, at) =>
      deciding.includes(at)
        ? names.map((name, i) => Math.max(solution[offsets[at]! + i]!, branches.least?.[name] ?? 0))
        : coefficients[at]!,
    )
    const error = kernels.reduce((sum, _, kernel) => {
      const cost = dot(shared[kernel]!, fitted) + Math.max(...own[kernel]!.map((v, at) => dot(v, coefficients[at]!)))
      return sum + weights[kernel]! * Math.abs(cost / costs[kernel]! - 1)
    }, 0)
    if (best === undefined || error < best.error) best = { fitted: { terms: fitted, branches: coefficients }, error }
    const next = kernels.map((_, kernel) => longest(kernel))
    if (next.every((at, kernel) => at === deciding[kernel])) break
    deciding = next
  }
  return best!.fitted
}
