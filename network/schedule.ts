import { wiringOf } from './build.ts'
import { definitionOf } from './op-kinds.ts'
import { isRowNorm, normaliseSum } from './row-norms.ts'
import { sizeOf, windowExtent, windowPadding } from './shapes.ts'
import type { ActivationKind, NetworkGraph, NetworkNode, Op, OpKind, OpOf, Shape } from './types.ts'

/** What a runtime really executes: an op of the graph, or the weighting and adding up of one expert's output. */
export type KernelKind =
  | Exclude<OpKind, 'input' | 'constant' | 'reshape' | 'view' | 'tuple' | 'routedExperts'>
  | 'expertCombine'

/** One executed kernel, with what was fused into it. */
export interface Kernel {
  /** Node id; inside the r-th expert that runs `<nodeId>/<r>/<bodyNodeId>`. */
  readonly id: string
  readonly kind: KernelKind
  readonly op: Op
  /** Activation applied before the result is stored; costs no pass of its own. */
  readonly activation: ActivationKind | 'none'
  /** Positions in the schedule's tensors. */
  readonly inputs: readonly number[]
  readonly output: number
  readonly inputShapes: readonly Shape[]
  readonly outputShape: Shape
  readonly macs: number
  /** Elements of the kernel weight and of constants first read here, and of the bias left after batch norm is folded in. */
  readonly weightElements: number
  readonly biasElements: number
  /** Bits of entropy that one of the weights holds; 0 where that is not known. */
  readonly weightBits?: number
}

export interface ScheduledTensor {
  readonly id: string
  readonly shape: Shape
  readonly elements: number
  /** Bytes of one element where it is wider than the network's usual one: floats around an int8 network. */
  readonly elementBytes?: number
}

/** Kernels `first` up to, not including, `end` belong to an expert of which so many more are stored and do not run. */
export interface IdleExperts {
  readonly first: number
  readonly end: number
  readonly copies: number
}

/** Kernels `first` up to, not including, `end` are those from `of` on once more, on other tensors: an expert's second run. */
export interface RepeatedKernels {
  readonly first: number
  readonly end: number
  readonly of: number
}

/** One inference: kernels in execution order and the tensors they pass on. Of routed experts, `topK` run. */
export interface Schedule {
  readonly kernels: readonly Kernel[]
  /** What lies in memory while it runs; constants stay in flash. */
  readonly tensors: readonly ScheduledTensor[]
  /** Positions in `tensors`. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  /** Experts inside experts come before those they are part of. */
  readonly idleExperts: readonly IdleExperts[]
  /** In order; kernels of experts with experts inside are not listed. */
  readonly repeats: readonly RepeatedKernels[]
}

export interface FusionOptions {
  /** Activations that the runtime applies inside the kernel before them. Default: relu and relu6, as TFLite does. */
  readonly fusedActivations: ReadonlySet<ActivationKind>
  /** Padding with zeros of its own vanishes in the valid convolution that alone reads it. Default false. */
  readonly foldsPadding?: boolean
  /** Bringing an image of bytes to the network's zero point is part of taking it in, and no kernel. Default false. */
  readonly convertsInput?: boolean
  /** A sum that only a norm of its rows reads is one kernel with it. Default false. */
  readonly mergesSums?: boolean
}

const DEFAULT_FUSION: FusionOptions = { fusedActivations: new Set(['relu', 'relu6']) }
/** Written out: it is asked for every batch norm of every network. */
const foldsBatchNorm = (kind: KernelKind): boolean =>
  kind === 'conv2d' || kind === 'depthwiseConv2d' || kind === 'dense'
const FUSES_ACTIVATION: ReadonlySet<KernelKind> = new Set([
  'conv2d',
  'depthwiseConv2d',
  'dense',
  'add',
  'averagePool',
  'maxPool',
  'transposeConv2d',
  'elementwise',
])
const FLOAT_BYTES = 4

type MutableKernel = { -readonly [Member in keyof Kernel]: Kernel[Member] }

/**
 * Lowers a graph to the kernels of one inference: batch norm is folded into the convolution before it, fusible
 * activations into their producer, reshapes and views vanish (same tensor), constants count as weights of the kernel that
 * first reads them, routed experts become `topK` runs of their body.
 */
export function scheduleOf(graph: NetworkGraph, options: FusionOptions = DEFAULT_FUSION): Schedule {
  const lowering: Lowering = { kernels: [], names: [], tensors: [], inputs: [], idleExperts: [], repeats: [], options }
  const outputs = lower(lowering, graph, '', undefined)
  const { kernels, tensors, inputs, idleExperts, repeats } = lowering
  return { kernels, tensors, inputs, outputs, idleExperts, repeats }
}

