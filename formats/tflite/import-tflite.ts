import { UserError } from '../../lib/errors.ts'
import { sameShape, shapeText } from '../../network/shapes.ts'
import type { ElementType, ImportedModel } from '../import/imported-model.ts'
import { NetworkImport, type Tensor } from '../import/network-import.ts'
import { integersOf, readTflite, type TfliteModel, type TfliteOperator, type TfliteTensor } from './model.ts'
import { RULES, type RuleInput } from './rules.ts'

const WITH_KERNEL: ReadonlySet<string> = new Set(['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED', 'TRANSPOSE_CONV'])
/** Operand that holds the kernel. */
const KERNEL = 1
/** Operators that only name or prepare a state that is kept between inferences. */
const NO_WORK: ReadonlySet<string> = new Set(['VAR_HANDLE', 'CALL_ONCE'])
const FLOAT_BYTES = 4

/**
 * Reads a TFLite file as a network. Shapes are inferred anew and compared with those in the file, so a file that says one
 * thing and means another is refused. Operators that are not known become custom ones under their name; what depends on
 * stored values alone is stored too; a state kept between inferences is an input and a result.
 * @throws UserError with one sentence.
 */
export function importTflite(bytes: Uint8Array): ImportedModel {
  return new TfliteImport(readTflite(bytes)).run()
}

class TfliteImport {
  readonly #model: TfliteModel
  readonly #network = new NetworkImport()
  /** Tensors that nodes give, by position. */
  readonly #computed = new Map<number, Tensor>()
  /** Stored tensors that a node reads as an operand. */
  readonly #constants = new Map<number, Tensor>()
  /** Positions of results that follow from stored values alone. */
  readonly #folded = new Set<number>()
  /** Results that nothing reads but the next inference. */
  readonly #states: Tensor[] = []

  constructor(model: TfliteModel) {
    this.#model = model
  }

  run(): ImportedModel {
    const { inputs, outputs, operators } = this.#model
    const dataType = this.#dataType()
    for (const position of inputs) {
      const { dims, type } = this.#checked(position)
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

  #dataType(): ElementType {
    const { operators, tensors, inputs } = this.#model
    const first = operators.find((operator) => WITH_KERNEL.has(operator.name) && (operator.inputs[KERNEL] ?? -1) >= 0)
    return tensors[first?.inputs[KERNEL] ?? inputs[0] ?? -1]?.type ?? 'other'
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

  #isStored = (position: number): boolean =>
    !this.#computed.has(position) && (this.#folded.has(position) || this.#model.tensors[position]!.data.length > 0)

  /** @throws UserError when no operator gives the tensor. */
  #tensor(position: number): Tensor {
    const known = this.#computed.get(position) ?? this.#constants.get(position)
    if (known !== undefined) return known
    const { name, dims } = this.#checked(position)
    if (!this.#isStored(position)) throw new UserError(`it reads tensor '${name}', which nothing gives`)
    const constant = this.#network.constant(dims)
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
      const value = this.#tensor(inputs[1] ?? inputs[0]!)
      this.#states.push(network.rearrange('copy', [value], value.dims))
      return
    }
    if (outputs.length === 0) throw new UserError('it has no result')
    const present = inputs.filter((position) => position >= 0)
    if (name === 'SHAPE' || present.every(this.#isStored)) {
      for (const position of outputs) this.#folded.add(position)
      return
    }
    const stated = outputs.map((position) => this.#checked(position).dims)
    const input = this.#ruleInput(operator, stated)
    const results = RULES[name]?.(input) ?? network.custom(operator.customName || name, input.tensors(), stated)
    if (results.length !== outputs.length)
      throw new UserError(`it has ${outputs.length} results where ${results.length} are made`)
    results.forEach((result, i) => {
      if (!sameShape(result.dims, stated[i]!)) {
        throw new UserError(`it makes ${shapeText(result.dims)} and the file says ${shapeText(stated[i]!)}`)
      }
      this.#give(outputs[i]!, result)
    })
    const kernel = this.#model.tensors[inputs[KERNEL] ?? -1]
    if (WITH_KERNEL.has(name) && kernel?.quantisation !== undefined)
      network.quantisation.set(`${network.lastWithKernel}/kernel`, kernel.quantisation)
  }

  #ruleInput({ inputs, options }: TfliteOperator, outputs: readonly (readonly number[])[]): RuleInput {
    const has = (operand: number): boolean => (inputs[operand] ?? -1) >= 0
    const position = (operand: number): number => {
      if (!has(operand)) throw new UserError(`operand ${operand} is missing`)
      return inputs[operand]!
    }
    return {
      network: this.#network,
      operands: inputs.length,
      outputs,
      options,
      has,
      isComputed: (operand) => has(operand) && !this.#isStored(position(operand)),
      tensor: (operand) => this.#tensor(position(operand)),
      tensors: () => inputs.filter((at) => at >= 0).map((at) => this.#tensor(at)),
      dims: (operand) => this.#checked(position(operand)).dims,
      integers: (operand) =>
        has(operand) && this.#isStored(position(operand)) ? integersOf(this.#checked(position(operand))) : undefined,
    }
  }
}
