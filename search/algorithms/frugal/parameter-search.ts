import { initialLatents } from './choice-groups.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { type Fit, GaussianProcess } from './gaussian-process.ts'
import { type KernelParameters, PARAMETER_GRIDS } from './kernel.ts'
import { likelihoodGradient } from './similarity.ts'

const NAMES = Object.keys(PARAMETER_GRIDS) as (keyof KernelParameters)[]
/** The likelihood is judged on at most this many points, evenly taken, to bound the time of a step. */
const MOST_POINTS = 128
const PARAMETERS_PER_STEP = 2
/** How firmly choices are held to be equally far from each other until the observations say otherwise. */
const LATENT_PRECISION = 20
const ASCENTS_PER_STEP = 2
const ASCENT_TRIES = 3
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

/** @param latents where the choices lie at first */
export const initialParameters = (initial: KernelParameters, latents: readonly number[]): ParameterState => ({
  positions: NAMES.map((name) => PARAMETER_GRIDS[name].indexOf(initial[name])),
  turn: 0,
  latents,
  step: FIRST_STEP,
})

export const isParameterState = ({ positions, turn }: Pick<ParameterState, 'positions' | 'turn'>): boolean =>
  positions.length === NAMES.length &&
  positions.every((position, i) => PARAMETER_GRIDS[NAMES[i]!][position] !== undefined) &&
  turn < NAMES.length

export const parametersOf = ({ positions }: Pick<ParameterState, 'positions'>): KernelParameters =>
  Object.fromEntries(
    NAMES.map((name, i) => [name, PARAMETER_GRIDS[name][positions[i]!]!]),
  ) as unknown as KernelParameters

/** Whether a parameter changes anything for genomes of this encoding. */
const isInUse = ({ countCount, costCount }: Encoding, name: keyof KernelParameters): boolean =>
  name === 'count' ? countCount > 0 : name === 'cost' || name === 'costScale' ? costCount > 0 : true

interface Judged {
  readonly process: GaussianProcess
  readonly fits: readonly Fit[]
  /** Logarithm of likelihood times prior, up to a constant. */
  readonly value: number
}

/**
 * Moves a few parameters, one after the other, to the neighbouring values of the greatest likelihood, and the choices of
 * categorical genes towards where the observations are likelier.
 * @param targets one or more lists of values, one value per row; they share the parameters
 */
export function improveParameters(
  encoding: Encoding,
  rows: readonly EncodedGenome[],
  targets: readonly Float64Array[],
  state: ParameterState,
): ParameterState {
  const count = Math.min(rows.length, MOST_POINTS)
  const taken = Array.from({ length: count }, (_, i) => Math.floor((i * rows.length) / count))
  const chosen = taken.map((i) => rows[i]!)
  const chosenTargets = targets.map((list) => Float64Array.from(taken, (i) => list[i]!))
  const origin = initialLatents(encoding.groups)
  const judge = (positions: readonly number[], latents: readonly number[]): Judged => {
    const process = new GaussianProcess(encoding, parametersOf({ positions }), latents)
    for (const row of chosen) process.add(row)
    const fits = chosenTargets.map((list) => process.fit(list))
    const likelihood = fits.reduce((sum, { logLikelihood }) => sum + logLikelihood, 0)
    const squared = latents.reduce((sum, value, k) => sum + (value - origin[k]!) ** 2, 0)
    return { process, fits, value: likelihood - 0.5 * LATENT_PRECISION * squared }
  }
  const active = NAMES.flatMap((name, i) => (isInUse(encoding, name) ? [i] : []))
  let { positions, latents, step } = state
  let best = judge(positions, latents)
  for (let turn = 0; turn < PARAMETERS_PER_STEP; turn++) {
    const parameter = active[(state.turn + turn) % active.length]!
    const grid = PARAMETER_GRIDS[NAMES[parameter]!]
    for (const direction of [1, -1]) {
      for (let at = positions[parameter]! + direction; grid[at] !== undefined; at += direction) {
        const moved = positions.with(parameter, at)
        const judged = judge(moved, latents)
        if (judged.value <= best.value) break
        best = judged
        positions = moved
      }
    }
  }
  for (let ascent = 0; ascent < ASCENTS_PER_STEP && latents.length > 0; ascent++) {
    const { process, fits } = best
    const parameters = parametersOf({ positions })
    const gradients = fits.map((fit) => likelihoodGradient(encoding, process, fit, chosen, parameters, latents))
    const direction = latents.map((value, k) => {
      const slope = gradients.reduce((sum, gradient) => sum + gradient[k]!, 0)
      return slope - LATENT_PRECISION * (value - origin[k]!)
    })
    const length = Math.hypot(...direction)
    if (!(length > 1e-9)) break
    for (let tries = 0; tries < ASCENT_TRIES; tries++) {
      const moved = latents.map((value, k) => value + (step * direction[k]!) / length)
      const judged = judge(positions, moved)
      const better = judged.value > best.value
      step = better ? Math.min(1, step * 1.5) : Math.max(1e-3, step / 3)
      if (!better) continue
      best = judged
      latents = moved
      break
    }
  }
  return { positions, turn: (state.turn + PARAMETERS_PER_STEP) % active.length, latents, step }
}