interface Lowering {
  readonly kernels: MutableKernel[]
  /** Per kernel the id of its node, without what stands before it inside experts. */
  readonly names: string[]
  readonly tensors: ScheduledTensor[]
  readonly inputs: number[]
  readonly idleExperts: IdleExperts[]
  readonly repeats: RepeatedKernels[]
  readonly options: FusionOptions
}

function declare({ tensors }: Lowering, id: string, shape: Shape, elementBytes?: number): number {
  let elements = 1
  for (const length of shape) elements *= length
  return tensors.push(elementBytes === undefined ? { id, shape, elements } : { id, shape, elements, elementBytes }) - 1
}

function declareInput(lowering: Lowering, id: string, shape: Shape, elementBytes: number | undefined): number {
  const tensor = declare(lowering, id, shape, elementBytes)
  lowering.inputs.push(tensor)
  return tensor
}

/** Width of a result: that of the first operand, but for the two kinds that change it. */
const elementBytesOf = (kind: KernelKind, operand: ScheduledTensor | undefined): number | undefined =>
  kind === 'dequantize' ? FLOAT_BYTES : kind === 'quantize' ? undefined : operand?.elementBytes

/** Operands of kernels with one, by that tensor: the same few arrays serve every network. */
const singles: (readonly [number])[] = []

function single(tensor: number): readonly [number] {
  singles[tensor] ??= [tensor]
  return singles[tensor]
}

/** Tensor of a node that has none: a constant. */
const NO_TENSOR = -1

/** Appends the kernels of a graph; `entry` is the tensor that its input stands for. Returns the tensors of its results. */
function lower(lowering: Lowering, graph: NetworkGraph, prefix: string, entry: number | undefined): readonly number[] {
  const { kernels, options } = lowering
  const { nodes } = graph
  const { links, readers } = wiringOf(graph)
  const output = outputOf(graph)
  /** Per node its tensor, and the kernel that made it (−1 for none). */
  // Plain arrays: typed ones keep their memory outside the heap, which costs more than all of this.
  const tensorOf = new Array<number>(nodes.length)
  const producerOf = new Array<number>(nodes.length)
  /** Elements of the constants that no kernel has read yet. */
  const unread: number[] = []
  const readOnce = (at: number): boolean => readers[at] === 1 && at !== output
  for (let at = 0; at < nodes.length; at++) {
    const node = nodes[at]!
    const { op } = node
    const from = links[at]!
    let tensor: number
    let producer = -1
    // One look at the kind: ops are of so many shapes that reading it takes a while.
    switch (op.kind) {
      case 'input':
        tensor = entry ?? declareInput(lowering, prefix + node.id, node.shape, op.elementBytes)
        break
      case 'constant':
        tensor = NO_TENSOR
        unread[at] = sizeOf(node.shape)
        break
      case 'tuple':
        return [...new Set(from.map((link) => tensorOf[link]!))].filter((result) => result !== NO_TENSOR)
      case 'reshape':
      case 'view':
        tensor = tensorOf[from[0]!]!
        if (tensor === NO_TENSOR) {
          unread[at] = unread[from[0]!]!
          unread[from[0]!] = 0
        }
        break
      case 'routedExperts': {
        const gateShape = nodes[from[1]!]!.shape
        const [features, gates] = [tensorOf[from[0]!]!, tensorOf[from[1]!]!]
        tensor = lowerExperts(lowering, op, prefix + node.id, node.shape, gateShape, features, gates)
        break
      }
      default: {
        const { kind } = op
        const operand = from[0]!
        const before = producerOf[operand]!
        if (options.convertsInput === true && convertsImage(op, nodes[operand]!.op)) {
          tensor = tensorOf[operand]!
        } else if (before >= 0 && readOnce(operand) && fuse(kernels[before]!, kind, node.shape, options)) {
          tensor = kernels[before]!.output
          producer = before
        } else if (
          options.mergesSums === true &&
          kernels[before]?.kind === 'add' &&
          isRowNorm(op) &&
          readOnce(operand)
        ) {
          normaliseSum(kernels[before], node.shape, from, unread)
          tensor = kernels[before].output
          producer = before
        } else {
          const folds = options.foldsPadding === true && readOnce(operand)
          const padding = folds ? unpad(lowering, op, before, tensorOf, operand) : undefined
          tensor = append(lowering, node, kind, prefix + node.id, from, nodes, tensorOf, unread)
          producer = kernels.length - 1
          if (graph.weightBits !== undefined) kernels[producer]!.weightBits = graph.weightBits[node.id] ?? 0
          if (padding !== undefined) kernels[producer] = padded(kernels[producer]!, padding)
        }
      }
    }
    tensorOf[at] = tensor
    producerOf[at] = producer
  }
  return tensorOf[output] === NO_TENSOR ? [] : [tensorOf[output]!]
}

