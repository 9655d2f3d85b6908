import { UserError } from '../../lib/errors.ts'
import { formatNumber } from '../../lib/units.ts'
import {
  frontOf,
  fullRange,
  interestingError,
  type Normalisation,
  type NormalisationKind,
  normalisedVolume,
  type ObjectiveColumns,
  regionOfInterest,
} from './normalisation.ts'
import type { TabularProblem } from './problem.ts'

/** How the searches of one device are scored: what there was to be found. */
export interface Scale {
  readonly normalisation: Normalisation
  /** Volume of the true front. */
  readonly volume: number
  /** The true front inside the box, one architecture for equal ones. */
  readonly front: readonly number[]
  /** Upper bounds, one per cost, and the lowest error within them; an endless bound is `Infinity`. */
  readonly limits: readonly { readonly costs: readonly number[]; readonly error: number | undefined }[]
}

export interface ScaleSettings {
  readonly kind: NormalisationKind
  /** Error in percent that bounds the region of interest; by default 85 % of the architectures are within it. */
  readonly errorLimit?: number | undefined
  /** Bounds on the costs under which errors are compared; by default a quarter, half and three quarters of the box. */
  readonly limits?: readonly (readonly number[])[] | undefined
}

/** What one search found on one device after some evaluations. */
export interface Score {
  /** Normalised hypervolume as a share of that of the true front. */
  readonly volume: number
  /** Share of the true front found. */
  readonly frontShare: number
  /** Error in percent of the network that would be chosen under each limit; undefined where none is within it. */
  readonly errors: readonly (number | undefined)[]
}

const DEFAULT_LIMITS = [0.25, 0.5, 0.75]

/** @throws UserError when the box is empty or has no extent. */
export function scaleOf(problem: TabularProblem, device: number, { kind, errorLimit, limits }: ScaleSettings): Scale {
  const columns = scored(problem, device)
  const all = [...problem.scoreErrors.keys()]
  const normalisation =
    kind === 'full'
      ? fullRange(columns)
      : regionOfInterest(columns, errorLimit ?? interestingError(problem.scoreErrors))
  const { ideal, reference } = normalisation
  const volume = ideal.every((value, j) => value < reference[j]!) ? normalisedVolume(columns, all, normalisation) : 0
  if (volume === 0) {
    const box = `${ideal.map(formatNumber).join(', ')} to ${reference.map(formatNumber).join(', ')} (error, costs)`
    const varies = ideal.every((value, j) => value < reference[j]!)
    throw new UserError(
      varies
        ? `no network is better than all of the worst corner of the box from ${box}, so there is nothing to compare: choose another --normalisation`
        : `nothing can be compared in the box from ${box}: choose columns that vary, or another --normalisation`,
    )
  }
  const inside = frontOf(columns, all).filter((i) => columns.every((column, j) => column[i]! <= reference[j]!))
  const bounds =
    limits ??
    DEFAULT_LIMITS.map((share) =>
      ideal.slice(1).map((least, j) => Number((least + share * (reference[j + 1]! - least)).toPrecision(3))),
    )
  return {
    normalisation,
    volume,
    front: [...distinct(columns, inside).values()],
    limits: bounds.map((costs) => ({ costs, error: chosenError(problem, device, all, costs, problem.scoreErrors) })),
  }
}

/**
 * Scores what a search has evaluated: the front is chosen by the errors that the search saw, and counts with the errors
 * that matter in the end.
 */
export function scoreOf(problem: TabularProblem, device: number, evaluated: readonly number[], scale: Scale): Score {
  const columns = scored(problem, device)
  const seen = problem.errors.at(-1)!
  const chosen = frontOf([seen, ...problem.costs[device]!], evaluated)
  const found = distinct(columns, chosen)
  const front = distinct(columns, scale.front)
  return {
    volume: normalisedVolume(columns, chosen, scale.normalisation) / scale.volume,
    frontShare: [...front.keys()].filter((key) => found.has(key)).length / front.size,
    errors: scale.limits.map(({ costs }) => chosenError(problem, device, evaluated, costs, seen)),
  }
}

const scored = ({ scoreErrors, costs }: TabularProblem, device: number): ObjectiveColumns => [
  scoreErrors,
  ...costs[device]!,
]

/** One architecture for each objective vector. */
const distinct = (columns: ObjectiveColumns, architectures: readonly number[]): ReadonlyMap<string, number> =>
  new Map(architectures.map((i) => [columns.map((column) => column[i]!).join(), i]))

/** The final error of the architecture within the bounds that has the lowest of `errors`. */
function chosenError(
  { costs, scoreErrors }: TabularProblem,
  device: number,
  architectures: readonly number[],
  bounds: readonly number[],
  errors: Float64Array,
): number | undefined {
  let best: number | undefined
  for (const i of architectures) {
    const within = costs[device]!.every((column, j) => column[i]! <= bounds[j]!)
    if (within && (best === undefined || errors[i]! < errors[best]!)) best = i
  }
  return best === undefined ? undefined : scoreErrors[best]!
}
