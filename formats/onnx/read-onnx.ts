import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { ElementType } from '../import/imported-model.ts'
import { floatsOfField, integersOfField, type ProtobufField, protobufFields, textOfField } from './protobuf-reader.ts'

/** A tensor in the file, or one that follows from those. */
export interface StoredTensor {
  readonly type: ElementType
  readonly dims: readonly number[]
  /** The values of a small tensor, row-major; undefined for weights, whose values no price depends on. */
  readonly values: readonly number[] | undefined
  /** As it lies in the file, little-endian, where it is there in one piece; for those who need weights. */
  readonly bytes?: Uint8Array | undefined
}

export interface OnnxFileNode {
  readonly opType: string
  readonly domain: string
  /** An empty name stands for an optional operand left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly integers: ReadonlyMap<string, readonly number[]>
  readonly floats: ReadonlyMap<string, readonly number[]>
  readonly texts: ReadonlyMap<string, string>
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Graphs inside the node, as they lie in the file: see `readGraph`. */
  readonly graphs: ReadonlyMap<string, Uint8Array>
}

/** A named value; an open dimension is undefined. */
export interface OnnxFileValue {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly (number | undefined)[] | undefined
}

export interface OnnxFile {
  readonly nodes: readonly OnnxFileNode[]
  readonly initializers: ReadonlyMap<string, StoredTensor>
  readonly inputs: readonly OnnxFileValue[]
  readonly outputs: readonly OnnxFileValue[]
  /** What the file says of values between nodes. */
  readonly values: readonly OnnxFileValue[]
}

/** TensorProto.DataType by number. */
const TYPES: Readonly<Record<number, ElementType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  10: 'float16',
  11: 'float64',
  22: 'int4',
}
const BYTES: Readonly<Partial<Record<ElementType, number>>> = { float32: 4, int32: 4, int64: 8, int8: 1, uint8: 1 }

const MAX_NODES = 20_000
const MAX_LIST = 4096
const MAX_RANK = 16
/** Longer tensors are weights: their values are never read. */
const MAX_VALUES = 1024

/**
 * Reads the graph of an ONNX file (field numbers of onnx.proto). Bodies of loops and branches are left as they are.
 * @throws UserError when it is damaged or holds no network.
 */
export function readOnnx(bytes: Uint8Array): OnnxFile {
  let graph: ProtobufField | undefined
  for (const field of protobufFields(bytes)) if (field.number === 7) graph = field
  if (graph === undefined) throw new UserError('the file holds no network: it is no ONNX file')
  return readGraph(graph.bytes)
}

/** Reads a graph, or one inside a node. @throws UserError when it is damaged or has no output. */
export function readGraph(bytes: Uint8Array): OnnxFile {
  const nodes: OnnxFileNode[] = []
  const initializers = new Map<string, StoredTensor>()
  const [inputs, outputs, values]: OnnxFileValue[][] = [[], [], []]
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) nodes.push(readNode(field.bytes))
    else if (field.number === 5) {
      const { name, tensor } = readTensor(field.bytes)
      initializers.set(name, tensor)
    } else if (field.number === 11) inputs!.push(readValue(field.bytes))
    else if (field.number === 12) outputs!.push(readValue(field.bytes))
    else if (field.number === 13) values!.push(readValue(field.bytes))
    if (nodes.length > MAX_NODES) throw new UserError(`the network has more than ${MAX_NODES} nodes`)
  }
  if (outputs!.length === 0) throw new UserError('the network has no output')
  return { nodes, initializers, inputs: inputs!, outputs: outputs!, values: values! }
}

function readNode(bytes: Uint8Array): OnnxFileNode {
  let opType = ''
  let domain = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const integers = new Map<string, readonly number[]>()
  const floats = new Map<string, readonly number[]>()
  const texts = new Map<string, string>()
  const tensors = new Map<string, StoredTensor>()
  const graphs = new Map<string, Uint8Array>()
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) inputs.push(textOfField(field))
    else if (field.number === 2) outputs.push(textOfField(field))
    else if (field.number === 4) opType = textOfField(field)
    else if (field.number === 7) domain = textOfField(field)
    else if (field.number === 5) {
      const attribute = readAttribute(field.bytes)
      if (attribute.integers.length > 0) integers.set(attribute.name, attribute.integers)
      if (attribute.floats.length > 0) floats.set(attribute.name, attribute.floats)
      if (attribute.text !== undefined) texts.set(attribute.name, attribute.text)
      if (attribute.tensor !== undefined) tensors.set(attribute.name, attribute.tensor)
      if (attribute.graph !== undefined) graphs.set(attribute.name, attribute.graph)
    }
    if (inputs.length > MAX_LIST || outputs.length > MAX_LIST)
      throw new UserError(`a node has more than ${MAX_LIST} operands`)
  }
  return { opType, domain, inputs, outputs, integers, floats, texts, tensors, graphs }
}

