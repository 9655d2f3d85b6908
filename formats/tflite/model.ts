import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { ElementType, Quantisation } from '../import/imported-model.ts'
import { FlatTable } from './flatbuffer.ts'
import { operatorName } from './operator-names.ts'

export interface TfliteTensor {
  readonly name: string
  readonly dims: readonly number[]
  /** The same with −1 for lengths that are open until the network runs; empty where none is. */
  readonly signature: readonly number[]
  readonly type: ElementType
  /** Stored value; empty for what is computed. A view of the file. */
  readonly data: Uint8Array
  readonly quantisation: Quantisation | undefined
}

export interface TfliteOperator {
  /** The schema's name of a built-in operator, or `CUSTOM`. */
  readonly name: string
  /** Name of a custom operator. */
  readonly customName: string
  /** Positions of tensors; −1 stands for an optional operand left out. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly options: FlatTable | undefined
}

/** A network, or a part of one that a loop or branch runs. */
export interface TfliteSubgraph {
  readonly tensors: readonly TfliteTensor[]
  readonly operators: readonly TfliteOperator[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}

/** The main subgraph of a TFLite file, with all that it calls. */
export interface TfliteModel extends TfliteSubgraph {
  /** The main one and the others, as operators name them; read when they are asked for. */
  readonly subgraphs: readonly TfliteSubgraph[]
}

/** TensorType of the schema, by number. */
const TYPES: readonly ElementType[] = [
  'float32',
  'float16',
  'int32',
  'uint8',
  'int64',
  'other',
  'other',
  'int16',
  'other',
  'int8',
  'float64',
  'other',
  'other',
  'other',
  'other',
  'other',
  'other',
  'int4',
]

const MAX_RANK = 8
const MAX_OPERANDS = 1024
const MAX_TENSORS = 100_000
const MAX_OPERATORS = 20_000
const MAX_CHANNELS = 1 << 16
const MAX_SUBGRAPHS = 1000

export const TFLITE_IDENTIFIER = 'TFL3'

/**
 * Reads a TFLite file (field numbers of the public schema, version 3).
 * @throws UserError when it is damaged or has no network.
 */
export function readTflite(bytes: Uint8Array): TfliteModel {
  const root = FlatTable.root(bytes, TFLITE_IDENTIFIER)
  const codes = root.tables(1, MAX_OPERATORS).map((code) => ({
    // Codes above 127 did not fit the first field; both are written since.
    code: Math.max(code.int8(0, 0), code.int32(3, 0)),
    customName: code.text(1),
  }))
  const graphs = root.tables(2, MAX_SUBGRAPHS)
  if (graphs[0] === undefined) throw new UserError('the file holds no network')
  const buffers = root.tables(4, MAX_TENSORS)
  const main = readSubgraph(graphs[0], codes, buffers)
  if (main.outputs.length === 0) throw new UserError('the network has no output')
  let all: readonly TfliteSubgraph[] | undefined
  return {
    ...main,
    get subgraphs() {
      all ??= [main, ...graphs.slice(1).map((table) => readSubgraph(table, codes, buffers))]
      return all
    },
  }
}

interface OperatorCode {
  readonly code: number
  readonly customName: string
}

function readSubgraph(graph: FlatTable, codes: readonly OperatorCode[], buffers: readonly FlatTable[]): TfliteSubgraph {
  const tensors = graph.tables(0, MAX_TENSORS).map((table) => readTensor(table, buffers))
  const operators = graph.tables(3, MAX_OPERATORS).map((table, i) => {
    const opcode = codes[table.uint32(0, 0)]
    if (opcode === undefined) throw new UserError(`operator ${i} has a code that the file does not list`)
    const inputs = table.int32s(1, MAX_OPERANDS)
    const outputs = table.int32s(2, MAX_OPERANDS)
    checkPositions(inputs, -1, tensors, `operator ${i}`)
    checkPositions(outputs, 0, tensors, `operator ${i}`)
    const { code, customName } = opcode
    return { name: operatorName(code), customName, inputs, outputs, options: table.table(4) }
  })
  const inputs = graph.int32s(1, MAX_OPERANDS)
  const outputs = graph.int32s(2, MAX_OPERANDS)
  checkPositions(inputs, 0, tensors, 'the network')
  checkPositions(outputs, 0, tensors, 'the network')
  return { tensors, operators, inputs, outputs }
}

function checkPositions(positions: readonly number[], least: number, tensors: readonly unknown[], who: string): void {
  for (const position of positions) {
    if (position < least || position >= tensors.length)
      throw new UserError(`${who} uses tensor ${position} of ${tensors.length}`)
  }
}

function readTensor(table: FlatTable, buffers: readonly FlatTable[]): TfliteTensor {
  const name = table.text(3)
  const dims = table.int32s(0, MAX_RANK)
  const type = TYPES[table.int8(1, 0)] ?? 'other'
  const data = buffers[table.uint32(2, 0)]?.bytes(0) ?? new Uint8Array()
  const signature = table.int32s(7, MAX_RANK)
  return { name, dims, signature, type, data, quantisation: readQuantisation(table.table(4), type) }
}

function readQuantisation(table: FlatTable | undefined, type: ElementType): Quantisation | undefined {
  const scales = table?.float32s(2, MAX_CHANNELS) ?? []
  if (table === undefined || scales.length === 0) return undefined
  return { type, scales, zeroPoints: table.int64s(3, MAX_CHANNELS), axis: table.int32(6, 0) }
}

const MAX_CONSTANT_INTEGERS = 1024

/** The integers of a small constant, such as a shape or a list of axes; undefined for anything else. */
export function integersOf({ type, dims, data }: TfliteTensor): readonly number[] | undefined {
  const count = sizeOf(dims)
  const width = type === 'int32' ? 4 : type === 'int64' ? 8 : 0
  if (width === 0 || count > MAX_CONSTANT_INTEGERS || data.length === 0 || data.length !== count * width)
    return undefined
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return Array.from({ length: count }, (_, i) =>
    width === 4 ? view.getInt32(4 * i, true) : Number(view.getBigInt64(8 * i, true)),
  )
}
