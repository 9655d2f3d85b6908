import { OnnxEmitter, type Value } from '../../evaluators/training/onnx/emitter.ts'
import { sizeOf, windowPadding } from '../../network/shapes.ts'
import type { NetworkGraph, NetworkNode, OpKind, OpOf, Pair, Shape } from '../../network/types.ts'

const WRITTEN: ReadonlySet<OpKind> = new Set([
  'input',
  'conv2d',
  'depthwiseConv2d',
  'relu',
  'concat',
  'globalAveragePool',
])

/**
 * Whether `kernelFile` can write a network: convolutions of every sort on a map. They may have groups and gaps, which
 * networks of search spaces do not.
 */
export const isKernelNetwork = ({ nodes }: NetworkGraph): boolean =>
  nodes.every(({ op }) => WRITTEN.has(op.kind) && (op.kind !== 'globalAveragePool' || op.keepDims)) &&
  nodes[0]!.shape.length === 3

/** Times do not depend on it, as long as results stay ordinary numbers. */
const WEIGHT = 1 / 64

interface Convolution {
  readonly id: string
  readonly op: OpOf<'conv2d'> | OpOf<'depthwiseConv2d'>
}

/** How far a window with gaps reaches. */
const reach = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1

function convolution(emitter: OnnxEmitter, x: Value, { id, op }: Convolution, [height, width, channels]: Shape): Value {
  const groups = op.kind === 'depthwiseConv2d' ? channels! : (op.groups ?? 1)
  const filters = op.kind === 'depthwiseConv2d' ? channels! : op.filters
  const dilation: Pair = op.dilation ?? [1, 1]
  const [top, bottom] = windowPadding(height!, reach(op.kernel[0], dilation[0]), op.stride[0], op.padding)
  const [left, right] = windowPadding(width!, reach(op.kernel[1], dilation[1]), op.stride[1], op.padding)
  const dims = [filters, channels! / groups, ...op.kernel]
  const data = new Float32Array(sizeOf(dims)).fill(WEIGHT)
  const weights = emitter.initializer(`${id}.kernel`, { type: 'float32', dims, data })
  return emitter.node('Conv', [x, weights, ...(op.bias ? [emitter.filled(0, [filters])] : [])], {
    attributes: {
      kernel_shape: op.kernel.map(BigInt),
      strides: op.stride.map(BigInt),
      pads: [top, left, bottom, right].map(BigInt),
      dilations: dilation.map(BigInt),
      group: BigInt(groups),
    },
  })
}

function emit(
  emitter: OnnxEmitter,
  { op, id }: NetworkNode,
  inputs: readonly Value[],
  shapes: readonly Shape[],
): Value {
  if (op.kind === 'conv2d' || op.kind === 'depthwiseConv2d')
    return convolution(emitter, inputs[0]!, { id, op }, shapes[0]!)
  if (op.kind === 'relu') return emitter.node('Relu', inputs)
  if (op.kind === 'concat') return emitter.node('Concat', inputs, { attributes: { axis: 1n } })
  return emitter.node('GlobalAveragePool', inputs)
}

/** A chain of kernels as an ONNX file of batch 1, maps with the channels last, all weights alike. */
export function kernelFile({ nodes, output }: NetworkGraph): Uint8Array {
  const emitter = new OnnxEmitter()
  const values = new Map<string, Value>()
  const shapes = new Map(nodes.map(({ id, shape }) => [id, shape]))
  for (const node of nodes) {
    const value =
      node.op.kind === 'input'
        ? emitter.transpose(emitter.input('input', 'float32', [1, ...node.shape]), [0, 3, 1, 2])
        : emit(
            emitter,
            node,
            node.inputs.map((id) => values.get(id)!),
            node.inputs.map((id) => shapes.get(id)!),
          )
    values.set(node.id, value)
  }
  const [height, width, channels] = shapes.get(output)!
  emitter.output('output', 'float32', [1, channels!, height!, width!], values.get(output)!)
  return emitter.encode('kernels')
}
