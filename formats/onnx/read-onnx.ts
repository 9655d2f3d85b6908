import { UserError } from '../../lib/errors.ts'
import type { ElementType } from '../import/imported-model.ts'
import { floatsOfField, integersOfField, type ProtobufField, protobufFields, textOfField } from './protobuf-reader.ts'
import { elementTypeOf, NO_EXTERNAL, type ReadExternal, readTensor, type StoredTensor } from './read-tensor.ts'

export interface OnnxFileNode {
  /** What the file calls it; often empty. */
  readonly name: string
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
  /** Inside a function: attributes by the name of the function's attribute that gives their value. */
  readonly references: ReadonlyMap<string, string>
  /** What the names that its graphs read from around are called, where it came from a function. */
  readonly scope?: ReadonlyMap<string, string>
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
  /** Operators that the file itself defines, by `<domain>:<name>`. */
  readonly functions: ReadonlyMap<string, OnnxFunction>
  /** How tensors in other files are read. */
  readonly external: ReadExternal
}

/** The attributes of a node. */
export type OnnxAttributes = Pick<OnnxFileNode, 'integers' | 'floats' | 'texts' | 'tensors' | 'graphs'>

/** An operator made of others. */
export interface OnnxFunction {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly nodes: readonly OnnxFileNode[]
  /** Values of attributes that a call leaves out. */
  readonly defaults: OnnxAttributes
}

const MAX_NODES = 20_000
const MAX_LIST = 4096
const MAX_RANK = 16

const MAX_FUNCTIONS = 10_000

/**
 * Reads the graph of an ONNX file (field numbers of onnx.proto) and its functions. Bodies of loops and branches are left as they are.
 * @throws UserError when it is damaged or holds no network.
 */
export function readOnnx(bytes: Uint8Array, external = NO_EXTERNAL): OnnxFile {
  let graph: ProtobufField | undefined
  const functions = new Map<string, OnnxFunction>()
  for (const field of protobufFields(bytes)) {
    if (field.number === 7) graph = field
    else if (field.number === 25) {
      const { key, ...body } = readFunction(field.bytes, external)
      functions.set(key, body)
      if (functions.size > MAX_FUNCTIONS) throw new UserError(`the file has more than ${MAX_FUNCTIONS} functions`)
    }
  }
  if (graph === undefined) throw new UserError('the file holds no network: it is no ONNX file')
  return readGraph(graph.bytes, { functions, external })
}

/**
 * Reads a graph, or one inside a node of a file, whose functions and neighbours it shares.
 * @throws UserError when it is damaged or has no output.
 */
export function readGraph(
  bytes: Uint8Array,
  { functions, external }: Pick<OnnxFile, 'functions' | 'external'>,
): OnnxFile {
  const nodes: OnnxFileNode[] = []
  const initializers = new Map<string, StoredTensor>()
  const [inputs, outputs, values]: OnnxFileValue[][] = [[], [], []]
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) nodes.push(readNode(field.bytes, external))
    else if (field.number === 5) {
      const { name, tensor } = readTensor(field.bytes, external)
      initializers.set(name, tensor)
    } else if (field.number === 11) inputs!.push(readValue(field.bytes))
    else if (field.number === 12) outputs!.push(readValue(field.bytes))
    else if (field.number === 13) values!.push(readValue(field.bytes))
    if (nodes.length > MAX_NODES) throw new UserError(`the network has more than ${MAX_NODES} nodes`)
  }
  if (outputs!.length === 0) throw new UserError('the network has no output')
  return { nodes, initializers, inputs: inputs!, outputs: outputs!, values: values!, functions, external }
}

/** A FunctionProto. */
function readFunction(bytes: Uint8Array, external: ReadExternal): OnnxFunction & { readonly key: string } {
  let [name, domain] = ['', '']
  const [inputs, outputs]: string[][] = [[], []]
  const nodes: OnnxFileNode[] = []
  const defaults = new AttributeLists()
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) name = textOfField(field)
    else if (field.number === 10) domain = textOfField(field)
    else if (field.number === 4) inputs!.push(textOfField(field))
    else if (field.number === 5) outputs!.push(textOfField(field))
    else if (field.number === 7) nodes.push(readNode(field.bytes, external))
    else if (field.number === 11) defaults.add(field.bytes, external)
    if (Math.max(nodes.length, inputs!.length, outputs!.length) > MAX_LIST)
      throw new UserError(`function '${name}' has more than ${MAX_LIST} nodes or operands`)
  }
  return { key: functionKey(domain, name), inputs: inputs!, outputs: outputs!, nodes, defaults }
}

export const functionKey = (domain: string, name: string): string => `${domain === 'ai.onnx' ? '' : domain}:${name}`

function readNode(bytes: Uint8Array, external: ReadExternal): OnnxFileNode {
  let [name, opType, domain] = ['', '', '']
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes = new AttributeLists()
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) inputs.push(textOfField(field))
    else if (field.number === 2) outputs.push(textOfField(field))
    else if (field.number === 3) name = textOfField(field)
    else if (field.number === 4) opType = textOfField(field)
    else if (field.number === 7) domain = textOfField(field)
    else if (field.number === 5) attributes.add(field.bytes, external)
    if (inputs.length > MAX_LIST || outputs.length > MAX_LIST)
      throw new UserError(`a node has more than ${MAX_LIST} operands`)
  }
  return { name, opType, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs, ...attributes }
}

class AttributeLists {
  readonly integers = new Map<string, readonly number[]>()
  readonly floats = new Map<string, readonly number[]>()
  readonly texts = new Map<string, string>()
  readonly tensors = new Map<string, StoredTensor>()
  readonly graphs = new Map<string, Uint8Array>()
  readonly references = new Map<string, string>()

  add(bytes: Uint8Array, external: ReadExternal): void {
    const { name, integers, floats, text, tensor, graph, reference } = readAttribute(bytes, external)
    if (integers.length > 0) this.integers.set(name, integers)
    if (floats.length > 0) this.floats.set(name, floats)
    if (text !== undefined) this.texts.set(name, text)
    if (tensor !== undefined) this.tensors.set(name, tensor)
    if (graph !== undefined) this.graphs.set(name, graph)
    if (reference !== undefined) this.references.set(name, reference)
  }
}

function readAttribute(bytes: Uint8Array, external: ReadExternal) {
  let name = ''
  let text: string | undefined
  let tensor: StoredTensor | undefined
  let graph: Uint8Array | undefined
  let reference: string | undefined
  const integers: number[] = []
  const floats: number[] = []
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) name = textOfField(field)
    else if (field.number === 2) floats.push(field.value)
    else if (field.number === 3) integers.push(field.value)
    else if (field.number === 4) text = textOfField(field)
    else if (field.number === 5) tensor = readTensor(field.bytes, external).tensor
    else if (field.number === 6) graph = field.bytes
    else if (field.number === 7) append(floats, floatsOfField(field, MAX_LIST))
    else if (field.number === 8) append(integers, integersOfField(field, MAX_LIST))
    else if (field.number === 21) reference = textOfField(field)
  }
  return { name, text, tensor, graph, reference, integers, floats }
}

function append(list: number[], more: readonly number[]): void {
  for (const item of more) list.push(item)
  if (list.length > MAX_LIST) throw new UserError(`a list has more than ${MAX_LIST} entries`)
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
        if (part.number === 1) type = elementTypeOf(part.value)
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
