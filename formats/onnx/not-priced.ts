import { UserError } from '../../lib/errors.ts'
import type { OnnxFileNode } from './read-onnx.ts'

export const SIMPLIFY = 'run onnx.shape_inference.infer_shapes on the model first'
/** Operators that keep as many elements as they find. */
const BY_CONTENT: ReadonlySet<string> = new Set(['NonMaxSuppression', 'NonZero', 'Unique', 'Compress'])

/** Why an operator without a rule cannot be priced, and what helps. */
export function notPriced({ opType, graphs }: OnnxFileNode): UserError {
  if (graphs.size > 0) {
    return new UserError(
      'what it runs is decided while the network runs; only routed experts as frugal export writes them can be priced',
    )
  }
  return new UserError(
    BY_CONTENT.has(opType)
      ? 'the length of its result depends on values: export the network up to here, what follows runs outside'
      : `this operator is not known, and the file does not say what shape it gives; ${SIMPLIFY}`,
  )
}
