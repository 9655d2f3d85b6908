import { UserError } from '../../lib/errors.ts'
import { explicitPadding, featureShape, sizeOf } from '../../network/shapes.ts'
import type { OpOf, Shape, TrainableKind } from '../../network/types.ts'
import { addOperands } from './elementwise.ts'
import { quantiseMultiplier } from './fixed-point.ts'
import type { FoldedWeights } from './fold.ts'
import { activationTable, requantisationTable } from './lookup-tables.ts'
import type { LevelKernel } from './lowering.ts'
import { MOST_SOFTMAX_VALUES, softmaxDifference } from './softmax.ts'
import type { FusedActivation, Quantisation, QuantisedKernel, QuantisedLookup, Window } from './types.ts'
import { clampOf, quantiseWeights } from './weights.ts'

type Common = Pick<QuantisedKernel, 'id' | 'inputs' | 'output' | 'inputShapes' | 'outputShape'>

interface Job {
  readonly kernel: LevelKernel
  readonly common: Common
  readonly activation: FusedActivation
  readonly from: readonly Quantisation[]
  readonly to: Quantisation
  readonly bits: 8 | 4
  readonly folded: () => FoldedWeights
}

/** Everything but routed experts, which hold graphs of their own. */
type PlainKind = Exclude<TrainableKind, 'input' | 'reshape' | 'routedExperts'>

function windowOf(op: OpOf<'conv2d' | 'depthwiseConv2d' | 'averagePool' | 'maxPool'>, input: Shape): Window {
  const { top, left } = explicitPadding(featureShape(input, op.kind), op)
  return { kernel: op.kernel, stride: op.stride, padding: op.padding, padTop: top, padLeft: left }
}

function depthwise({ kernel, common, activation, from, to, bits, folded }: Job, window: Window): QuantisedKernel {
  const channels = kernel.node.shape.at(-1)!
  const place = (channel: number, tap: number): number => tap * channels + channel
  const weighted = quantiseWeights(folded(), { perChannel: true, input: from[0]!, output: to, activation, bits, place })
  return { kind: 'depthwiseConv2d', ...common, ...window, ...weighted }
}

const ONE_PIXEL: Window = { kernel: [1, 1], stride: [1, 1], padding: 'valid', padTop: 0, padLeft: 0 }

const lookup =
  (kind: QuantisedLookup['activation']) =>
  ({ common, from, to }: Job): QuantisedKernel => ({
    kind: 'lookup',
    ...common,
    activation: kind,
    table: activationTable(kind, from[0]!, to),
  })

function pool({ kernel, common, activation, to }: Job): QuantisedKernel {
  const op = kernel.node.op as OpOf<'averagePool' | 'maxPool'>
  const window = windowOf(op, kernel.inputShapes[0]!)
  return { kind: op.kind, ...common, ...window, clamp: clampOf(activation, to), activation }
}

/** How each kind becomes an int8 kernel. */
export const KERNEL_RULES: { readonly [K in PlainKind]: (job: Job) => QuantisedKernel } = {
  conv2d: ({ kernel, common, activation, from, to, bits, folded }) => {
    const op = kernel.node.op as OpOf<'conv2d'>
    const area = op.kernel[0] * op.kernel[1]
    const inChannels = kernel.inputShapes[0]!.at(-1)!
    const place = (filter: number, i: number): number =>
      filter * area * inChannels + (i % area) * inChannels + Math.floor(i / area)
    const weighted = quantiseWeights(folded(), {
      perChannel: true,
      input: from[0]!,
      output: to,
      activation,
      bits,
      place,
    })
    return { kind: 'conv2d', ...common, ...windowOf(op, kernel.inputShapes[0]!), ...weighted }
  },
  depthwiseConv2d: (job) =>
    depthwise(job, windowOf(job.kernel.node.op as OpOf<'depthwiseConv2d'>, job.kernel.inputShapes[0]!)),
  batchNorm: (job) => depthwise(job, ONE_PIXEL),
  dense: ({ common, activation, from, to, bits, folded }) => {
    const features = sizeOf(common.inputShapes[0]!)
    const place = (unit: number, i: number): number => unit * features + i
    const weighted = quantiseWeights(folded(), {
      perChannel: false,
      input: from[0]!,
      output: to,
      activation,
      bits,
      place,
    })
    return { kind: 'dense', ...common, ...weighted }
  },
  add: ({ common, activation, from, to }) => {
    const [a, b] = from as readonly [Quantisation, Quantisation]
    const factors = addOperands([a.scale, b.scale], to.scale)
    return { kind: 'add', ...common, ...factors, clamp: clampOf(activation, to), activation }
  },
  multiply: ({ common, from, to }) => {
    const result = quantiseMultiplier((from[0]!.scale * from[1]!.scale) / to.scale)
    return { kind: 'multiply', ...common, result }
  },
  averagePool: pool,
  maxPool: pool,
  globalAveragePool: ({ kernel, common, from, to }) => {
    const [height, width] = kernel.inputShapes[0]! as readonly [number, number]
    return { kind: 'globalAveragePool', ...common, result: meanFactor(from[0]!.scale / to.scale, height * width) }
  },
  softmax: ({ common, from }) => {
    const values = common.outputShape.at(-1)!
    if (values > MOST_SOFTMAX_VALUES) {
      throw new UserError(
        `node '${common.id}' is a softmax over ${values} values: its int8 kernel takes at most ${MOST_SOFTMAX_VALUES}; end the network in logits`,
      )
    }
    return { kind: 'softmax', ...common, ...softmaxDifference(from[0]!.scale) }
  },
  concat: ({ common, from, to }) => ({
    kind: 'concat',
    ...common,
    tables: from.map((operand) => requantisationTable(operand, to)),
  }),
  relu: lookup('relu'),
  relu6: lookup('relu6'),
  hardSwish: lookup('hardSwish'),
  hardSigmoid: lookup('hardSigmoid'),
  sigmoid: lookup('sigmoid'),
}

/** The factor of TFLite MEAN: the ratio of scales with the division by `count` taken into the multiplier. */
export function meanFactor(ratio: number, count: number) {
  const { multiplier, shift } = quantiseMultiplier(ratio)
  const extra = Math.min(31 - Math.clz32(count), 31 + shift)
  return { multiplier: Number((BigInt(multiplier) << BigInt(extra)) / BigInt(count)), shift: shift - extra }
}