function readAttribute(bytes: Uint8Array) {
  let name = ''
  let text: string | undefined
  let tensor: StoredTensor | undefined
  let graph: Uint8Array | undefined
  const integers: number[] = []
  const floats: number[] = []
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) name = textOfField(field)
    else if (field.number === 2) floats.push(field.value)
    else if (field.number === 3) integers.push(field.value)
    else if (field.number === 4) text = textOfField(field)
    else if (field.number === 5) tensor = readTensor(field.bytes).tensor
    else if (field.number === 6) graph = field.bytes
    else if (field.number === 7) append(floats, floatsOfField(field, MAX_LIST))
    else if (field.number === 8) append(integers, integersOfField(field, MAX_LIST))
  }
  return { name, text, tensor, graph, integers, floats }
}

function append(list: number[], more: readonly number[], most = MAX_LIST): void {
  for (const item of more) list.push(item)
  if (list.length > most) throw new UserError(`a list has more than ${most} entries`)
}

function readTensor(bytes: Uint8Array): { name: string; tensor: StoredTensor } {
  let name = ''
  let type: ElementType = 'other'
  let raw: Uint8Array | undefined
  const dims: number[] = []
  const listed: ProtobufField[] = []
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) append(dims, integersOfField(field, MAX_RANK), MAX_RANK)
    else if (field.number === 2) type = TYPES[field.value] ?? 'other'
    else if (field.number === 8) name = textOfField(field)
    else if (field.number === 9) raw = field.bytes
    else if ([4, 5, 7].includes(field.number) && listed.length <= MAX_VALUES) listed.push(field)
  }
  if (dims.some((length) => length < 0)) throw new UserError(`stored tensor '${name}' has a negative length`)
  const inFile = raw ?? (type === 'float32' && listed.length === 1 ? listed[0]!.bytes : undefined)
  return { name, tensor: { type, dims, values: valuesOf(type, dims, raw, listed), bytes: inFile } }
}

function valuesOf(
  type: ElementType,
  dims: readonly number[],
  raw: Uint8Array | undefined,
  listed: readonly ProtobufField[],
): readonly number[] | undefined {
  const count = sizeOf(dims)
  if (count > MAX_VALUES) return undefined
  if (raw === undefined) {
    const values = listed.flatMap((field) =>
      field.number === 4 ? floatsOfField(field, MAX_VALUES) : integersOfField(field, MAX_VALUES),
    )
    return values.length === count ? values : undefined
  }
  const width = BYTES[type]
  if (width === undefined || raw.length !== count * width) return undefined
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  return Array.from({ length: count }, (_, i) => {
    if (type === 'float32') return view.getFloat32(4 * i, true)
    if (type === 'int32') return view.getInt32(4 * i, true)
    if (type === 'int64') return Number(view.getBigInt64(8 * i, true))
    return type === 'int8' ? view.getInt8(i) : view.getUint8(i)
  })
}

function readValue(bytes: Uint8Array): OnnxFileValue {
  let name = ''
  let type: ElementType = 'other'
  let dims: (number | undefined)[] | undefined
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) name = textOfField(field)
    if (field.number !== 2) continue
    for (const tensorType of protobufFields(field.bytes)) {
      if (tensorType.number !== 1) continue
      for (const part of protobufFields(tensorType.bytes)) {
        if (part.number === 1) type = TYPES[part.value] ?? 'other'
        if (part.number === 2) dims = readDimensions(part.bytes)
      }
    }
  }
  return { name, type, dims }
}

function readDimensions(bytes: Uint8Array): (number | undefined)[] {
  const dims: (number | undefined)[] = []
  for (const field of protobufFields(bytes)) {
    dims.push(readDimension(field))
    if (dims.length > MAX_RANK) throw new UserError(`a value has more than ${MAX_RANK} axes`)
  }
  return dims
}

/** A length, or undefined for one that is left open by a name or by −1. */
function readDimension({ bytes }: ProtobufField): number | undefined {
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) return field.value >= 0 ? field.value : undefined
  }
  return undefined
}
