import { z } from 'zod'
import { UserError } from '../../lib/errors.ts'

const curveSchema = z.strictObject({ intercept: z.number(), slope: z.number(), limit: z.number() })

const stateSchema = z.strictObject({
  algorithm: z.unknown(),
  /** Per rung but the last; null until a network was measured there and one higher. */
  curves: z.array(curveSchema.nullable()),
  nextRefits: z.array(z.int().min(1)),
  exhausted: z.boolean(),
})

/** What a scheduler keeps beside the trials. Plain JSON. */
export type SchedulerState = z.infer<typeof stateSchema>

/** @throws UserError when the value is no such state, or one of another number of rungs. */
export function parseSchedulerState(value: unknown, rungs: number): SchedulerState {
  const parsed = stateSchema.safeParse(value)
  const curves = parsed.success ? parsed.data.curves.length : 0
  if (parsed.success && curves === rungs - 1 && parsed.data.nextRefits.length === curves) return parsed.data
  const found = parsed.success
    ? `it has ${curves + 1} rungs`
    : `${parsed.error.issues[0]?.path.join('.') || 'it'}: ${parsed.error.issues[0]?.message}`
  throw new UserError(
    `the stored state of this search cannot be continued (${found}; its ladder has ${rungs}): was it written by another version?`,
  )
}
