/** `2015-02-04`, `2015-02-04 17:51:00`, `2015-02-04T17:51:00.250+01:00` */
const ISO_DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/

/** A time as a number that grows with it: numbers as they are, dates in milliseconds; undefined for anything else. */
export function timeOf(field: string): number | undefined {
  const text = field.trim()
  if (text === '') return undefined
  const number = Number(text)
  if (Number.isFinite(number)) return number
  const match = ISO_DATE.exec(text)
  if (match === null) return undefined
  const [, day, clock = '00:00', zone = 'Z'] = match
  // Without a zone all times are of the same one, whichever it is: UTC has no summer time that would look like a gap.
  const time = Date.parse(`${day}T${clock}${zone}`)
  return Number.isNaN(time) ? undefined : time
}

/** A step of more than so many usual ones is a gap. */
const GAP_STEPS = 10
/** Where more of the steps go back, lines are not in the order of time: recordings are longer than that. */
const MOST_BACKWARD = 1 / 3

/**
 * Where a new recording begins: where time goes back, or on by more than ten times the usual (median) step.
 * @param times of readings in their order; NaN where a time is not known.
 * @returns positions other than 0, in ascending order; undefined where the readings are in no order of time.
 */
export function timeBreaks(times: Float64Array): readonly number[] | undefined {
  const steps = Float64Array.from({ length: Math.max(0, times.length - 1) }, (_, i) => times[i + 1]! - times[i]!)
  const forward = steps.filter((step) => step > 0).sort()
  const backward = steps.filter((step) => step < 0).length
  if (backward > MOST_BACKWARD * steps.length) return undefined
  const usual = forward[Math.floor(forward.length / 2)]
  // All at one time.
  if (usual === undefined) return []
  // Where most readings share their time, as with dates alone, the steps between days say nothing.
  const farthest = forward.length * 2 > steps.length ? GAP_STEPS * usual : Number.POSITIVE_INFINITY
  const breaks: number[] = []
  for (const [i, step] of steps.entries()) if (step < 0 || step > farthest) breaks.push(i + 1)
  return breaks
}
