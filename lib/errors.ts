/** What went wrong, in a form that survives thread borders (classes do not). */
export type FailureCode =
  | 'diverged' // loss or a weight became NaN or infinite
  | 'timed-out'
  | 'threw' // the evaluator raised an error
  | 'out-of-memory'
  | 'worker-died' // the thread or process ended without an answer
  | 'crashed-twice' // in flight at a crash, and crashed again when tried alone
  | 'checkpoint' // one could not be read or written: this says nothing of the candidate, and is never recorded
  | 'invalid-graph'
  | 'non-finite-objective'

/** A candidate that could not be measured. Failures are data: they are stored, never thrown. */
export interface Failure {
  readonly ok: false
  readonly code: FailureCode
  readonly message: string
}

export const failure = (code: FailureCode, message: string): Failure => ({ ok: false, code, message })

/** Bad input: one clear sentence saying what is wrong, where, and what would be right. Exit code 2. */
export class UserError extends Error {
  override readonly name = 'UserError'
}

/** The input was fine but the machine could not do it (I/O, native library, network). Exit code 1. */
export class OperationalError extends Error {
  override readonly name = 'OperationalError'
}

/** What an error says; of a schema's complaints (zod) the first, with its place: its own message is a list over many lines. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [issue] =
    (error as { readonly issues?: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] })
      .issues ?? []
  if (issue === undefined) return error.message
  return issue.path.length === 0 ? issue.message : `${issue.path.map(String).join('.')}: ${issue.message}`
}
