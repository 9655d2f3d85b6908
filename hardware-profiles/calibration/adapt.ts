import { calibrate, nearestProfile, type Sample } from '../calibrate.ts'
import { type ErrorSummary, summariseCases } from '../cases/statistics.ts'
import type { Profile } from '../profile.ts'
import { blend } from './blend.ts'
import type { KnownDevice } from './known-devices.ts'

export interface Adaptation {
  readonly profile: Profile
  /** The profile whose memory, energy and fusion it has. */
  readonly base: Profile
  /** `scaled`: the base with its groups of kernels scaled; `blended`: between all devices that are known. */
  readonly method: 'scaled' | 'blended'
  /** Errors on samples that were left out. */
  readonly error: ErrorSummary
}

/** The scaled profile is the best of many, chosen by the same left-out error that it is judged by: it must be better by this. */
const CLEARLY_BETTER = 0.5

/**
 * A profile of a device from whole networks that were timed on it, blended
 * unless scaling one profile predicts left-out networks clearly better (a board of a known kind).
 * @param known devices to blend with; empty to only scale the nearest profile
 */
export function adapt(
  profiles: readonly Profile[],
  known: readonly KnownDevice[],
  samples: readonly Sample[],
  identity: { id: string; title: string },
): Adaptation {
  const base = nearestProfile(profiles, samples)
  const scaled = calibrate(base, samples, identity)
  if (known.length === 0) return { ...scaled, base, method: 'scaled' }
  const { profile, leftOut } = blend(base, profiles, known, samples, identity)
  const error = summariseCases(leftOut)
  return scaled.error.mape < CLEARLY_BETTER * error.mape
    ? { ...scaled, base, method: 'scaled' }
    : { profile, base, method: 'blended', error }
}
