import { UserError } from '../../lib/errors.ts'
import { FlatTable } from './flatbuffer.ts'
import {
  type FlatFields,
  type Foreign,
  int8,
  int32,
  int32s,
  tables,
  text,
  uint32,
  writeFlatbuffer,
} from './flatbuffer-writer.ts'
import { readTflite, TFLITE_IDENTIFIER } from './model.ts'
import { operatorCode } from './operator-names.ts'

const MOST = 100_000

/**
 * The same network with float in and out: a QUANTIZE before and a DEQUANTIZE behind it where they are not float already. The
 * file itself is copied as it is behind a new beginning that points into it, whatever its operators are.
 * @throws UserError when it is damaged, or has not one input and one output.
 */
export function withFloatInterface(bytes: Uint8Array): Uint8Array {
  const { inputs, outputs, tensors } = readTflite(bytes)
  if (inputs.length !== 1 || outputs.length !== 1)
    throw new UserError(`the network has ${inputs.length} inputs and ${outputs.length} outputs; it needs one of each`)
  const root = FlatTable.root(bytes, TFLITE_IDENTIFIER)
  const main = root.tables(2, MOST)[0]!
  const foreign = (list: readonly FlatTable[]): readonly Foreign[] =>
    list.map(({ position }) => ({ type: 'foreign', position }))
  const codes = root.tables(1, MOST)
  const code = (name: string, version: number): FlatFields => ({
    0: int8(operatorCode(name)),
    2: int32(version),
    3: int32(operatorCode(name)),
  })
  const [input, output] = [inputs[0]!, outputs[0]!]
  const [wideIn, wideOut] = [tensors[input]!.type === 'float32', tensors[output]!.type === 'float32']
  if (wideIn && wideOut) return bytes
  const real = (name: string, dims: readonly number[]): FlatFields => ({ 0: int32s(dims), 1: int8(0), 3: text(name) })
  const operator = (opcode: number, from: number, to: number): FlatFields => ({
    0: uint32(opcode),
    1: int32s([from]),
    2: int32s([to]),
  })
  const [entry, end] = [tensors.length, tensors.length + 1]
  const subgraph: FlatFields = {
    0: tables([
      ...foreign(main.tables(0, MOST)),
      real('real_input', tensors[input]!.dims),
      real('real_output', tensors[output]!.dims),
    ]),
    1: int32s([wideIn ? input : entry]),
    2: int32s([wideOut ? output : end]),
    3: tables([
      ...(wideIn ? [] : [operator(codes.length, entry, input)]),
      ...foreign(main.tables(3, MOST)),
      ...(wideOut ? [] : [operator(codes.length + 1, output, end)]),
    ]),
  }
  const buffers = root.target(4)
  if (buffers === undefined) throw new UserError('the file has no list of stored values')
  const wrapped: FlatFields = {
    0: uint32(root.uint32(0, 3)),
    1: tables([...foreign(codes), code('QUANTIZE', 1), code('DEQUANTIZE', 2)]),
    2: tables([subgraph]),
    4: { type: 'foreign', position: buffers },
  }
  return writeFlatbuffer(wrapped, TFLITE_IDENTIFIER, bytes)
}
