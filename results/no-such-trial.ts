import { UserError } from '../lib/errors.ts'

/** What to say of a trial number that an experiment with `finished` trials does not have. */
export function noSuchTrial(experiment: number, trial: number, finished: number): UserError {
  const known = finished === 0 ? 'none has finished yet' : `its finished trials are 0 to ${finished - 1}`
  return new UserError(`experiment ${experiment} has no trial ${trial}: ${known}`)
}
