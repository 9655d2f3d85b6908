import { UserError } from '../../lib/errors.ts'
import { sameShape, shapeText, sizeOf } from '../../network/shapes.ts'
import type { ElementType, ImportedModel } from '../import/imported-model.ts'
import { checkNames, fixedShape, type InputShapes, NO_SHAPES } from '../import/input-shapes.ts'
import { NetworkImport, type Tensor } from '../import/network-import.ts'
import { calledBy } from './control-flow.ts'
import { foldIntegers } from './fold-integers.ts'
import { integersOf, readTflite, type TfliteModel, type TfliteOperator, type TfliteTensor } from './model.ts'
import { RULES, type RuleInput } from './rules.ts'
import { weightBits } from './weight-bits.ts'

const WITH_KERNEL: ReadonlySet<string> = new Set(['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED', 'TRANSPOSE_CONV'])
/** Operand that holds the kernel. */
const KERNEL = 1
/** Operators that only name or prepare a state that is kept between inferences. */
const NO_WORK: ReadonlySet<string> = new Set(['VAR_HANDLE', 'CALL_ONCE'])
/** Operators that run other subgraphs. */
const CALLING: ReadonlySet<string> = new Set(['WHILE', 'IF'])
const FLOAT_BYTES = 4

/**
 * Reads a TFLite file as a network. Shapes are inferred anew and compared with those in the file, so a file that says one
 * thing and means another is refused. Operators that are not known become custom ones under their name; what depends on
 * stored values alone is stored too; a state kept between inferences is an input and a result.
 * @throws UserError with one sentence.
 */
export function importTflite(
  bytes: Uint8Array,
  { shapes = NO_SHAPES }: { readonly shapes?: InputShapes } = {},
): ImportedModel {
  return new TfliteImport(readTflite(bytes)).run(shapes)
}

class TfliteImport {
  readonly #model: TfliteModel
  readonly #network = new NetworkImport()
  /** Tensors that nodes give, by position. */
  readonly #computed = new Map<number, Tensor>()
  /** Stored tensors that a node reads as an operand. */
  readonly #constants = new Map<number, Tensor>()
  /** Results that follow from stored values or shapes alone, with their values where these are whole numbers. */
  readonly #folded = new Map<number, readonly number[] | undefined>()
  /** Results that nothing reads but the next inference. */
  readonly #states: Tensor[] = []

  constructor(model: TfliteModel) {
    this.#model = model
  }

