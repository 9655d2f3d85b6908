import type { Schedule } from '../network/schedule.ts'
import type { Profile } from './profile.ts'

/** A schedule without the results that have buffers of their own, and these: positions in `tensors`. */
interface ApartResults {
  readonly schedule: Schedule
  readonly own: readonly number[]
}

/** Takes the results out that have buffers of their own by `ownResults`; a network with one result has none. */
export function apartResults(schedule: Schedule, ownResults: Profile['memory']['ownResults']): ApartResults {
  const { kernels, tensors, outputs } = schedule
  if (ownResults === undefined || outputs.length < 2) return { schedule, own: [] }
  const madeAt = (tensor: number): number => kernels.findLastIndex(({ output }) => output === tensor)
  const last = outputs.reduce((a, b) => (madeAt(b) > madeAt(a) ? b : a))
  const own = ownResults === 'all' ? outputs : [last]
  return {
    own,
    schedule: { ...schedule, tensors: tensors.map((one, i) => (own.includes(i) ? { ...one, elements: 0 } : one)) },
  }
}