/** Appends the kernel of a node and the tensor that it gives, which is returned. */
function append(
  lowering: Lowering,
  node: NetworkNode,
  kind: KernelKind,
  id: string,
  from: readonly number[],
  nodes: readonly NetworkNode[],
  tensorOf: readonly number[],
  unread: number[],
): number {
  const { kernels, names, tensors } = lowering
  let inputs: readonly number[]
  let shapes: readonly Shape[]
  let constants = 0
  const first = from[0]!
  const second = from[1]!
  // Written out for one operand and for two: an array that grows holds room for sixteen more.
  if (from.length === 1 && tensorOf[first] !== NO_TENSOR) {
    inputs = single(tensorOf[first]!)
    shapes = [nodes[first]!.shape]
  } else if (from.length === 2 && tensorOf[first] !== NO_TENSOR && tensorOf[second] !== NO_TENSOR) {
    inputs = [tensorOf[first]!, tensorOf[second]!]
    shapes = [nodes[first]!.shape, nodes[second]!.shape]
  } else {
    inputs = from.map((link) => tensorOf[link]!).filter((tensor) => tensor !== NO_TENSOR)
    shapes = from.map((link) => nodes[link]!.shape)
    for (const link of from) {
      if (tensorOf[link] !== NO_TENSOR) continue
      constants += unread[link]!
      unread[link] = 0
    }
  }
  const result = declare(lowering, id, node.shape, elementBytesOf(kind, tensors[inputs[0] ?? -1]))
  const kernel = kernelOf(node, kind, id, inputs, result, shapes)
  kernel.weightElements += constants
  kernels.push(kernel)
  names.push(node.id)
  return result
}

/** Floats are another matter: they take four times the memory. */
const convertsImage = (op: Op, operand: Op | undefined): boolean =>
  op.kind === 'quantize' && operand?.kind === 'input' && operand.elementBytes === undefined

type PaddingKernel = Kernel & { readonly op: OpOf<'pad'> }

/**
 * Takes back the padding just scheduled, where a convolution can do it itself: its tensor becomes that of its operand.
 * Returns the kernel taken back.
 */
function unpad(
  { kernels, names, tensors }: Lowering,
  op: Op,
  before: number,
  tensorOf: number[],
  link: number,
): PaddingKernel | undefined {
  if ((op.kind !== 'conv2d' && op.kind !== 'depthwiseConv2d') || op.padding !== 'valid') return undefined
  const padding = kernels[before]
  if (padding?.op.kind !== 'pad' || before !== kernels.length - 1 || padding.output !== tensors.length - 1)
    return undefined
  const { amounts } = padding.op
  const channels = amounts[amounts.length - 1]
  if (amounts.length !== 3 || channels === undefined || channels[0] + channels[1] > 0) return undefined
  kernels.pop()
  names.pop()
  tensors.pop()
  tensorOf[link] = padding.inputs[0]!
  return { ...padding, op: padding.op }
}

/** A convolution that pads by itself; where its padding is none that it has a name for, the zeros stay in its operand's shape. */
function padded(kernel: MutableKernel, { op: { amounts }, inputShapes }: PaddingKernel): MutableKernel {
  const op = kernel.op as OpOf<'conv2d' | 'depthwiseConv2d'>
  const shape = inputShapes[0]!
  const isSame = op.kernel.every((length, axis) => {
    const covered = windowExtent(length, op.dilation?.[axis] ?? 1)
    const [before, after] = windowPadding(shape[axis]!, covered, op.stride[axis]!, 'same')
    return amounts[axis]![0] === before && amounts[axis]![1] === after
  })
  return isSame ? { ...kernel, op: { ...op, padding: 'same' }, inputShapes: [shape] } : kernel
}

function lowerExperts(
  lowering: Lowering,
  op: OpOf<'routedExperts'>,
  id: string,
  shape: Shape,
  gateShape: Shape,
  features: number,
  gates: number,
): number {
  const { kernels, names, tensors, idleExperts, repeats } = lowering
  const output = declare(lowering, id, shape)
  const [firstKernel, firstTensor, nested] = [kernels.length, tensors.length, idleExperts.length]
  let end = firstKernel
  let firstResult = features
  for (let run = 0; run < op.topK; run++) {
    const first = kernels.length
    let result = firstResult
    if (run === 0) {
      ;[result = features] = lower(lowering, op.body, `${id}/0/`, features)
      firstResult = result
      end = kernels.length
      idleExperts.push({ first, end, copies: op.experts - op.topK })
    } else if (idleExperts.length === nested + 1) {
      const shift = tensors.length - firstTensor
      repeat(lowering, firstKernel, end, `${id}/${run}/`, firstTensor, shift)
      repeats.push({ first, end: kernels.length, of: firstKernel })
      if (result >= firstTensor) result += shift
    } else {
      ;[result = features] = lower(lowering, op.body, `${id}/${run}/`, features)
    }
    names.push('combine')
    kernels.push({
      id: `${id}/${run}/combine`,
      kind: 'expertCombine',
      op,
      activation: 'none',
      inputs: run === 0 ? [result, gates] : [result, gates, output],
      output,
      inputShapes: [shape, gateShape],
      outputShape: shape,
      macs: sizeOf(shape),
      weightElements: 0,
      biasElements: 0,
      weightBits: 0,
    })
  }
  return output
}

