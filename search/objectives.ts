import type { Measurement } from '../evaluators/evaluator.ts'
import { type Failure, failure, UserError } from '../lib/errors.ts'
import { unknownName } from '../lib/nearest-name.ts'

export type ObjectiveName = 'accuracy' | 'latencyMs' | 'energyMj' | 'peakRamBytes' | 'flashBytes' | 'macs'

/** Everything an objective may be made of, for one trial on one device. */
export interface ObjectiveInputs {
  readonly accuracy: number
  readonly latencyMs: number
  readonly energyMj: number
  readonly peakRamBytes: number
  readonly flashBytes: number
  readonly macs: number
}

export const OBJECTIVE_NAMES: readonly ObjectiveName[] = [
  'accuracy',
  'latencyMs',
  'energyMj',
  'peakRamBytes',
  'flashBytes',
  'macs',
]

/**
 * The minimisation vector of a trial on a device. This is the only place where a sign flips: accuracy becomes the error
 * 1 − accuracy. A `Failure` when any entry is not a finite number.
 */
export function objectiveVector(names: readonly ObjectiveName[], inputs: ObjectiveInputs): readonly number[] | Failure {
  const vector = names.map((name) => (name === 'accuracy' ? 1 - inputs.accuracy : inputs[name]))
  const bad = vector.findIndex((value) => !Number.isFinite(value))
  return bad < 0 ? vector : failure('non-finite-objective', `${names[bad]} is ${inputs[names[bad]!]}`)
}

/**
 * What stands for the accuracy of a network on a lower rung: the share of the labels' entropy that it explains,
 * 1 − cross entropy ÷ ln classes (McFadden 1974, for equally frequent classes); the accuracy itself where an evaluator
 * knows no cross entropy. The error that it makes, 0 for a perfect network and 1 for a guess, shrinks in further training
 * much as the error of a classification does, which is what `fitCorrection` expects of it.
 */
export const earlyAccuracy = (
  { accuracy, crossEntropy }: Pick<Measurement, 'accuracy' | 'crossEntropy'>,
  classCount: number,
): number => (crossEntropy === undefined ? accuracy : 1 - crossEntropy / Math.log(Math.max(classCount, 2)))

/** Turns an entry of a minimisation vector back into the unit of its objective. */
export const fromMinimised = (name: string, value: number): number => (name === 'accuracy' ? 1 - value : value)

/** Short names people type, besides the full ones. */
const SHORT_NAMES: Readonly<Record<string, ObjectiveName>> = {
  error: 'accuracy',
  latency: 'latencyMs',
  energy: 'energyMj',
  ram: 'peakRamBytes',
  memory: 'peakRamBytes',
  flash: 'flashBytes',
}

/** The names of a user's words are looked up among the table's own: `constructor` is none of them. */
const objectiveNamed = (name: string): ObjectiveName | undefined =>
  Object.hasOwn(SHORT_NAMES, name) ? SHORT_NAMES[name] : OBJECTIVE_NAMES.find((objective) => objective === name)

/** Reads one cost, such as `latency` or `latencyMs`. @throws UserError naming the flag. */
export function parseCost(text: string, flag: string): Exclude<ObjectiveName, 'accuracy'> {
  const name = objectiveNamed(text.trim())
  if (name !== undefined && name !== 'accuracy') return name
  const costs = ['latency', 'energy', 'ram', 'flash', 'macs']
  throw new UserError(`${flag} '${text}' is no cost: write ${costs.slice(0, -1).join(', ')} or ${costs.at(-1)}`)
}

/**
 * Reads `accuracy,latency,energy,ram` into objective names.
 * @throws UserError for an unknown or repeated name, or when accuracy or any cost is missing.
 */
export function parseObjectives(text: string): readonly ObjectiveName[] {
  const names = text.split(',').map((part) => {
    const name = part.trim()
    const known = objectiveNamed(name)
    if (known === undefined)
      throw new UserError(unknownName('objective', name, [...OBJECTIVE_NAMES, ...Object.keys(SHORT_NAMES)]))
    return known
  })
  if (new Set(names).size !== names.length)
    throw new UserError(`--objectives '${text}' names one objective twice: name each once`)
  if (names[0] !== 'accuracy' || names.length < 2) {
    throw new UserError(
      `--objectives '${text}' must start with accuracy and name at least one cost: for example accuracy,latency`,
    )
  }
  return names
}
