import { z } from 'zod'
import { UserError } from '../../lib/errors.ts'

const stateSchema = z.strictObject({
  algorithm: z.unknown(),
  /** Per rung but the last, how many networks measured there and one higher its correction was learnt from. */
  fitted: z.array(z.int().min(0)),
  exhausted: z.boolean(),
})

/** What a scheduler keeps beside the trials. Plain JSON. */
export type SchedulerState = z.infer<typeof stateSchema>

/** @throws UserError when the value is no such state, or one of another number of rungs. */
export function parseSchedulerState(value: unknown, rungs: number): SchedulerState {
  const parsed = stateSchema.safeParse(value)
  if (parsed.success && parsed.data.fitted.length === rungs - 1) return parsed.data
  const found = parsed.success
    ? `it has ${parsed.data.fitted.length + 1} rungs`
    : `${parsed.error.issues[0]?.path.join('.') || 'it'}: ${parsed.error.issues[0]?.message}`
  throw new UserError(
    `the stored state of this search cannot be continued (${found}; its ladder has ${rungs}): was it written by another version?`,
  )
}
