import { UserError } from '../../lib/errors.ts'
import { ProtobufWriter } from './protobuf.ts'
import { type ProtobufField, protobufFields } from './protobuf-reader.ts'
import { type ReadExternal, readTensor } from './read-tensor.ts'

const GRAPH = 7
const INITIALIZER = 5
const RAW = 9
const PLACE = 13
const LOCATION = 14

/**
 * The same ONNX file with the stored tensors of its graph inside it that lie in other files.
 * @param most bytes that the tensors may have in all.
 * @throws UserError when one cannot be read, or they are more.
 */
export function withEmbeddedWeights(bytes: Uint8Array, external: ReadExternal, most: number): Uint8Array {
  let left = most
  const embedded = (tensor: Uint8Array): Uint8Array => {
    if (![...protobufFields(tensor)].some(({ number, value }) => number === LOCATION && value === 1)) return tensor
    const data = readTensor(tensor, external).tensor.bytes ?? new Uint8Array()
    left -= data.length
    if (left < 0)
      throw new UserError(`its weights in other files have more than ${most} bytes, the most that is converted`)
    return rewritten(
      tensor,
      (field) => (field.number === PLACE || field.number === LOCATION ? [] : [field]),
      (writer) => writer.bytes(RAW, data),
    )
  }
  const graph = (content: Uint8Array): Uint8Array =>
    rewritten(content, (field) => [field.number === INITIALIZER ? { ...field, bytes: embedded(field.bytes) } : field])
  return rewritten(bytes, (field) => [field.number === GRAPH ? { ...field, bytes: graph(field.bytes) } : field])
}

/** A message with other fields in place of its own. */
function rewritten(
  message: Uint8Array,
  change: (field: ProtobufField) => readonly ProtobufField[],
  append: (writer: ProtobufWriter) => void = () => {},
): Uint8Array {
  const writer = new ProtobufWriter()
  for (const field of protobufFields(message)) {
    for (const { number, value, bytes } of change(field)) {
      if (Number.isNaN(value)) writer.bytes(number, bytes)
      // These messages have no fractions of their own.
      else if (Number.isSafeInteger(value)) writer.integer(number, value)
    }
  }
  append(writer)
  return writer.finish()
}
