import { encodeModel, type OnnxAttribute, type OnnxNode, type OnnxTensor } from '../../formats/onnx/model.ts'
import { sizeOf } from '../../network/shapes.ts'

/** Small ONNX files for tests. */

export const node = (
  opType: string,
  inputs: readonly string[],
  output: string | readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
  domain = '',
): OnnxNode => ({
  opType,
  domain,
  name: '',
  inputs,
  outputs: typeof output === 'string' ? [output] : output,
  attributes,
})
export const ints = (...values: readonly number[]): readonly bigint[] => values.map(BigInt)
export const floats = (...dims: readonly number[]): OnnxTensor => ({
  type: 'float32',
  dims,
  data: new Float32Array(sizeOf(dims)),
})
export const bytes = (...dims: readonly number[]): OnnxTensor => ({
  type: 'int8',
  dims,
  data: new Int8Array(sizeOf(dims)),
})
export const list = (...values: readonly number[]): OnnxTensor => ({
  type: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values.map(BigInt)),
})
/** One number without axes. */
export const scalar = (value: number): OnnxTensor => ({ type: 'float32', dims: [], data: Float32Array.of(value) })

/** A file from `x` to `y`. */
export function onnxFile(
  dims: readonly (number | string)[],
  nodes: readonly OnnxNode[],
  initializers: Readonly<Record<string, OnnxTensor>> = {},
): Uint8Array {
  return encodeModel({
    producer: 'test',
    producerVersion: '1',
    opsets: { '': 17 },
    graphName: 'g',
    nodes,
    initializers: new Map(Object.entries(initializers)),
    inputs: [{ name: 'x', type: 'float32', dims }],
    outputs: [{ name: 'y', type: 'float32', dims: ['n'] }],
  })
}
