import { emitPreparation, type SamplePreparation } from '../../evaluators/training/onnx/inference-graph.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type {
  Quantisation,
  QuantisedExperts,
  QuantisedGraph,
  QuantisedKernel,
  QuantisedNetwork,
} from '../quantise/types.ts'
import { type Edge, QdqBuilder, type QdqInput } from './builder.ts'
import { writeMixture } from './experts.ts'
import { INTEGER_RULES } from './integer.ts'
import { QDQ_RULES } from './operators.ts'
import { meansDiffer } from './runtime-rounding.ts'

/**
 * `qdq`: int8 tensors between QuantizeLinear and DequantizeLinear, which runtimes fuse into kernels of their own.
 * `integer`: integer operators that carry out the reference's arithmetic step by step; slower, and equal bit for bit.
 */
export type OnnxArithmetic = 'qdq' | 'integer'

export interface QdqOptions {
  /** Default: `qdq`. */
  readonly arithmetic?: OnnxArithmetic
  /** The file takes raw samples and prepares them by itself; without it, what the network reads as real numbers. */
  readonly preparation?: SamplePreparation
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Writes a quantised network as ONNX. Input `input` and output `output` are float32, `[batch, …]` with the channels last;
 * the output holds the real values of the int8 outputs.
 */
export function writeQdqModel(network: QuantisedNetwork, options: QdqOptions = {}): Uint8Array {
  const builder = new QdqBuilder()
  const { emitter } = builder
  const { shape, quantisation } = network.tensors[network.input]!
  const { preparation, metadata, arithmetic = 'qdq' } = options
  const given = emitter.input('input', 'float32', ['batch', ...(preparation?.inputShape ?? shape)])
  const channelsFirst = shape.length === 3 ? emitter.transpose(given, [0, 3, 1, 2]) : given
  const prepared = preparation === undefined ? channelsFirst : emitPreparation(emitter, given, shape, preparation)
  const entry = builder.quantised(prepared, shape, quantisation)
  const last = builder.reshaped(writeLevel(builder, network, entry, arithmetic), network.outputShape)
  const real = builder.real(last)
  const output = last.shape.length === 3 ? emitter.transpose(real, [0, 2, 3, 1]) : real
  emitter.output('output', 'float32', ['batch', ...last.shape], output)
  return emitter.encode('network', metadata)
}

/** Writes the kernels of a network, or of one expert. */
function writeLevel(builder: QdqBuilder, graph: QuantisedGraph, entry: Edge, arithmetic: OnnxArithmetic): Edge {
  const edges = new Map<number, Edge>([[graph.input, entry]])
  for (const kernel of graph.kernels) {
    const read = (operand: number, shape: Shape): Edge => builder.reshaped(edges.get(kernel.inputs[operand]!)!, shape)
    const to = graph.tensors[kernel.output]!.quantisation
    if (kernel.kind === 'routedExperts') {
      const [features, gates] = kernel.inputShapes as readonly [Shape, Shape]
      const writeExpert = (expert: QuantisedGraph, features: Edge): Edge =>
        writeLevel(builder, expert, features, arithmetic)
      const mixture = { builder, kernel, to, writeExpert, arithmetic }
      edges.set(
        kernel.output,
        writeMixture({ ...mixture, features: read(0, features), gates: read(1, [sizeOf(gates)]) }),
      )
    } else {
      const inputs = kernel.inputShapes.map((shape, operand) =>
        read(operand, kernel.kind === 'dense' ? [sizeOf(shape)] : shape),
      )
      const rule = ruleOf(kernel, inputs, to, arithmetic)
      edges.set(kernel.output, rule({ builder, kernel, inputs, to }))
    }
  }
  return edges.get(graph.output)!
}

type Rule = (input: QdqInput<QuantisedKernel['kind']>) => Edge

/** How a kernel that is not a mixture is written: in integers where ONNX Runtime's own kernel would round otherwise. */
function ruleOf(
  kernel: Exclude<QuantisedKernel, QuantisedExperts>,
  inputs: readonly Edge[],
  to: Quantisation,
  arithmetic: OnnxArithmetic,
): Rule {
  const inIntegers = INTEGER_RULES[kernel.kind]
  if (arithmetic === 'integer' && inIntegers !== undefined) return inIntegers as Rule
  const from = inputs.map(({ quantisation }) => quantisation)
  if (kernel.kind === 'globalAveragePool') {
    const [height, width] = kernel.inputShapes[0]! as readonly [number, number]
    if (meansDiffer(kernel, from[0]!, height * width, to)) return inIntegers as Rule
  }
  return QDQ_RULES[kernel.kind] as Rule
}
