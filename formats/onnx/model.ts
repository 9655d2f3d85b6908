import { ProtobufWriter } from './protobuf.ts'

/** Element types of TensorProto (onnx.proto, TensorProto.DataType). */
const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  int4: 22,
} as const
export type ElementType = keyof typeof ELEMENT_TYPES

export type TensorData = Float32Array | Float64Array | Int8Array | Uint8Array | Uint16Array | Int32Array | BigInt64Array

/** A stored tensor, row-major. `bool` elements are bytes 0 and 1, `float16` ones their bits, `int4` ones two in a byte. */
export interface OnnxTensor {
  readonly type: ElementType
  readonly dims: readonly number[]
  readonly data: TensorData
}

/** An integer attribute is a bigint here, a float one a number: ONNX tells them apart. */
export type OnnxAttribute = bigint | number | string | readonly bigint[] | readonly number[] | OnnxTensor | OnnxSubgraph

export interface OnnxNode {
  readonly opType: string
  /** Empty for the standard operators. */
  readonly domain: string
  readonly name: string
  /** An empty name stands for an optional operand left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

/** Shape and type of a graph input or output; a text dimension is symbolic (for example `batch`). */
export interface OnnxValueInfo {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly (number | string)[]
}

/** A graph inside a node, as a branch of an `If`; its nodes may read what stands before the node around it. */
export interface OnnxSubgraph {
  readonly graphName: string
  /** In an order in which every operand is known before it is read. */
  readonly nodes: readonly OnnxNode[]
  readonly initializers: ReadonlyMap<string, OnnxTensor>
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
}

export interface OnnxModel extends OnnxSubgraph {
  readonly producer: string
  readonly producerVersion: string
  /** Operator sets by domain; the standard one is `''`. */
  readonly opsets: Readonly<Record<string, number>>
  readonly metadata?: Readonly<Record<string, string>>
}

/** IR version 9 goes with operator set 17 and later, and every runtime of the last years reads it. int4 came with 10. */
const IR_VERSION = 9
const IR_VERSION_OF_INT4 = 10
/** First operator set with int4. */
export const INT4_OPSET = 21

/** Serialises a model as an ONNX file (ModelProto; field numbers from onnx.proto, Apache-2.0). */
export function encodeModel(model: OnnxModel): Uint8Array {
  const irVersion = (model.opsets[''] ?? 0) >= INT4_OPSET ? IR_VERSION_OF_INT4 : IR_VERSION
  const writer = new ProtobufWriter().integer(1, irVersion).text(2, model.producer).text(3, model.producerVersion)
  writer.message(7, (graph) => writeGraph(graph, model))
  for (const [domain, version] of Object.entries(model.opsets)) {
    writer.message(8, (opset) => opset.text(1, domain).integer(2, version))
  }
  for (const [key, value] of Object.entries(model.metadata ?? {})) {
    writer.message(14, (entry) => entry.text(1, key).text(2, value))
  }
  return writer.finish()
}

function writeGraph(graph: ProtobufWriter, { graphName, nodes, initializers, inputs, outputs }: OnnxSubgraph): void {
  for (const node of nodes) graph.message(1, (message) => writeNode(message, node))
  graph.text(2, graphName)
  for (const [name, tensor] of initializers) graph.message(5, (message) => writeTensor(message, tensor, name))
  for (const input of inputs) graph.message(11, (message) => writeValueInfo(message, input))
  for (const output of outputs) graph.message(12, (message) => writeValueInfo(message, output))
}

function writeNode(message: ProtobufWriter, node: OnnxNode): void {
  for (const input of node.inputs) message.text(1, input)
  for (const output of node.outputs) message.text(2, output)
  message.text(3, node.name).text(4, node.opType)
  for (const [name, value] of Object.entries(node.attributes)) {
    message.message(5, (attribute) => writeAttribute(attribute.text(1, name), value))
  }
  if (node.domain !== '') message.text(7, node.domain)
}

function writeAttribute(attribute: ProtobufWriter, value: OnnxAttribute): void {
  if (typeof value === 'bigint') attribute.integer(3, value).integer(20, 2)
  else if (typeof value === 'number') attribute.float32(2, value).integer(20, 1)
  else if (typeof value === 'string') attribute.text(4, value).integer(20, 3)
  else if (isSubgraph(value)) attribute.message(6, (graph) => writeGraph(graph, value)).integer(20, 5)
  else if (isTensor(value)) attribute.message(5, (tensor) => writeTensor(tensor, value)).integer(20, 4)
  else if (isIntegerList(value)) {
    for (const item of value) attribute.integer(8, item)
    attribute.integer(20, 7)
  } else {
    for (const item of value) attribute.float32(7, item)
    attribute.integer(20, 6)
  }
}

export const isSubgraph = (value: OnnxAttribute): value is OnnxSubgraph =>
  typeof value === 'object' && 'graphName' in value
const isTensor = (value: OnnxAttribute): value is OnnxTensor => typeof value === 'object' && 'dims' in value
const isIntegerList = (value: readonly bigint[] | readonly number[]): value is readonly bigint[] =>
  value.every((item) => typeof item === 'bigint')

function writeTensor(message: ProtobufWriter, tensor: OnnxTensor, name = ''): void {
  for (const length of tensor.dims) message.integer(1, length)
  message.integer(2, ELEMENT_TYPES[tensor.type])
  if (name !== '') message.text(8, name)
  const { buffer, byteOffset, byteLength } = tensor.data
  message.bytes(9, new Uint8Array(buffer, byteOffset, byteLength))
}

function writeValueInfo(message: ProtobufWriter, value: OnnxValueInfo): void {
  message.text(1, value.name).message(2, (type) =>
    type.message(1, (tensorType) =>
      tensorType.integer(1, ELEMENT_TYPES[value.type]).message(2, (shape) => {
        for (const length of value.dims) {
          shape.message(1, (dim) => (typeof length === 'number' ? dim.integer(1, length) : dim.text(2, length)))
        }
      }),
    ),
  )
}
