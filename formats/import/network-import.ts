import { UserError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import { sameShape, shapeText, sizeOf } from '../../network/shapes.ts'
import type {
  ActivationKind,
  NetworkGraph,
  Op,
  OpKind,
  OpOf,
  Padding,
  Pair,
  Shape,
  Steps,
} from '../../network/types.ts'
import type { Quantisation } from './imported-model.ts'

/** A tensor of a model file: the node that gives it and its dimensions, batch included, channels last. */
export interface Tensor {
  readonly id: string
  readonly dims: readonly number[]
}

export interface Window {
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Padding
  readonly dilation?: Pair
}

/** Some axes of a tensor as a node sees them: a leading 1, the batch, is left out where no axis needs it. */
interface Frame {
  readonly id: string
  readonly shape: Shape
  readonly shift: 0 | 1
}

const WITH_KERNEL: ReadonlySet<OpKind> = new Set(['conv2d', 'depthwiseConv2d', 'dense', 'transposeConv2d'])

const isOne = (pair: Pair | undefined): boolean => pair === undefined || (pair[0] === 1 && pair[1] === 1)

/**
 * Builds a network from the tensors of a model file. Files have a batch axis and tensors of any rank; nodes have shapes of
 * one sample. A leading axis of 1 is dropped, and put back as a reshape, which costs nothing, where an operation needs it.
 */
export class NetworkImport {
  readonly #builder = new GraphBuilder()
  readonly quantisation = new Map<string, Quantisation>()
  /** What the graph says of its stored weights (`NetworkGraph.weightBits`). */
  readonly weightBits: Record<string, number> = {}
  /** The last node that was added with a kernel; an activation may follow it. */
  lastWithKernel = ''
  /** Every node that was added, in their order. */
  readonly ids: string[] = []

  /** Adds a node. @param dims dimensions of its result, batch included, in as many elements as the node gives. */
  node(op: Op, inputs: readonly string[], dims?: readonly number[]): Tensor {
    const id = this.#builder.node(op, ...inputs)
    this.ids.push(id)
    if (WITH_KERNEL.has(op.kind)) this.lastWithKernel = id
    return { id, dims: dims ?? this.#builder.shape(id) }
  }

  input(dims: readonly number[], elementBytes?: number): Tensor {
    const shape = sampleShape(dims)
    return this.node({ kind: 'input', shape, ...(elementBytes === undefined ? {} : { elementBytes }) }, [], dims)
  }

  /** @param derived says that it follows from shapes or other stored values and is no parameter */
  constant = (dims: readonly number[], derived = false): Tensor =>
    this.node({ kind: 'constant', shape: sampleShape(dims), ...(derived ? { derived: true } : {}) }, [], dims)

  /** The same elements under other dimensions. */
  reshape(tensor: Tensor, dims: readonly number[]): Tensor {
    if (sizeOf(dims) !== sizeOf(tensor.dims)) {
      throw new UserError(
        `${shapeText(tensor.dims)} cannot become ${shapeText(dims)}: the number of elements is not the same`,
      )
    }
    return { id: tensor.id, dims }
  }

  /** Node that gives the tensor in this shape. */
  #shaped(tensor: Tensor, shape: Shape): string {
    if (sameShape(this.#builder.shape(tensor.id), shape)) return tensor.id
    return this.#builder.node({ kind: 'reshape', shape }, tensor.id)
  }

  #frame(tensor: Tensor, axes: readonly number[] = []): Frame {
    const { dims } = tensor
    const shift = dims.length > 1 && dims[0] === 1 && !axes.includes(0) ? 1 : 0
    const shape = dims.length === 0 ? [1] : dims.slice(shift)
    return { id: this.#shaped(tensor, shape), shape, shift }
  }

  /** Adds a node that works on one tensor axis by axis. */
  #framed(op: Op, { id, shift }: Frame): Tensor {
    const result = this.node(op, [id])
    return shift === 1 ? { id: result.id, dims: [1, ...result.dims] } : result
  }

  /** `[height, width, channels]` of a feature map. */
  #map(tensor: Tensor): string {
    const { dims } = tensor
    if (dims.length !== 4 || dims[0] !== 1) {
      throw new UserError(`a window slides over ${shapeText(dims)}; it needs 1×height×width×channels, one sample`)
    }
    return this.#shaped(tensor, dims.slice(1))
  }

  #onMap(op: Op, tensor: Tensor): Tensor {
    const result = this.node(op, [this.#map(tensor)])
    return { id: result.id, dims: [1, ...result.dims] }
  }

  conv2d(x: Tensor, filters: number, window: Window, bias: boolean, groups = 1): Tensor {
    const channels = x.dims.at(-1)!
    const { dilation, ...rest } = window
    const dilated = dilation === undefined || isOne(dilation) ? {} : { dilation }
    if (groups === channels && groups > 1 && filters % channels === 0) {
      const multiplier = filters === channels ? {} : { multiplier: filters / channels }
      return this.#onMap({ kind: 'depthwiseConv2d', ...rest, bias, ...dilated, ...multiplier }, x)
    }
    const grouped = groups === 1 ? {} : { groups }
    return this.#onMap({ kind: 'conv2d', filters, ...rest, bias, ...dilated, ...grouped }, x)
  }

  depthwiseConv2d(x: Tensor, multiplier: number, window: Window, bias: boolean): Tensor {
    const { dilation, ...rest } = window
    const dilated = dilation === undefined || isOne(dilation) ? {} : { dilation }
    const multiplied = multiplier === 1 ? {} : { multiplier }
    return this.#onMap({ kind: 'depthwiseConv2d', ...rest, bias, ...dilated, ...multiplied }, x)
  }

  transposeConv2d = (x: Tensor, op: Omit<OpOf<'transposeConv2d'>, 'kind'>): Tensor =>
    this.#onMap({ kind: 'transposeConv2d', ...op }, x)

  pool = (x: Tensor, kind: 'averagePool' | 'maxPool', window: Omit<Window, 'dilation'>): Tensor =>
    this.#onMap({ kind, ...window }, x)

  resize = (x: Tensor, height: number, width: number, mode: 'nearest' | 'bilinear'): Tensor =>
    this.#onMap({ kind: 'resize', height, width, mode }, x)

  /** Product with a matrix `[units, features]`; several rows of features become a 1×1 convolution, which does the same. */
  dense(x: Tensor, units: number, bias: boolean): Tensor {
    const features = x.dims.at(-1) ?? 1
    const lead = x.dims.slice(0, -1)
    const rows = sizeOf(lead)
    if (rows === 1) {
      const result = this.node({ kind: 'dense', units, bias }, [this.#shaped(x, [features])])
      return { id: result.id, dims: [...lead, units] }
    }
    const map = { id: this.#shaped(x, [rows, 1, features]), dims: [1, rows, 1, features] }
    const result = this.conv2d(map, units, { kernel: [1, 1], stride: [1, 1], padding: 'valid' }, bias)
    return this.reshape(result, [...lead, units])
  }

  activation = (x: Tensor, kind: ActivationKind): Tensor => this.pointwise(x, { kind })

  batchNorm = (x: Tensor, epsilon: number): Tensor => this.pointwise(x, { kind: 'batchNorm', epsilon })

  /** An operation on each element. */
  pointwise = (x: Tensor, op: Op): Tensor => this.#framed(op, this.#frame(x))

  /** Two or more operands of shapes that repeat along axes of 1; `add` and `multiply` where the network knows them. */
  elementwise(operation: OpOf<'elementwise'>['operation'], operands: readonly Tensor[], constants: boolean): Tensor {
    const rank = Math.max(...operands.map(({ dims }) => dims.length))
    const widest = operands.filter(({ dims }) => dims.length === rank)
    const shift = rank > 1 && widest.every(({ dims }) => dims[0] === 1) ? 1 : 0
    const shapes = operands.map(({ dims }) =>
      dims.length === 0 ? [1] : dims.length === rank ? dims.slice(shift) : dims,
    )
    const ids = operands.map((operand, i) => this.#shaped(operand, shapes[i]!))
    const [first, second] = shapes as [Shape, Shape]
    const equal = shapes.every((shape) => sameShape(shape, first))
    let op: Op = { kind: 'elementwise', operation }
    if (!constants && operation === 'add' && equal && operands.length > 1) op = { kind: 'add' }
    if (!constants && operation === 'multiply' && operands.length === 2) {
      const scales = (a: Shape, b: Shape): boolean =>
        a.length === 3 && a.at(-1) === b.at(-1) && sizeOf(b) === b.at(-1) && sizeOf(b) < sizeOf(a)
      if (equal || scales(first, second)) op = { kind: 'multiply' }
      else if (scales(second, first)) {
        op = { kind: 'multiply' }
        ids.reverse()
      }
    }
    const result = this.node(op, ids)
    return shift === 1 ? { id: result.id, dims: [1, ...result.dims] } : result
  }

  prelu(x: Tensor, slopes: Tensor): Tensor {
    const frame = this.#frame(x)
    const shape = slopes.dims.length === x.dims.length ? slopes.dims.slice(frame.shift) : slopes.dims
    const result = this.node({ kind: 'prelu' }, [frame.id, this.#shaped(slopes, shape.length === 0 ? [1] : shape)])
    return { id: result.id, dims: x.dims }
  }

  concat(tensors: readonly Tensor[], axis: number): Tensor {
    if (tensors.length === 1) return tensors[0]!
    const [first] = tensors as [Tensor]
    const onBatch = axis === 0 || tensors.some(({ dims }) => dims[0] !== 1)
    const frames = tensors.map((tensor) => this.#frame(tensor, onBatch ? [0] : []))
    const place = axis - frames[0]!.shift
    const last = place === frames[0]!.shape.length - 1
    const result = this.node(
      last ? { kind: 'concat' } : { kind: 'concat', axis: place },
      frames.map(({ id }) => id),
    )
    return { id: result.id, dims: first.dims.with(axis, sizeOf(result.dims) / sizeOf(first.dims.with(axis, 1))) }
  }

  pad(x: Tensor, amounts: readonly Pair[]): Tensor {
    const moved = amounts.flatMap(([before, after], axis) => (before === 0 && after === 0 ? [] : [axis]))
    if (moved.length === 0) return x
    const frame = this.#frame(x, moved)
    return this.#framed({ kind: 'pad', amounts: amounts.slice(frame.shift) }, frame)
  }

  transpose(x: Tensor, order: readonly number[]): Tensor {
    const dims = order.map((axis) => x.dims[axis]!)
    // Moving axes of length 1 moves no element.
    const moving = order.filter((axis) => x.dims[axis] !== 1)
    if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)) return this.reshape(x, dims)
    if (order[0] !== 0) return this.#framed({ kind: 'transpose', order }, this.#frame(x, [0]))
    const frame = this.#frame(x)
    const result = this.node({ kind: 'transpose', order: order.slice(frame.shift).map((axis) => axis - frame.shift) }, [
      frame.id,
    ])
    return { id: result.id, dims }
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[], stride: readonly number[]): Tensor {
    if (sameShape(size, x.dims)) return x
    const cut = size.flatMap((length, axis) => (length === x.dims[axis] ? [] : [axis]))
    const frame = this.#frame(x, cut)
    const of = (list: readonly number[]): readonly number[] => list.slice(frame.shift)
    return this.#framed({ kind: 'slice', begin: of(begin), size: of(size), stride: of(stride) }, frame)
  }

  split(x: Tensor, axis: number, sizes: readonly number[]): readonly Tensor[] {
    if (sizes.length === 1) return [x]
    const frame = this.#frame(x, [axis])
    const whole = this.node({ kind: 'split', axis: axis - frame.shift, sizes }, [frame.id])
    return this.views(
      whole,
      sizes.map((size) => x.dims.with(axis, size)),
    )
  }

  /** Parts of a vector that lie one after the other. */
  views(whole: Tensor, parts: readonly (readonly number[])[]): readonly Tensor[] {
    let offset = 0
    return parts.map((dims) => {
      const part = this.node({ kind: 'view', offset, shape: sampleShape(dims) }, [whole.id], dims)
      offset += sizeOf(dims)
      return part
    })
  }

  /** A mean over height and width of a map becomes global average pooling. */
  reduce(x: Tensor, operation: OpOf<'reduce'>['operation'], axes: readonly number[], keepDims: boolean): Tensor {
    const isMap = x.dims.length === 4 && x.dims[0] === 1
    const long = axes.filter((axis) => x.dims[axis] !== 1)
    const dims = x.dims.map((length, axis) => (axes.includes(axis) ? 1 : length))
    const shown = keepDims ? dims : dims.filter((_, axis) => !axes.includes(axis))
    if (long.length === 0 && operation !== 'argMax' && operation !== 'norm') return this.reshape(x, shown)
    if (isMap && operation === 'mean' && long.every((axis) => axis === 1 || axis === 2) && sizeOf(dims) === dims[3]) {
      const pooled = this.node({ kind: 'globalAveragePool', keepDims }, [this.#map(x)])
      return { id: pooled.id, dims: shown }
    }
    const frame = this.#frame(x, axes)
    const op: Op = { kind: 'reduce', operation, axes: axes.map((axis) => axis - frame.shift), keepDims }
    return { id: this.node(op, [frame.id]).id, dims: shown }
  }

  matmul(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
    const shift = Math.max(a.dims.length, b.dims.length) > 2 && [a, b].every(({ dims }) => dims[0] === 1) ? 1 : 0
    const id = (tensor: Tensor): string => this.#shaped(tensor, tensor.dims.slice(tensor.dims.length > 2 ? shift : 0))
    const op: Op = {
      kind: 'matmul',
      ...(transposeA ? { transposeA } : {}),
      ...(transposeB ? { transposeB } : {}),
    }
    const result = this.node(op, [id(a), id(b)])
    return shift === 1 ? { id: result.id, dims: [1, ...result.dims] } : result
  }

  rearrange = (operation: OpOf<'rearrange'>['operation'], inputs: readonly Tensor[], dims: readonly number[]): Tensor =>
    this.node(
      { kind: 'rearrange', operation, shape: sampleShape(dims) },
      inputs.map(({ id }) => id),
      dims,
    )

  /** Something that is known by name only; several results are parts of one vector. */
  custom(
    name: string,
    inputs: readonly Tensor[],
    outputs: readonly (readonly number[])[],
    macs?: number,
    steps?: Steps,
  ): readonly Tensor[] {
    const [first] = outputs as [readonly number[]]
    const shape = outputs.length === 1 ? sampleShape(first) : [outputs.reduce((sum, dims) => sum + sizeOf(dims), 0)]
    const whole = this.node(
      {
        ...{ kind: 'custom', name, shape },
        ...(macs === undefined ? {} : { macs }),
        ...(steps === undefined ? {} : { steps }),
      },
      inputs.map(({ id }) => id),
    )
    return outputs.length === 1 ? [{ id: whole.id, dims: first }] : this.views(whole, outputs)
  }

  /** Mixture of experts of one structure. @param gates one for each expert, @param dims of the result, batch included */
  routedExperts(
    x: Tensor,
    gates: Tensor,
    mixture: Omit<OpOf<'routedExperts'>, 'kind'>,
    dims: readonly number[],
  ): Tensor {
    const operands = [this.#shaped(x, sampleShape(x.dims)), this.#shaped(gates, [mixture.experts])]
    return this.node({ kind: 'routedExperts', ...mixture }, operands, dims)
  }

  /** The network that gives one result, as an expert of a mixture. */
  buildExpert = (output: Tensor): NetworkGraph => this.#builder.build(this.#shaped(output, sampleShape(output.dims)))

  /** The network that gives these results. */
  build(outputs: readonly Tensor[]): NetworkGraph {
    const ids = [...new Set(outputs.map(({ id }) => id))]
    const graph = this.#builder.build(ids.length === 1 ? ids[0]! : this.#builder.node({ kind: 'tuple' }, ...ids))
    return Object.keys(this.weightBits).length === 0 ? graph : { ...graph, weightBits: this.weightBits }
  }
}

/** Shape of one sample: a leading 1 is the batch; a scalar counts as one feature. */
const sampleShape = (dims: readonly number[]): Shape =>
  dims.length === 0 ? [1] : dims.length > 1 && dims[0] === 1 ? dims.slice(1) : dims
