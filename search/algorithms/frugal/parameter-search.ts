import { initialLatents } from './choice-groups.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { type KernelParameters, PARAMETER_GRIDS, SMOOTH_STARTS } from './kernel.ts'
import { LikelihoodSample } from './likelihood.ts'

const NAMES = Object.keys(PARAMETER_GRIDS) as (keyof KernelParameters)[]
/** The likelihood is judged on at most this many points, evenly taken, to bound the time of a step. */
const MOST_POINTS = 128
const PARAMETERS_PER_SEARCH = 2
const ASCENTS_PER_SEARCH = 2
/** Steps of a search for better parameters: one of `improveParameters` each. */
export const STEPS_PER_SEARCH = PARAMETERS_PER_SEARCH + ASCENTS_PER_SEARCH
/** How firmly choices are held to be equally far from each other until the observations say otherwise. */
const LATENT_PRECISION = 20
const ASCENT_TRIES = 3
/** Single moves lead no further up in how fast the smooth part falls: only beginning anew does, which has a margin. */
const MOST_GRADUAL = 10
/** All parameters begin anew only where the log likelihood gains so much at once. */
const RESTART_MARGIN = 4
const FIRST_STEP = 0.1

/** Position of each parameter in its grid, the parameter whose turn it is, and where the choices lie. Plain JSON. */
export interface ParameterState {
  readonly positions: readonly number[]
  readonly turn: number
  /** Coordinates of the choices of each group of genes: the closer, the more similar. */
  readonly latents: readonly number[]
  /** Length of the next step of the latents. */
  readonly step: number
}

const positionsOf = (parameters: KernelParameters): readonly number[] =>
  NAMES.map((name) => PARAMETER_GRIDS[name].indexOf(parameters[name]))
const STARTS = SMOOTH_STARTS.map(positionsOf)

/** @param latents where the choices lie at first */
export const initialParameters = (initial: KernelParameters, latents: readonly number[]): ParameterState => ({
  positions: positionsOf(initial),
  turn: 0,
  latents,
  step: FIRST_STEP,
})

/** Positions from before there was a smooth part, as those of a kernel without one. */
export const completePositions = (positions: readonly number[]): readonly number[] =>
  positions.length === NAMES.indexOf('smooth')
    ? [...positions, 0, PARAMETER_GRIDS.smoothDecay.indexOf(1), PARAMETER_GRIDS.bend.indexOf(1)]
    : positions

export const arePositions = (positions: readonly number[]): boolean =>
  positions.length === NAMES.length &&
  positions.every((position, i) => PARAMETER_GRIDS[NAMES[i]!][position] !== undefined)

export const isParameterState = ({ positions, turn }: Pick<ParameterState, 'positions' | 'turn'>): boolean =>
  arePositions(positions) && turn < NAMES.length

export const parametersOf = ({ positions }: Pick<ParameterState, 'positions'>): KernelParameters =>
  Object.fromEntries(
    NAMES.map((name, i) => [name, PARAMETER_GRIDS[name][positions[i]!]!]),
  ) as unknown as KernelParameters

/** Whether a parameter changes anything for genomes of this encoding. */
function isInUse({ countCount, costCount, hasOrdinal }: Encoding, name: keyof KernelParameters): boolean {
  if (name === 'count') return countCount > 0
  if (name === 'cost' || name === 'costScale') return costCount > 0
  return name === 'smooth' || name === 'smoothDecay' || name === 'bend' ? hasOrdinal : true
}

/** Points that one step judges the likelihood on. */
export const pointsJudged = (rows: number): number => Math.min(rows, MOST_POINTS)

/**
 * One step of a search: the first ones move a parameter to the neighbouring values of the greatest likelihood, the others
 * move the choices of categorical genes towards where the observations are likelier.
 * @param targets one or more lists of values, one value per row; they share the parameters
 * @param step 0 to STEPS_PER_SEARCH − 1
 * @param leastNoise no lower noise is tried
 */
export function improveParameters(
  encoding: Encoding,
  rows: readonly EncodedGenome[],
  targets: readonly Float64Array[],
  state: ParameterState,
  step: number,
  leastNoise: number,
): ParameterState {
  const count = pointsJudged(rows.length)
  const taken = Array.from({ length: count }, (_, i) => Math.floor((i * rows.length) / count))
  const sample = new LikelihoodSample(
    encoding,
    taken.map((i) => rows[i]!),
    targets.map((list) => Float64Array.from(taken, (i) => list[i]!)),
  )
  return step < PARAMETERS_PER_SEARCH
    ? moveParameter(encoding, sample, state, leastNoise)
    : moveChoices(encoding, sample, state)
}

function moveParameter(
  encoding: Encoding,
  sample: LikelihoodSample,
  state: ParameterState,
  leastNoise: number,
): ParameterState {
  const judge = (positions: readonly number[]) => sample.judge(parametersOf({ positions }), state.latents).logLikelihood
  const active = NAMES.flatMap((name, i) => (isInUse(encoding, name) ? [i] : []))
  const parameter = active[state.turn % active.length]!
  const name = NAMES[parameter]!
  const grid = PARAMETER_GRIDS[name]
  const isTried = (value: number | undefined) =>
    value !== undefined &&
    (name !== 'noise' || value >= leastNoise) &&
    (name !== 'smoothDecay' || value <= MOST_GRADUAL || grid[state.positions[parameter]!]! > MOST_GRADUAL)
  let { positions } = state
  let best = judge(positions)
  // The last parameter's turn comes once per round, and only where choices are in order.
  if (name === 'bend') {
    let likelier = best + RESTART_MARGIN
    for (const start of STARTS) {
      const value = judge(start)
      if (value <= likelier) continue
      likelier = value
      best = value
      positions = start
    }
  }
  for (const direction of [1, -1]) {
    for (let at = positions[parameter]! + direction; isTried(grid[at]); at += direction) {
      const moved = positions.with(parameter, at)
      const value = judge(moved)
      if (value <= best) break
      best = value
      positions = moved
    }
  }
  return { ...state, positions, turn: (state.turn + 1) % active.length }
}

function moveChoices(encoding: Encoding, sample: LikelihoodSample, state: ParameterState): ParameterState {
  const { latents } = state
  if (latents.length === 0) return state
  const origin = initialLatents(encoding.groups)
  const parameters = parametersOf(state)
  const penalty = (at: readonly number[]) =>
    0.5 * LATENT_PRECISION * at.reduce((sum, value, k) => sum + (value - origin[k]!) ** 2, 0)
  const judged = sample.judge(parameters, latents)
  const direction = [...judged.slopes()].map((slope, k) => slope - LATENT_PRECISION * (latents[k]! - origin[k]!))
  const length = Math.hypot(...direction)
  if (!(length > 1e-9)) return state
  const least = judged.logLikelihood - penalty(latents)
  let { step } = state
  for (let tries = 0; tries < ASCENT_TRIES; tries++) {
    const moved = latents.map((value, k) => value + (step * direction[k]!) / length)
    const better = sample.judge(parameters, moved).logLikelihood - penalty(moved) > least
    step = better ? Math.min(1, step * 1.5) : Math.max(1e-3, step / 3)
    if (better) return { ...state, latents: moved, step }
  }
  return { ...state, step }
}
