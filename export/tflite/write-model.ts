import { encodeTflite } from '../../formats/tflite/write-tflite.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import type { QuantisedGraph, QuantisedNetwork } from '../quantise/types.ts'
import { type Operand, TfliteBuilder, withBatch } from './builder.ts'
import { writeMixture } from './experts.ts'
import { writeOperator } from './operators.ts'

export interface TfliteOptions {
  /** One line in the file: which network this is, what goes in. */
  readonly description: string
  /** `float32`: the same network between a QUANTIZE and a DEQUANTIZE. */
  readonly interface: 'int8' | 'float32'
}

/** Writes a quantised network as a TFLite file: the same weights, scales and order of kernels as the integer reference. */
export function writeTflite(network: QuantisedNetwork, { description, interface: outside }: TfliteOptions): Uint8Array {
  const builder = new TfliteBuilder()
  const { shape, quantisation } = network.tensors[network.input]!
  const float = outside === 'float32'
  const dims = withBatch(shape)
  const given = builder.computed('input', dims, float ? undefined : quantisation)
  let entry = given
  if (float) {
    entry = builder.computed('quantised_input', dims, quantisation)
    builder.operator('QUANTIZE', 1, [given], [entry])
  }
  const raw = writeLevel(builder, network, entry, '')
  const last = builder.reshaped(raw, withBatch(network.outputShape), 'output')
  let result = last
  if (float) {
    result = builder.computed('real_output', last.dims)
    builder.operator('DEQUANTIZE', 2, [last], [result])
  }
  return encodeTflite(builder.build(description, given, result))
}

/** Writes the kernels of a network, or of one expert. Returns its output in the shape that its kernel gives it. */
function writeLevel(builder: TfliteBuilder, graph: QuantisedGraph, entry: Operand, prefix: string): Operand {
  const operands = new Map<number, Operand>([[graph.input, entry]])
  for (const kernel of graph.kernels) {
    const name = `${prefix}${kernel.id}`
    const read = (operand: number, shape: Shape): Operand =>
      builder.reshaped(operands.get(kernel.inputs[operand]!)!, withBatch(shape), `${name}/operand${operand}`)
    const { quantisation } = graph.tensors[kernel.output]!
    const output = builder.computed(name, withBatch(kernel.outputShape), quantisation)
    operands.set(kernel.output, output)
    if (kernel.kind === 'routedExperts') {
      const [features, gates] = kernel.inputShapes as readonly [Shape, Shape]
      const writeExpert = (expert: QuantisedGraph, features: Operand, path: string): Operand => {
        const result = writeLevel(builder, expert, features, path)
        return builder.reshaped(result, output.dims, `${path}result`)
      }
      const mixture = { builder, kernel, output, name, writeExpert }
      writeMixture({ ...mixture, features: read(0, features), gates: read(1, [sizeOf(gates)]) })
    } else {
      const inputs = kernel.inputShapes.map((shape, operand) =>
        read(operand, kernel.kind === 'dense' ? [sizeOf(shape)] : shape),
      )
      writeOperator({ builder, kernel, inputs, output, name }, kernel.kind)
    }
  }
  return operands.get(graph.output)!
}
