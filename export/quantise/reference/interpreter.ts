import { sizeOf } from '../../../network/shapes.ts'
import { clampInt8, clampTo, scaleBy } from '../fixed-point.ts'
import { softmaxRow } from '../softmax.ts'
import type {
  Quantisation,
  QuantisedAdd,
  QuantisedConcat,
  QuantisedGraph,
  QuantisedKernel,
  QuantisedKind,
  QuantisedMultiply,
  QuantisedOf,
} from '../types.ts'
import { prepareExperts } from './experts.ts'
import { prepareMean, preparePool } from './pooling.ts'
import { prepareConv, prepareDense, prepareDepthwise, type RoundedTwice, type Step } from './sums-of-products.ts'
import { ArenaPlan } from './vector-sums.ts'

interface Binding<K extends QuantisedKind> {
  readonly kernel: QuantisedOf<K>
  readonly inputs: readonly Int8Array[]
  readonly output: Int8Array
  readonly from: readonly Quantisation[]
  readonly to: Quantisation
  /** Of the interpreter's memory. */
  readonly plan: ArenaPlan
  readonly roundedTwice: RoundedTwice | undefined
}

function prepareAdd(kernel: QuantisedAdd, { inputs, output, from, to }: Binding<'add'>): Step {
  const { leftShift, operands, result, clamp } = kernel
  const [low, high] = clamp
  // An operand's share of the sum, for each of its 256 values.
  const shares = operands.map(({ multiplier, shift }, n) =>
    Int32Array.from({ length: 256 }, (_, i) =>
      scaleBy((i - 128 - from[n]!.zeroPoint) * 2 ** leftShift, multiplier, shift),
    ),
  )
  const sums = new Int32Array(output.length)
  return () => {
    sums.fill(0)
    for (const [n, input] of inputs.entries()) {
      const share = shares[n]!
      for (let i = 0; i < sums.length; i++) sums[i]! += share[input[i]! + 128]!
    }
    for (let i = 0; i < sums.length; i++) {
      output[i] = clampTo(scaleBy(sums[i]!, result.multiplier, result.shift) + to.zeroPoint, low, high)
    }
  }
}

function prepareMultiply(kernel: QuantisedMultiply, { inputs, output, from, to }: Binding<'multiply'>): Step {
  const [a, b] = inputs as readonly [Int8Array, Int8Array]
  const { multiplier, shift } = kernel.result
  return () => {
    for (let i = 0; i < a.length; i++) {
      const product = (a[i]! - from[0]!.zeroPoint) * (b[i % b.length]! - from[1]!.zeroPoint)
      output[i] = clampInt8(scaleBy(product, multiplier, shift) + to.zeroPoint)
    }
  }
}

function prepareConcat(kernel: QuantisedConcat, { inputs, output }: Binding<'concat'>): Step {
  const channels = kernel.outputShape.at(-1)!
  return () => {
    let offset = 0
    for (const [n, input] of inputs.entries()) {
      const own = kernel.inputShapes[n]!.at(-1)!
      const table = kernel.tables[n]
      for (let i = 0; i < input.length; i++) {
        const value = input[i]!
        output[Math.floor(i / own) * channels + offset + (i % own)] = table === undefined ? value : table[value + 128]!
      }
      offset += own
    }
  }
}

const RULES: { readonly [K in QuantisedKind]: (binding: Binding<K>) => Step } = {
  conv2d: (binding) => prepareConv(single(binding), binding.plan),
  depthwiseConv2d: (binding) => prepareDepthwise(single(binding), binding.plan),
  dense: (binding) => prepareDense(single(binding), binding.plan),
  add: (binding) => prepareAdd(binding.kernel, binding),
  multiply: (binding) => prepareMultiply(binding.kernel, binding),
  averagePool: ({ kernel, inputs, output }) => preparePool(kernel, inputs[0]!, output),
  maxPool: ({ kernel, inputs, output }) => preparePool(kernel, inputs[0]!, output),
  globalAveragePool: ({ kernel, inputs, output, from, to }) => prepareMean(kernel, from[0]!, to, inputs[0]!, output),
  lookup:
    ({ kernel: { table }, inputs: [input], output }) =>
    () => {
      for (let i = 0; i < output.length; i++) output[i] = table[input![i]! + 128]!
    },
  softmax: ({ kernel, inputs, output }) => {
    const length = kernel.outputShape.at(-1)!
    return () => {
      for (let start = 0; start < output.length; start += length) softmaxRow(kernel, inputs[0]!, output, start, length)
    }
  },
  concat: (binding) => prepareConcat(binding.kernel, binding),
  routedExperts: ({ kernel, inputs, output, from, to, plan, roundedTwice }) =>
    prepareExperts(kernel, from[1]!, to, inputs[1]!, output, (graph) =>
      prepareGraph(graph, inputs[0]!, plan, roundedTwice),
    ),
}

const single = <K extends 'conv2d' | 'depthwiseConv2d' | 'dense'>({
  kernel,
  inputs,
  output,
  from,
  to,
  roundedTwice,
}: Binding<K>) => ({
  roundedTwice,
  kernel,
  from: from[0]!,
  to,
  input: inputs[0]!,
  output,
})

function prepareGraph(
  graph: QuantisedGraph,
  input: Int8Array,
  plan: ArenaPlan,
  roundedTwice: RoundedTwice | undefined,
): { readonly run: Step; readonly output: Int8Array } {
  const buffers = graph.tensors.map(({ shape }, i) => (i === graph.input ? input : new Int8Array(sizeOf(shape))))
  const steps = graph.kernels.map((kernel) => {
    const binding = {
      kernel,
      inputs: kernel.inputs.map((tensor) => buffers[tensor]!),
      output: buffers[kernel.output]!,
      from: kernel.inputs.map((tensor) => graph.tensors[tensor]!.quantisation),
      to: graph.tensors[kernel.output]!.quantisation,
      plan,
      roundedTwice,
    }
    return (RULES[kernel.kind] as (binding: Binding<QuantisedKernel['kind']>) => Step)(
      binding as Binding<QuantisedKernel['kind']>,
    )
  })
  const run: Step = () => {
    for (const step of steps) step()
  }
  return { run, output: buffers[graph.output]! }
}

/**
 * The integer reference: prepares a quantised network for runs on one sample at a time, bit for bit what TFLM's reference
 * kernels and our C compute.
 * @param roundedTwice kernels that round as LiteRT's do where weights have 4 bits.
 * @returns a function from an int8 input to the int8 output; the output is overwritten by the next call.
 */
export function createInterpreter(graph: QuantisedGraph, roundedTwice?: RoundedTwice): (input: Int8Array) => Int8Array {
  const input = new Int8Array(sizeOf(graph.tensors[graph.input]!.shape))
  const plan = new ArenaPlan()
  const { run, output } = prepareGraph(graph, input, plan, roundedTwice)
  plan.allocate()
  return (sample) => {
    input.set(sample)
    run()
    return output
  }
}
