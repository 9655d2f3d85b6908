import { sizeOf } from '../../network/shapes.ts'
import type {
  Multiplier,
  Quantisation,
  QuantisedGraph,
  QuantisedKernel,
  QuantisedKind,
  QuantisedOf,
  Window,
} from '../quantise/types.ts'
import { hasFourBits, packNibbles, type WeightedKernel } from '../quantise/weight-bits.ts'
import type { ConstantEmitter } from './emitter.ts'

interface Input<K extends QuantisedKind> {
  readonly kernel: QuantisedOf<K>
  readonly from: readonly Quantisation[]
  readonly to: Quantisation
  readonly constants: ConstantEmitter
}

interface ParameterRule<K extends QuantisedKind> {
  /** Type of the struct and name of the function. */
  readonly type: string
  readonly call: string
  /** Initialiser of the struct; a list where the kernel is called once for each operand. */
  readonly fields: (input: Input<K>) => string | readonly string[]
}

const factor = ({ multiplier, shift }: Multiplier): string => `{${multiplier}, ${shift}}`

function window(kernel: QuantisedKernel & Window): string {
  const [height, width, channels] = kernel.inputShapes[0]!
  const [outHeight, outWidth] = kernel.outputShape
  const { kernel: size, stride, padTop, padLeft } = kernel
  return `{${[height, width, channels, outHeight, outWidth, ...size, ...stride, padTop, padLeft].join(', ')}}`
}

const pool = <K extends 'averagePool' | 'maxPool'>(type: string, call: string): ParameterRule<K> => ({
  type,
  call,
  fields: ({ kernel }) => {
    const { clamp } = kernel as QuantisedOf<'averagePool' | 'maxPool'>
    return `{${window(kernel as QuantisedOf<'averagePool' | 'maxPool'>)}, ${clamp.join(', ')}}`
  },
})

/** Weights as they lie in flash: those of 4 bits two in a byte. */
const storedWeights = ({ weights, weightBits }: WeightedKernel, constants: ConstantEmitter): string =>
  constants.array('int8_t', weightBits === 4 ? new Int8Array(packNibbles(weights).buffer) : weights)

/** The arrays of a convolution: weights, biases, multipliers, shifts. */
function weighted(kernel: QuantisedOf<'conv2d' | 'depthwiseConv2d'>, constants: ConstantEmitter): string {
  return [
    storedWeights(kernel, constants),
    constants.array('int32_t', kernel.bias),
    constants.array('int32_t', kernel.multipliers),
    constants.array('shift_t', kernel.shifts),
  ].join(', ')
}

