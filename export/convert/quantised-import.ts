import { integersOf, type TfliteModel, type TfliteTensor } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import { sameShape, shapeText, sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Op, Pair, Shape } from '../../network/types.ts'
import { INT8_MAX, quantiseMultiplier } from '../quantise/fixed-point.ts'
import type { FusedActivation, Quantisation, QuantisedKernel, QuantisedTensor } from '../quantise/types.ts'
import { clampOf } from '../quantise/weights.ts'
import { sampleShape, tensorOf } from './sample-tensors.ts'

/** A computed tensor of the file. */
export interface Value {
  /** Position among the network's tensors. */
  readonly tensor: number
  /** Node that gives it, in `shape`. */
  readonly node: string
  readonly shape: Shape
  readonly quantisation: Quantisation
}

/** What every kernel has, ready to be completed by what its kind needs. */
export type KernelCommon = Pick<QuantisedKernel, 'id' | 'inputs' | 'output' | 'inputShapes' | 'outputShape'>

export interface Padded {
  readonly value: Value
  /** Before and after, of height and width. */
  readonly amounts: readonly [Pair, Pair]
}

interface Addition {
  readonly op: Op
  readonly operands: readonly Value[]
  readonly activation?: FusedActivation
  /** Of the result. */
  readonly quantisation: Quantisation
  readonly kernel: (common: KernelCommon) => QuantisedKernel
}

function identityKernel({ shape, quantisation }: Value, [[top], [left]]: Padded['amounts']) {
  const channels = shape.at(-1)!
  const weightScales = new Float32Array(channels).fill(1 / INT8_MAX)
  const { multiplier, shift } = quantiseMultiplier(weightScales[0]!)
  const weighted = {
    weights: new Int8Array(channels).fill(INT8_MAX),
    weightScales,
    bias: new Int32Array(channels),
    multipliers: new Int32Array(channels).fill(multiplier),
    shifts: new Int32Array(channels).fill(shift),
    clamp: clampOf('none', quantisation),
    activation: 'none',
  } as const
  const window = { kernel: [1, 1], stride: [1, 1], padding: 'valid', padTop: top, padLeft: left } as const
  return (common: KernelCommon): QuantisedKernel => ({ kind: 'depthwiseConv2d', ...common, ...window, ...weighted })
}

/** Builds a quantised network and, beside it, the network that its memory is planned for. */
export class QuantisedImport {
  readonly #graph = new GraphBuilder()
  readonly tensors: QuantisedTensor[] = []
  readonly kernels: QuantisedKernel[] = []
  readonly #values = new Map<number, Value>()
  /** Tensors that a QUANTIZE brings to the scale of a concatenation, as they were before. */
  readonly #requantised = new Map<number, Value>()
  readonly #padded = new Map<number, Padded>()
  readonly #model: TfliteModel

  constructor(model: TfliteModel) {
    this.#model = model
  }

  /** Shape of one sample. @throws UserError unless the file says one sample. */
  shapeOf = (position: number): Shape => sampleShape(this.file(position))

