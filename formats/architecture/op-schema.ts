import { z } from 'zod'
import {
  ELEMENTWISE_OPERATIONS,
  type OpKind,
  REARRANGE_OPERATIONS,
  REDUCE_OPERATIONS,
  UNARY_FUNCTIONS,
} from '../../network/types.ts'

const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 28)
const some = count.min(1)
const counts = z.array(count).max(16)
const pair = z.tuple([count, count])
const padding = z.enum(['same', 'valid'])
const flag = z.boolean()
const real = z.number()
const name = z.string().max(200)

const plain = <K extends string>(kind: K) => z.strictObject({ kind: z.literal(kind) })
const pool = <K extends string>(kind: K) =>
  z.strictObject({ kind: z.literal(kind), kernel: pair, stride: pair, padding })

/** Schema of each kind but `routedExperts`, whose body is a network of its own. What the numbers mean is checked later. */
const SCHEMAS = {
  input: z.strictObject({ kind: z.literal('input'), shape: counts, elementBytes: count.optional() }),
  conv2d: z.strictObject({
    kind: z.literal('conv2d'),
    filters: count,
    kernel: pair,
    stride: pair,
    padding,
    bias: flag,
    dilation: pair.optional(),
    groups: count.optional(),
  }),
  depthwiseConv2d: z.strictObject({
    kind: z.literal('depthwiseConv2d'),
    kernel: pair,
    stride: pair,
    padding,
    bias: flag,
    dilation: pair.optional(),
    multiplier: count.optional(),
  }),
  dense: z.strictObject({ kind: z.literal('dense'), units: count, bias: flag }),
  batchNorm: z.strictObject({ kind: z.literal('batchNorm'), epsilon: real }),
  relu: plain('relu'),
  relu6: plain('relu6'),
  hardSwish: plain('hardSwish'),
  hardSigmoid: plain('hardSigmoid'),
  sigmoid: plain('sigmoid'),
  softmax: plain('softmax'),
  add: plain('add'),
  multiply: plain('multiply'),
  concat: z.strictObject({ kind: z.literal('concat'), axis: count.optional() }),
  averagePool: pool('averagePool'),
  maxPool: pool('maxPool'),
  globalAveragePool: z.strictObject({ kind: z.literal('globalAveragePool'), keepDims: flag }),
  reshape: z.strictObject({ kind: z.literal('reshape'), shape: counts }),
  constant: z.strictObject({ kind: z.literal('constant'), shape: counts, derived: z.literal(true).optional() }),
  pad: z.strictObject({ kind: z.literal('pad'), amounts: z.array(pair).max(16) }),
  transpose: z.strictObject({ kind: z.literal('transpose'), order: counts }),
  slice: z.strictObject({ kind: z.literal('slice'), begin: counts, size: counts, stride: counts }),
  split: z.strictObject({ kind: z.literal('split'), axis: count, sizes: z.array(count).max(1024) }),
  view: z.strictObject({ kind: z.literal('view'), offset: count, shape: counts }),
  resize: z.strictObject({
    kind: z.literal('resize'),
    height: count,
    width: count,
    mode: z.enum(['nearest', 'bilinear']),
  }),
  transposeConv2d: z.strictObject({
    kind: z.literal('transposeConv2d'),
    filters: count,
    kernel: pair,
    stride: pair,
    outputSize: pair,
    bias: flag,
    groups: count.optional(),
  }),
  matmul: z.strictObject({
    kind: z.literal('matmul'),
    transposeA: z.literal(true).optional(),
    transposeB: z.literal(true).optional(),
  }),
  elementwise: z.strictObject({ kind: z.literal('elementwise'), operation: z.enum(ELEMENTWISE_OPERATIONS) }),
  unary: z.strictObject({ kind: z.literal('unary'), function: z.enum(UNARY_FUNCTIONS) }),
  leakyRelu: z.strictObject({ kind: z.literal('leakyRelu'), alpha: real }),
  prelu: plain('prelu'),
  quantize: plain('quantize'),
  dequantize: plain('dequantize'),
  reduce: z.strictObject({
    kind: z.literal('reduce'),
    operation: z.enum(REDUCE_OPERATIONS),
    axes: counts,
    keepDims: flag,
  }),
  rearrange: z.strictObject({
    kind: z.literal('rearrange'),
    operation: z.enum(REARRANGE_OPERATIONS),
    shape: counts,
  }),
  custom: z.strictObject({
    kind: z.literal('custom'),
    name,
    shape: counts,
    macs: z.number().min(0).max(1e15).optional(),
    steps: z.strictObject({ count: some, products: count, width: some, passes: count, elements: some }).optional(),
  }),
  tuple: plain('tuple'),
} satisfies Record<Exclude<OpKind, 'routedExperts'>, z.ZodType>

const routedExpertsSchema = z.strictObject({
  kind: z.literal('routedExperts'),
  experts: count,
  topK: count,
  body: z.unknown(),
})

/** The schema of a kind; undefined for a kind that is not known. */
export const schemaOf = (kind: string): z.ZodType | undefined =>
  kind === 'routedExperts'
    ? routedExpertsSchema
    : Object.hasOwn(SCHEMAS, kind)
      ? SCHEMAS[kind as keyof typeof SCHEMAS]
      : undefined
