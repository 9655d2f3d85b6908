import { UserError } from '../lib/errors.ts'
import { kneeOf } from '../results/knee.ts'
import { noSuchTrial } from '../results/no-such-trial.ts'
import type { Front } from '../results/store.ts'
import type { TrialRecord } from '../search/journal.ts'

/** A trial chosen for a device, and why, in words for the model card. */
export interface Selection {
  readonly record: TrialRecord
  readonly rule: string
}

/** What was asked for: a trial, the knee, or neither: the most accurate. */
export interface Wanted {
  readonly trial?: number | undefined
  readonly knee?: boolean
}

/**
 * The trial to export. Without `trial`: the most accurate network on the device's front (all of them are within the
 * limits), of equals the one with the lowest latency, then the lowest trial number; or the front's knee.
 * @throws UserError when the front is empty, or the trial does not exist, failed, or breaks a limit of the device.
 */
export function selectTrial(front: Front, trials: readonly TrialRecord[], { trial, knee = false }: Wanted): Selection {
  if (trial === undefined) {
    const [first, ...rest] = front.points
    if (first === undefined) {
      throw new UserError(
        `the front of '${front.device}' in experiment ${front.experiment} is empty: no trained network is within its limits`,
      )
    }
    const best = knee
      ? kneeOf(front)!
      : rest.reduce((leader, point) => (point.accuracy > leader.accuracy ? point : leader), first)
    return {
      record: trials.find((record) => record.trial === best.trial)!,
      rule: knee
        ? 'the knee of the front, where it bulges most towards the ideal point'
        : 'highest validation accuracy on the front, then lowest latency',
    }
  }
  const record = trials.find((candidate) => candidate.trial === trial)
  if (record === undefined) throw noSuchTrial(front.experiment, trial, trials.length)
  if (!record.result.ok) throw new UserError(`trial ${trial} failed (${record.result.code}): choose another one`)
  const costs = record.costs.find(({ device }) => device === front.device)!
  if (costs.violation > 0) {
    throw new UserError(
      `trial ${trial} is over the limits of '${front.device}': choose a trial of its front (frugal front ${front.experiment} --device ${front.device})`,
    )
  }
  return { record, rule: `trial ${trial}, as asked` }
}
