import type { Kernel, Schedule } from '../../network/schedule.ts'
import type { NetworkGraph, NetworkNode, Shape } from '../../network/types.ts'

export interface LevelTensor {
  /** Id of the node whose kernel writes it. */
  readonly id: string
  readonly shape: Shape
  /** Id of the node whose value it holds: the last one that was fused into the kernel. */
  readonly holds: string
}

/** A kernel of one level of the network: of the network itself, or of an expert's body. */
export interface LevelKernel {
  readonly node: NetworkNode
  readonly activation: Kernel['activation']
  /** Batch norms folded into it, in order. */
  readonly batchNorms: readonly NetworkNode[]
  readonly inputs: readonly number[]
  readonly output: number
  readonly inputShapes: readonly Shape[]
  /** The body of routed experts. */
  readonly body?: Level
}

export interface Level {
  readonly tensors: readonly LevelTensor[]
  readonly kernels: readonly LevelKernel[]
  readonly input: number
  readonly output: number
  readonly outputShape: Shape
}

/**
 * Groups the flat kernels of a schedule by level, so that each expert can have weights and ranges of its own. The
 * schedule alone decides what is fused: a node without a kernel of its own belongs to the kernel before it.
 */
export function levelsOf(graph: NetworkGraph, schedule: Schedule): Level {
  return level(graph, new Map(schedule.kernels.map((kernel) => [kernel.id, kernel])), '')
}

function level(graph: NetworkGraph, kernelsById: ReadonlyMap<string, Kernel>, prefix: string): Level {
  const tensors: { id: string; shape: Shape; holds: string }[] = []
  const kernels: (LevelKernel & { batchNorms: NetworkNode[] })[] = []
  const kernelByTensor = new Map<number, (typeof kernels)[number]>()
  const tensorOf = new Map<string, number>()
  const shapeOf = new Map(graph.nodes.map((node) => [node.id, node.shape]))
  let input = 0
  for (const node of graph.nodes) {
    const { id, op, shape } = node
    const declare = (): number => tensors.push({ id, shape, holds: id }) - 1
    const inputs = node.inputs.map((source) => tensorOf.get(source)!)
    const kernel = kernelsById.get(prefix + id)
    if (op.kind === 'input') {
      input = declare()
      tensorOf.set(id, input)
    } else if (op.kind === 'routedExperts' || kernel !== undefined) {
      const output = declare()
      const body = op.kind === 'routedExperts' ? { body: level(op.body, kernelsById, `${prefix}${id}/0/`) } : {}
      const inputShapes = node.inputs.map((source) => shapeOf.get(source)!)
      const activation = kernel?.activation ?? 'none'
      const lowered = { node, activation, batchNorms: [], inputs, output, inputShapes, ...body }
      kernels.push(lowered)
      kernelByTensor.set(output, lowered)
      tensorOf.set(id, output)
    } else {
      const [tensor] = inputs as [number]
      tensorOf.set(id, tensor)
      if (op.kind !== 'reshape') {
        tensors[tensor]!.holds = id
        if (op.kind === 'batchNorm') kernelByTensor.get(tensor)!.batchNorms.push(node)
      }
    }
  }
  return { tensors, kernels, input, output: tensorOf.get(graph.output)!, outputShape: shapeOf.get(graph.output)! }
}
