import { UserError } from '../lib/errors.ts'
import { isImported } from './op-kinds.ts'
import type { ImportedOp, NetworkNode, Op } from './types.ts'

/**
 * The op of a node that an engine is about to write.
 * @throws UserError for what only model files hold: their kinds, and variants of kinds that are otherwise trained.
 */
export function trainableOp({ id, op, shape }: NetworkNode): Exclude<Op, ImportedOp> {
  const refuse = (what: string): UserError =>
    new UserError(`node '${id}': ${what} can be priced but not trained; search spaces do without it`)
  if (isImported(op.kind)) throw refuse(`'${op.kind}'`)
  const variant = (['dilation', 'groups', 'multiplier', 'axis', 'elementBytes'] as const).find(
    (field) => (op as Readonly<Record<string, unknown>>)[field] !== undefined,
  )
  if (variant !== undefined) throw refuse(`'${op.kind}' with ${variant}`)
  if (shape.length !== 1 && shape.length !== 3) throw refuse(`'${op.kind}' on ${shape.length} axes`)
  if (op.kind === 'batchNorm' && shape.length !== 3) throw refuse("'batchNorm' on a vector")
  return op as Exclude<Op, ImportedOp>
}
