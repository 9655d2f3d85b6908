import type { TfliteModel, TfliteTensor } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { shapeText } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'

/** A tensor of the file. @throws UserError when there is none at this position. */
export function tensorOf({ tensors }: TfliteModel, position: number): TfliteTensor {
  const tensor = tensors[position]
  if (tensor === undefined) throw new UserError('an operand is missing')
  return tensor
}

/** Shape of one sample. @throws UserError unless the file says one sample. */
export function sampleShape({ name, dims }: TfliteTensor): Shape {
  if (dims.length < 2 || dims[0] !== 1 || dims.some((length) => length < 1)) {
    throw new UserError(`tensor '${name}' has shape ${shapeText(dims)}; a batch of one and fixed lengths are converted`)
  }
  return dims.slice(1)
}