  run(shapes: InputShapes): ImportedModel {
    const { inputs, outputs, operators } = this.#model
    const dataType = this.#dataType()
    const names = inputs.map((position) => this.#model.tensors[position]!.name)
    checkNames(shapes, names)
    for (const position of inputs) {
      const { type } = this.#model.tensors[position]!
      const dims = this.#entryDims(position, shapes)
      const wide = type === 'float32' && dataType === 'int8'
      this.#give(position, this.#network.input(dims, wide ? FLOAT_BYTES : undefined))
    }
    operators.forEach((operator, i) => {
      try {
        this.#add(operator)
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        throw new UserError(`operator ${i} (${operator.customName || operator.name}): ${error.message}`)
      }
    })
    const results = outputs.map((position) => this.#tensor(position))
    const graph = this.#network.build([...results, ...this.#states])
    return { format: 'tflite', graph, dataType, quantisation: this.#network.quantisation }
  }

  /** What the first kernel computes in: integers of its weights only where its operand is quantised too. */
  #dataType(): ElementType {
    const { operators, tensors, inputs } = this.#model
    const first = operators.find((operator) => WITH_KERNEL.has(operator.name) && (operator.inputs[KERNEL] ?? -1) >= 0)
    if (first === undefined) return tensors[inputs[0] ?? -1]?.type ?? 'other'
    const kernel = first.inputs[KERNEL]!
    const operand = tensors[first.inputs[first.name === 'TRANSPOSE_CONV' ? 2 : 0] ?? -1]?.type ?? 'other'
    // Weights in half precision are turned into float32 ones first.
    const before = operators.find(({ name, outputs }) => name === 'DEQUANTIZE' && outputs[0] === kernel)
    const type = tensors[before?.inputs[0] ?? kernel]?.type ?? 'other'
    return type === 'float16' || operand === 'other' ? type : operand
  }

  /** @throws UserError when the file leaves a length open. */
  #checked(position: number): TfliteTensor {
    const tensor = this.#model.tensors[position]!
    if (tensor.dims.some((length) => length < 1)) {
      throw new UserError(
        `tensor '${tensor.name}' has shape ${shapeText(tensor.dims)}; export the network with fixed lengths from 1`,
      )
    }
    return tensor
  }

  /** Dimensions of an input, with what is given for its open ones. */
  #entryDims(position: number, shapes: InputShapes): readonly number[] {
    const { name, dims, signature } = this.#model.tensors[position]!
    if (shapes.size === 0 && !hasOpenLengths(this.#model.tensors[position]!)) return this.#checked(position).dims
    return fixedShape(name, signature.length === dims.length ? signature : dims, shapes)
  }

  #isStored = (position: number): boolean =>
    !this.#computed.has(position) && (this.#folded.has(position) || this.#model.tensors[position]!.data.length > 0)

  /** @throws UserError when no operator gives the tensor, or its place (−1) is empty. */
  #tensor(position: number): Tensor {
    if (position < 0) throw new UserError('an operand is missing')
    const known = this.#computed.get(position) ?? this.#constants.get(position)
    if (known !== undefined) return known
    const { name, dims, type } = this.#checked(position)
    if (!this.#isStored(position)) throw new UserError(`it reads tensor '${name}', which nothing gives`)
    const constant = this.#network.constant(dims, type === 'int32' || type === 'int64' || this.#folded.has(position))
    this.#constants.set(position, constant)
    return constant
  }

  #give(position: number, tensor: Tensor): void {
    this.#computed.set(position, tensor)
    const { quantisation } = this.#model.tensors[position]!
    if (quantisation !== undefined) this.#network.quantisation.set(tensor.id, quantisation)
  }

  #add(operator: TfliteOperator): void {
    const { name, inputs, outputs } = operator
    if (NO_WORK.has(name)) return
    const network = this.#network
    if (name === 'READ_VARIABLE') {
      for (const position of outputs) this.#give(position, network.input(this.#checked(position).dims))
      return
    }
    if (name === 'ASSIGN_VARIABLE') {
      const value = this.#tensor(inputs[1] ?? inputs[0] ?? -1)
      this.#states.push(network.rearrange('copy', [value], value.dims))
      return
    }
    if (outputs.length === 0) throw new UserError('it has no result')
    const present = inputs.filter((position) => position >= 0)
    if (name === 'SHAPE' || present.every(this.#isStored)) {
      const values =
        name === 'SHAPE'
          ? this.#tensor(inputs[0] ?? -1).dims
          : foldIntegers(
              operator,
              present.map((position) => this.#integers(position)),
            )
      for (const position of outputs) this.#folded.set(position, values)
      return
    }
    const input = this.#ruleInput(operator)
    const results = CALLING.has(name)
      ? this.#addCall(operator, input)
      : (RULES[name]?.(input) ?? network.custom(operator.customName || name, input.tensors(), input.outputs))
    if (results.length !== outputs.length)
      throw new UserError(`it has ${outputs.length} results where ${results.length} are made`)
    results.forEach((result, i) => {
      const stated = this.#checked(outputs[i]!)
      const isOpen = (axis: number): boolean =>
        stated.signature.length === stated.dims.length && stated.signature[axis] === -1
      const believed = stated.dims.map((length, axis) => (isOpen(axis) ? (result.dims[axis] ?? 0) : length))
      if (!sameShape(result.dims, believed)) {
        throw new UserError(`it makes ${shapeText(result.dims)} and the file says ${shapeText(stated.dims)}`)
      }
      this.#give(outputs[i]!, result)
    })
    const kernel = this.#model.tensors[inputs[KERNEL] ?? -1]
    if (!WITH_KERNEL.has(name) || kernel === undefined) return
    if (kernel.quantisation !== undefined)
      network.quantisation.set(`${network.lastWithKernel}/kernel`, kernel.quantisation)
    const bits = weightBits(kernel)
    if (bits !== undefined) network.weightBits[network.lastWithKernel] = bits
  }

  /** A loop or branch: one kernel with the products of all runs and what they read. */
  #addCall(operator: TfliteOperator, input: RuleInput): readonly Tensor[] {
    const { name, inputs } = operator
    const { macs, stored, steps } = calledBy(
      this.#model,
      operator,
      (operand) => this.#integers(inputs[operand] ?? -1)?.[0],
    )
    const constants = [...stored].map(({ dims }) => this.#network.constant(dims))
    return this.#network.custom(name, [...input.tensors(), ...constants], input.outputs, macs, steps)
  }

  /** Whole numbers that are stored or follow from shapes. */
  #integers(position: number): readonly number[] | undefined {
    if (position < 0 || this.#computed.has(position)) return undefined
    return this.#folded.get(position) ?? integersOf(this.#model.tensors[position]!)
  }

  #ruleInput({ name, inputs, outputs, options }: TfliteOperator): RuleInput {
    const has = (operand: number): boolean => (inputs[operand] ?? -1) >= 0
    const position = (operand: number): number => {
      if (!has(operand)) throw new UserError(`operand ${operand} is missing`)
      return inputs[operand]!
    }
    const stated = (result: number): readonly number[] => {
      const tensor = this.#checked(result)
      if (!hasOpenLengths(tensor)) return tensor.dims
      const target = TARGETS.get(name)
      const given = target === undefined || !has(target) ? undefined : this.#integers(position(target))
      const from = this.#tensor(inputs.find((at) => at >= 0 && !this.#isStored(at)) ?? -1).dims
      const dims = given && openTarget(name, given, from)
      if (dims !== undefined) return dims
      throw new UserError(
        'what it gives depends on lengths that the file leaves open; convert it again with fixed ones',
      )
    }
    return {
      network: this.#network,
      operands: inputs.length,
      get outputs() {
        return outputs.map(stated)
      },
      options,
      has,
      isComputed: (operand) => has(operand) && !this.#isStored(position(operand)),
      tensor: (operand) => this.#tensor(position(operand)),
      tensors: () => inputs.filter((at) => at >= 0).map((at) => this.#tensor(at)),
      dims: (operand) => this.#computed.get(position(operand))?.dims ?? this.#checked(position(operand)).dims,
      integers: (operand) => (has(operand) ? this.#integers(position(operand)) : undefined),
    }
  }
}

/** Whether lengths beyond the batch are open until the network runs. */
const hasOpenLengths = ({ dims, signature }: TfliteTensor): boolean =>
  signature.length === dims.length && signature.some((length, axis) => axis > 0 && length === -1)

/** Operand that holds the dimensions of the result, or its height and width. */
const TARGETS: ReadonlyMap<string, number> = new Map([
  ['RESHAPE', 1],
  ['RESIZE_BILINEAR', 1],
  ['RESIZE_NEAREST_NEIGHBOR', 1],
  ['BROADCAST_TO', 1],
  ['SLICE', 2],
])

function openTarget(name: string, given: readonly number[], from: readonly number[]): readonly number[] | undefined {
  if (name.startsWith('RESIZE')) return given.length === 2 ? [from[0]!, ...given, from.at(-1)!] : undefined
  const rest = sizeOf(given.filter((length) => length !== -1))
  const dims = given.map((length) => (length === -1 ? sizeOf(from) / rest : length))
  return dims.every((length) => Number.isInteger(length) && length > 0) ? dims : undefined
}