  file = (position: number): TfliteTensor => tensorOf(this.#model, position)

  isStored = (position: number): boolean => this.file(position).data.length > 0

  /** One scale and zero point. @throws UserError for anything but int8. */
  quantisationOf(position: number): Quantisation {
    const { name, type, quantisation } = this.file(position)
    const [scale, ...more] = quantisation?.scales ?? []
    const zeroPoint = quantisation?.zeroPoints[0] ?? 0
    if (type !== 'int8' || scale === undefined || more.length > 0) {
      throw new UserError(
        `tensor '${name}' is ${type}${scale === undefined ? ' without a scale' : ''}; only networks in int8 with one scale a tensor are converted`,
      )
    }
    if (!(scale > 0) || !Number.isFinite(scale) || zeroPoint < -128 || zeroPoint > 127)
      throw new UserError(`tensor '${name}' has scale ${scale} and zero point ${zeroPoint}, which int8 cannot have`)
    return { scale, zeroPoint }
  }

  input(position: number, shape: Shape, quantisation: Quantisation): Value {
    const node = this.#graph.input(shape)
    const tensor = this.tensors.push({ id: node, shape, quantisation }) - 1
    const value = { tensor, node, shape, quantisation }
    this.#values.set(position, value)
    return value
  }

  /** @throws UserError when nothing gives the tensor. */
  value(position: number): Value {
    const value = this.#values.get(position) ?? this.#paddedValue(position)
    if (value !== undefined) return value
    if (this.#requantised.has(position))
      throw new UserError('it reads a QUANTIZE to another scale, which is converted before a CONCATENATION only')
    throw new UserError(`it reads tensor '${this.file(position).name}', which nothing gives`)
  }

  /** The result of a PAD as what it pads and by how much, for kernels that do it themselves. */
  padded = (position: number): Padded | undefined => this.#padded.get(position)
  pad = (from: number, to: number, amounts: Padded['amounts']): void =>
    void this.#padded.set(to, { value: this.shaped(this.value(from), this.shapeOf(from)), amounts })

  /** A PAD as a kernel: a filter of one pixel for each channel that changes nothing, on a map with a rim. */
  #paddedValue(position: number): Value | undefined {
    const padded = this.#padded.get(position)
    if (padded === undefined) return undefined
    const { value, amounts } = padded
    const kernel = identityKernel(value, amounts)
    const op: Op = { kind: 'pad', amounts: [...amounts, [0, 0]] }
    const result = this.add({ op, operands: [value], quantisation: value.quantisation, kernel })
    this.give(position, result)
    return result
  }

  /** The integers of a stored tensor; undefined for anything else. */
  integers = (position: number): readonly number[] | undefined => integersOf(this.file(position))
  /** Axes in order, counted from 0; undefined unless they are stored. */
  axes = (position: number, rank: number): readonly number[] | undefined =>
    this.integers(position)
      ?.map((axis) => (axis < 0 ? axis + rank : axis))
      .toSorted((a, b) => a - b)

  /** An operand of a concatenation in its own scale. */
  unscaled = (position: number): Value => this.#requantised.get(position) ?? this.value(position)
  rescale = (from: number, to: number): void => void this.#requantised.set(to, this.value(from))
  give = (position: number, value: Value): void => void this.#values.set(position, value)

  /** The same elements in another shape. @throws UserError when their number differs. */
  shaped(value: Value, shape: Shape): Value {
    if (sameShape(value.shape, shape)) return value
    if (sizeOf(value.shape) !== sizeOf(shape)) {
      throw new UserError(`${shapeText(value.shape)} cannot become ${shapeText(shape)}: not as many elements`)
    }
    return { ...value, shape, node: this.#graph.node({ kind: 'reshape', shape }, value.node) }
  }

  add({ op, operands, activation = 'none', quantisation, kernel }: Addition): Value {
    const id = this.#graph.node(op, ...operands.map(({ node }) => node))
    const shape = this.#graph.shape(id)
    const node = activation === 'none' ? id : this.#graph.activation(id, activation)
    const tensor = this.tensors.push({ id, shape, quantisation }) - 1
    this.kernels.push(
      kernel({
        id,
        inputs: operands.map((operand) => operand.tensor),
        output: tensor,
        inputShapes: operands.map((operand) => operand.shape),
        outputShape: shape,
      }),
    )
    return { tensor, node, shape, quantisation }
  }

  /** The network that ends in a value; what it does not need is dropped from the kernels too. */
  build(output: Value): { readonly graph: NetworkGraph; readonly kernels: readonly QuantisedKernel[] } {
    const graph = this.#graph.build(output.node)
    const needed = new Set(graph.nodes.map(({ id }) => id))
    return { graph, kernels: this.kernels.filter(({ id }) => needed.has(id)) }
  }
}