/** Appends kernels `first` to `end` again, with tensors of their own: those from `firstTensor` on, `shift` places later. */
function repeat(
  { kernels, names, tensors }: Lowering,
  first: number,
  end: number,
  prefix: string,
  firstTensor: number,
  shift: number,
): void {
  for (let i = first; i < end; i++) {
    const { kind, op, activation, inputs, output, inputShapes, outputShape, macs } = kernels[i]!
    const { weightElements, biasElements, weightBits = 0 } = kernels[i]!
    const { shape, elements, elementBytes } = tensors[output]!
    const name = names[i]!
    const id = prefix + name
    names.push(name)
    // Written out: objects that are copies of others would be of another hidden class, which slows every reader down.
    tensors.push(elementBytes === undefined ? { id, shape, elements } : { id, shape, elements, elementBytes })
    const move = (tensor: number): number => (tensor >= firstTensor ? tensor + shift : tensor)
    kernels.push({
      id,
      kind,
      op,
      activation,
      inputs: inputs.length === 1 ? single(move(inputs[0]!)) : inputs.map(move),
      output: output + shift,
      inputShapes,
      outputShape,
      macs,
      weightElements,
      biasElements,
      weightBits,
    })
  }
}

/** Place of the output among the nodes: the last one, for the most part. */
function outputOf({ nodes, output }: NetworkGraph): number {
  let at = nodes.length - 1
  while (at > 0 && nodes[at]!.id !== output) at--
  return at
}

/** Merges a node into the kernel before it where the runtime would; says whether it did. */
function fuse(before: MutableKernel, kind: OpKind, shape: Shape, options: FusionOptions): boolean {
  if (before.activation !== 'none') return false
  if (kind === 'batchNorm') {
    if (!foldsBatchNorm(before.kind)) return false
    before.biasElements = lastOf(shape)
    return true
  }
  if (options.fusedActivations.has(kind as ActivationKind) && FUSES_ACTIVATION.has(before.kind)) {
    before.activation = kind as ActivationKind
    return true
  }
  return false
}

const lastOf = (shape: Shape): number => shape[shape.length - 1]!

function kernelOf(
  node: NetworkNode,
  kind: KernelKind,
  id: string,
  inputs: readonly number[],
  output: number,
  inputShapes: readonly Shape[],
): MutableKernel {
  const { op, shape } = node
  let weightElements = 0
  let biasElements = 0
  let macs: number
  // The three kinds that make up networks, as their definitions have it, without listing their weights; the rest by theirs.
  if (kind === 'conv2d') {
    const { filters, kernel, bias, groups } = op as OpOf<'conv2d'>
    const channels = lastOf(inputShapes[0]!)
    weightElements = filters * kernel[0] * kernel[1] * channels
    macs = sizeOf(shape) * kernel[0] * kernel[1] * channels
    // No division by 1: its result is a floating-point number, which takes a place of its own in the heap.
    if (groups !== undefined) {
      weightElements = filters * kernel[0] * kernel[1] * (channels / groups)
      macs /= groups
    }
    if (bias) biasElements = filters
  } else if (kind === 'depthwiseConv2d') {
    const { kernel, bias } = op as OpOf<'depthwiseConv2d'>
    weightElements = lastOf(shape) * kernel[0] * kernel[1]
    if (bias) biasElements = lastOf(shape)
    macs = sizeOf(shape) * kernel[0] * kernel[1]
  } else if (kind === 'dense') {
    const { units, bias } = op as OpOf<'dense'>
    weightElements = units * lastOf(inputShapes[0]!)
    if (bias) biasElements = units
    macs = weightElements
  } else {
    const definition = definitionOf(op)
    for (const weight of definition.weights(op as never, inputShapes)) {
      if (weight.role === 'kernel' || weight.role === 'gamma') weightElements += sizeOf(weight.shape)
      if (weight.role === 'bias' || weight.role === 'beta') biasElements += sizeOf(weight.shape)
    }
    macs = definition.macs(op as never, inputShapes, shape)
  }
  return {
    id,
    kind,
    op,
    activation: 'none',
    inputs,
    output,
    inputShapes,
    outputShape: shape,
    macs,
    weightElements,
    biasElements,
    weightBits: 0,
  }
}