/** How each kernel's parameters are written. Order of the fields: as in the structs of the C's sources. */
export const PARAMETER_RULES: { readonly [K in Exclude<QuantisedKind, 'routedExperts'>]: ParameterRule<K> } = {
  conv2d: {
    type: 'conv2d_t',
    call: 'conv2d',
    fields: ({ kernel, from, to, constants }) =>
      `{${window(kernel)}, ${kernel.outputShape[2]}, ${weighted(kernel, constants)}, ` +
      `${[from[0]!.zeroPoint, to.zeroPoint, ...kernel.clamp].join(', ')}}`,
  },
  depthwiseConv2d: {
    type: 'depthwise_t',
    call: 'depthwise',
    fields: ({ kernel, from, to, constants }) =>
      `{${window(kernel)}, ${weighted(kernel, constants)}, ` +
      `${[from[0]!.zeroPoint, to.zeroPoint, ...kernel.clamp].join(', ')}}`,
  },
  dense: {
    type: 'dense_t',
    call: 'dense',
    fields: ({ kernel, from, to, constants }) =>
      `{${sizeOf(kernel.inputShapes[0]!)}, ${sizeOf(kernel.outputShape)}, ` +
      `${storedWeights(kernel, constants)}, ${constants.array('int32_t', kernel.bias)}, ` +
      `${[kernel.multipliers[0]!, kernel.shifts[0]!, from[0]!.zeroPoint, to.zeroPoint, ...kernel.clamp].join(', ')}}`,
  },
  add: {
    type: 'add_t',
    call: 'add',
    fields: ({ kernel, from, to, constants }) => {
      const factors = constants.factors(kernel.operands)
      const zeros = constants.array(
        'int8_t',
        from.map(({ zeroPoint }) => zeroPoint),
      )
      return (
        `{${sizeOf(kernel.outputShape)}, ${from.length}, ${factors}, ${zeros}, ${factor(kernel.result)}, ` +
        `${[kernel.leftShift, to.zeroPoint, ...kernel.clamp].join(', ')}}`
      )
    },
  },
  multiply: {
    type: 'multiply_t',
    call: 'multiply',
    fields: ({ kernel, from, to }) =>
      `{${sizeOf(kernel.inputShapes[0]!)}, ${sizeOf(kernel.inputShapes[1]!)}, ${factor(kernel.result)}, ` +
      `${[from[0]!.zeroPoint, from[1]!.zeroPoint, to.zeroPoint].join(', ')}}`,
  },
  averagePool: pool('average_pool_t', 'average_pool'),
  maxPool: pool('max_pool_t', 'max_pool'),
  globalAveragePool: {
    type: 'mean_t',
    call: 'mean',
    fields: ({ kernel, from, to }) => {
      const [height, width, channels] = kernel.inputShapes[0]! as readonly [number, number, number]
      return `{${height * width}, ${channels}, ${factor(kernel.result)}, ${from[0]!.zeroPoint}, ${to.zeroPoint}}`
    },
  },
  lookup: {
    type: 'lookup_t',
    call: 'lookup',
    fields: ({ kernel, constants }) => `{${sizeOf(kernel.outputShape)}, ${constants.array('int8_t', kernel.table)}}`,
  },
  softmax: {
    type: 'softmax_t',
    call: 'softmax',
    fields: ({ kernel }) => {
      const length = kernel.outputShape.at(-1)!
      return `{${sizeOf(kernel.outputShape) / length}, ${length}, ${kernel.differenceMin}, ${factor(kernel.difference)}}`
    },
  },
  concat: {
    type: 'concat_t',
    call: 'concat',
    fields: ({ kernel, constants }) => {
      const channels = kernel.outputShape.at(-1)!
      let offset = 0
      return kernel.inputShapes.map((shape, n) => {
        const own = shape.at(-1)!
        const table = kernel.tables[n]
        const name = table === undefined ? '0' : constants.array('int8_t', table)
        const fields = `{${sizeOf(shape) / own}, ${own}, ${channels}, ${offset}, ${name}}`
        offset += own
        return fields
      })
    },
  },
}

/** The C function of a kernel; the struct is the same for weights of 8 and of 4 bits. */
export function callOf(kernel: Exclude<QuantisedKernel, { readonly kind: 'routedExperts' }>): string {
  const { call } = PARAMETER_RULES[kernel.kind]
  return hasFourBits(kernel) ? `${call}4` : call
}

/** The initialisers of a kernel in one graph: one struct, or one for each operand. */
export function initialisersOf(
  kernel: QuantisedKernel,
  graph: QuantisedGraph,
  constants: ConstantEmitter,
): readonly string[] {
  const rule = PARAMETER_RULES[kernel.kind as keyof typeof PARAMETER_RULES] as ParameterRule<QuantisedKind>
  const fields = rule.fields({
    kernel,
    from: kernel.inputs.map((tensor) => graph.tensors[tensor]!.quantisation),
    to: graph.tensors[kernel.output]!.quantisation,
    constants,
  })
  return typeof fields === 'string' ? [fields] : fields
}

/** Initialisers of `combine_t`, one for each expert: what its output needs to be added to the sum. */
export function combineInitialisers(kernel: QuantisedOf<'routedExperts'>, graph: QuantisedGraph): readonly string[] {
  const zeroOf = (tensor: number): number => graph.tensors[tensor]!.quantisation.zeroPoint
  const [gateZero, outZero] = [zeroOf(kernel.inputs[1]!), zeroOf(kernel.output)]
  return kernel.experts.map(({ graph: expert, share }) => {
    const { shape, quantisation } = expert.tensors[expert.output]!
    return `{${sizeOf(shape)}, ${factor(share)}, ${quantisation.zeroPoint}, ${outZero}, ${gateZero}}`
  })
}
