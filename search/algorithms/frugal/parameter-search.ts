import type { EncodedGenome, Encoding } from './encoding.ts'
import { GaussianProcess } from './gaussian-process.ts'
import { type KernelParameters, PARAMETER_GRIDS } from './kernel.ts'

const NAMES = Object.keys(PARAMETER_GRIDS) as (keyof KernelParameters)[]
/** The likelihood is judged on at most this many points, evenly taken, to bound the time of a step. */
const MOST_POINTS = 128
const PARAMETERS_PER_STEP = 2

/** Position of each parameter in its grid, and the parameter whose turn it is. Plain JSON. */
export interface ParameterState {
  readonly positions: readonly number[]
  readonly turn: number
}

export const initialParameters = (initial: KernelParameters): ParameterState => ({
  positions: NAMES.map((name) => PARAMETER_GRIDS[name].indexOf(initial[name])),
  turn: 0,
})

export const isParameterState = ({ positions, turn }: ParameterState): boolean =>
  positions.length === NAMES.length &&
  positions.every((position, i) => PARAMETER_GRIDS[NAMES[i]!][position] !== undefined) &&
  turn < NAMES.length

export const parametersOf = ({ positions }: ParameterState): KernelParameters =>
  Object.fromEntries(
    NAMES.map((name, i) => [name, PARAMETER_GRIDS[name][positions[i]!]!]),
  ) as unknown as KernelParameters

/** Moves a few parameters, one after the other, to the neighbouring values of the greatest likelihood. */
export function improveParameters(
  encoding: Encoding,
  rows: readonly EncodedGenome[],
  targets: Float64Array,
  state: ParameterState,
): ParameterState {
  const count = Math.min(rows.length, MOST_POINTS)
  const taken = Array.from({ length: count }, (_, i) => Math.floor((i * rows.length) / count))
  const chosenTargets = Float64Array.from(taken, (i) => targets[i]!)
  const likelihood = (positions: readonly number[]): number => {
    const process = new GaussianProcess(encoding, parametersOf({ positions, turn: 0 }))
    for (const i of taken) process.add(rows[i]!)
    return process.fit(chosenTargets).logLikelihood
  }
  let positions = state.positions
  let best = likelihood(positions)
  for (let step = 0; step < PARAMETERS_PER_STEP; step++) {
    const parameter = (state.turn + step) % NAMES.length
    const grid = PARAMETER_GRIDS[NAMES[parameter]!]
    for (const direction of [1, -1]) {
      for (let at = positions[parameter]! + direction; grid[at] !== undefined; at += direction) {
        const moved = positions.with(parameter, at)
        const value = likelihood(moved)
        if (value <= best) break
        best = value
        positions = moved
      }
    }
  }
  return { positions, turn: (state.turn + PARAMETERS_PER_STEP) % NAMES.length }
}
