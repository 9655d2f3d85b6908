import { UserError } from '../../lib/errors.ts'
import { shapeText, sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'

/** Checks that every engine makes of what a program is given. @throws UserError naming what would be right. */
export function checkInputs(inputs: Float32Array, count: number, inputShape: Shape): void {
  const wanted = count * sizeOf(inputShape)
  if (inputs.length !== wanted) {
    throw new UserError(
      `got ${inputs.length} input numbers for ${count} samples of ${shapeText(inputShape)}; that takes ${wanted}`,
    )
  }
}

/** @throws UserError when there is not one label for each sample of the batch. */
export function checkLabels(labels: Int32Array, batchSize: number): void {
  if (labels.length !== batchSize) {
    throw new UserError(`a step got ${labels.length} labels; the program was compiled for ${batchSize} samples`)
  }
}

/** @throws UserError unless a step gets a teacher's logits exactly where the recipe distils. `wanted` is 0 where not. */
export function checkTeacherLogits(logits: Float32Array | undefined, wanted: number): void {
  if ((logits?.length ?? 0) === wanted) return
  throw new UserError(`a step got ${logits?.length ?? 'no'} logits of a teacher; this recipe takes ${wanted}`)
}

/** @throws UserError for a weight that the network does not have, or of another size; `wanted` is undefined for none. */
export function checkWeight(name: string, values: Float32Array, wanted: number | undefined): void {
  if (wanted === undefined) throw new UserError(`'${name}' is no weight of this network`)
  if (values.length !== wanted) {
    throw new UserError(`weight '${name}' has ${values.length} elements; this network needs ${wanted}`)
  }
}

/** @throws UserError for a batch size that is no whole number from 1. */
export function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UserError(`the batch size is ${batchSize}; it must be a whole number from 1`)
}
