import { definitionOf } from './op-kinds.ts'
import { sizeOf } from './shapes.ts'
import type { ActivationKind, NetworkGraph, NetworkNode, Op, OpKind, Shape } from './types.ts'

/** What a runtime really executes: an op of the graph, or the weighting and adding up of one expert's output. */
export type KernelKind = Exclude<OpKind, 'input' | 'reshape' | 'routedExperts'> | 'expertCombine'

/** One executed kernel, with what was fused into it. */
export interface Kernel {
  /** Node id; inside the r-th expert that runs `<nodeId>/<r>/<bodyNodeId>`. */
  readonly id: string
  readonly kind: KernelKind
  readonly op: Op
  /** Activation applied before the result is stored; costs no pass of its own. */
  readonly activation: ActivationKind | 'none'
  readonly inputs: readonly string[]
  readonly output: string
  readonly inputShapes: readonly Shape[]
  readonly outputShape: Shape
  readonly macs: number
  /** Elements of the kernel weight, and of the bias left after batch norm is folded in. */
  readonly weightElements: number
  readonly biasElements: number
}

export interface ScheduledTensor {
  readonly id: string
  readonly shape: Shape
  readonly elements: number
}

/** One inference: kernels in execution order and the tensors they pass on. Of routed experts, `topK` run. */
export interface Schedule {
  readonly kernels: readonly Kernel[]
  readonly tensors: ReadonlyMap<string, ScheduledTensor>
  readonly input: string
  readonly output: string
}

export interface FusionOptions {
  /** Activations that the runtime applies inside the kernel before them. Default: relu and relu6, as TFLite does. */
  readonly fusedActivations: ReadonlySet<ActivationKind>
}

const DEFAULT_FUSION: FusionOptions = { fusedActivations: new Set(['relu', 'relu6']) }
const FOLDS_BATCH_NORM: ReadonlySet<OpKind> = new Set(['conv2d', 'depthwiseConv2d', 'dense'])
const FUSES_ACTIVATION: ReadonlySet<KernelKind> = new Set([
  'conv2d',
  'depthwiseConv2d',
  'dense',
  'add',
  'averagePool',
  'maxPool',
])

interface MutableKernel extends Kernel {
  activation: ActivationKind | 'none'
  output: string
  biasElements: number
}

/**
 * Lowers a graph to the kernels of one inference: batch norm is folded into the convolution before it, fusible
 * activations into their producer, reshapes vanish (same tensor), routed experts become `topK` runs of their body.
 */
export function scheduleOf(graph: NetworkGraph, options: FusionOptions = DEFAULT_FUSION): Schedule {
  const kernels: MutableKernel[] = []
  const tensors = new Map<string, ScheduledTensor>()
  const declare = (id: string, shape: Shape): string => {
    tensors.set(id, { id, shape, elements: sizeOf(shape) })
    return id
  }

  function lower(body: NetworkGraph, prefix: string, entry: string | undefined): string {
    const tensorOf = new Map<string, string>()
    const producer = new Map<string, MutableKernel>()
    const shapes = new Map(body.nodes.map((node) => [node.id, node.shape]))
    const readers = countReaders(body)
    for (const node of body.nodes) {
      const { op } = node
      const inputs = node.inputs.map((id) => tensorOf.get(id)!)
      if (op.kind === 'input') {
        tensorOf.set(node.id, entry ?? declare(`${prefix}${node.id}`, node.shape))
      } else if (op.kind === 'reshape') {
        tensorOf.set(node.id, inputs[0]!)
      } else if (op.kind === 'routedExperts') {
        tensorOf.set(node.id, lowerExperts(op, node, inputs, prefix, shapes))
      } else {
        const before = producer.get(node.inputs[0]!)
        if (before !== undefined && readers.get(node.inputs[0]!) === 1 && fuse(before, node, options)) {
          tensorOf.set(node.id, before.output)
          producer.set(node.id, before)
          continue
        }
        const kernel = kernelOf(
          node,
          op.kind,
          prefix,
          inputs,
          node.inputs.map((id) => shapes.get(id)!),
        )
        declare(kernel.output, node.shape)
        kernels.push(kernel)
        tensorOf.set(node.id, kernel.output)
        producer.set(node.id, kernel)
      }
    }
    return tensorOf.get(body.output)!
  }

  function lowerExperts(
    op: Extract<Op, { kind: 'routedExperts' }>,
    node: NetworkNode,
    inputs: readonly string[],
    prefix: string,
    shapes: ReadonlyMap<string, Shape>,
  ): string {
    const id = `${prefix}${node.id}`
    const output = declare(id, node.shape)
    for (let run = 0; run < op.topK; run++) {
      const result = lower(op.body, `${id}/${run}/`, inputs[0])
      kernels.push({
        id: `${id}/${run}/combine`,
        kind: 'expertCombine',
        op,
        activation: 'none',
        inputs: run === 0 ? [result, inputs[1]!] : [result, inputs[1]!, output],
        output,
        inputShapes: [node.shape, shapes.get(node.inputs[1]!)!],
        outputShape: node.shape,
        macs: sizeOf(node.shape),
        weightElements: 0,
        biasElements: 0,
      })
    }
    return output
  }

  const output = lower(graph, '', undefined)
  return { kernels, tensors, input: graph.nodes.find((node) => node.op.kind === 'input')!.id, output }
}

/** How many nodes read each node's result; the output counts as one reader. */
function countReaders(graph: NetworkGraph): ReadonlyMap<string, number> {
  const readers = new Map<string, number>([[graph.output, 1]])
  for (const node of graph.nodes) {
    for (const id of node.inputs) readers.set(id, (readers.get(id) ?? 0) + 1)
  }
  return readers
}

/** Merges a node into the kernel before it where the runtime would; says whether it did. */
function fuse(before: MutableKernel, node: NetworkNode, options: FusionOptions): boolean {
  if (before.activation !== 'none') return false
  const { kind } = node.op
  if (kind === 'batchNorm') {
    if (!FOLDS_BATCH_NORM.has(before.kind as OpKind)) return false
    before.biasElements = node.shape.at(-1)!
    return true
  }
  if (options.fusedActivations.has(kind as ActivationKind) && FUSES_ACTIVATION.has(before.kind)) {
    before.activation = kind as ActivationKind
    return true
  }
  return false
}

function kernelOf(
  node: NetworkNode,
  kind: KernelKind,
  prefix: string,
  inputs: readonly string[],
  inputShapes: readonly Shape[],
): MutableKernel {
  const definition = definitionOf(node.op)
  let weightElements = 0
  let biasElements = 0
  for (const weight of definition.weights(node.op as never, inputShapes)) {
    if (weight.role === 'kernel' || weight.role === 'gamma') weightElements += sizeOf(weight.shape)
    if (weight.role === 'bias' || weight.role === 'beta') biasElements += sizeOf(weight.shape)
  }
  const id = `${prefix}${node.id}`
  return {
    id,
    kind,
    op: node.op,
    activation: 'none',
    inputs,
    output: id,
    inputShapes,
    outputShape: node.shape,
    macs: definition.macs(node.op as never, inputShapes, node.shape),
    weightElements,
    biasElements,
  }
}
