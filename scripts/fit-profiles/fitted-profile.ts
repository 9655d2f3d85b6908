import type { Suite } from '../../hardware-profiles/cases/cases.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'

/** A profile with the cases that check it. */
export interface FittedProfile {
  readonly profile: Profile
  readonly suites: readonly Suite[]
}
