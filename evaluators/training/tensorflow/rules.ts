import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import { explicitPadding, sameShape } from '../../../network/shapes.ts'
import type { ActivationKind, OpOf, Pair, Shape, TrainableKind } from '../../../network/types.ts'
import { routedExperts } from './routed-experts.ts'
import type { NodeInput, Tensorflow, TensorflowRule } from './scope.ts'

const pairOf = (pair: Pair): [number, number] => [...pair]

type Zeros = [[number, number], [number, number], [number, number], [number, number]]

type PoolOp = OpOf<'averagePool' | 'maxPool'>

/** The zeros that a window's padding puts around a batch of maps, as `pad4d` takes them. */
function writtenZeros(op: OpOf<'depthwiseConv2d'> | PoolOp, inputShape: Shape): Zeros {
  const [height, width, channels] = inputShape as readonly [number, number, number]
  const { top, bottom, left, right } = explicitPadding({ height, width, channels }, op)
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]
}

const biased = (
  tf: Tensorflow,
  y: Tensor,
  { op, weight }: Pick<NodeInput<'conv2d' | 'depthwiseConv2d' | 'dense'>, 'op' | 'weight'>,
): Tensor => (op.bias ? tf.add(y, weight('bias')) : y)

/**
 * TensorFlow's depthwise kernels want equal strides; with others the window moves by 1 over a map with its zeros written
 * out, and an average over 1×1 windows picks the places that count.
 */
const depthwiseConv2d: TensorflowRule<'depthwiseConv2d'> = ({ tf }, node) => {
  const { stride, padding } = node.op
  const x = node.inputs[0] as Tensor4D
  const filters = node.weight('kernel') as Tensor4D
  if (stride[0] === stride[1]) return biased(tf, tf.depthwiseConv2d(x, filters, pairOf(stride), padding), node)
  const everywhere = tf.depthwiseConv2d(tf.pad4d(x, writtenZeros(node.op, node.inputShapes[0]!)), filters, 1, 'valid')
  return biased(tf, tf.avgPool(everywhere, 1, pairOf(stride), 'valid'), node)
}

const batchNorm: TensorflowRule<'batchNorm'> = ({ tf, training }, { path, op, inputs, weight }) => {
  const x = inputs[0]!
  let mean = weight('movingMean')
  let variance = weight('movingVariance')
  if (training !== undefined) {
    ;({ mean, variance } = tf.moments(x, [0, 1, 2]))
    training.reportStatistic(`${path}/movingMean`, mean)
    training.reportStatistic(`${path}/movingVariance`, variance)
  }
  const scale = tf.div(weight('gamma'), tf.sqrt(tf.add(variance, op.epsilon)))
  return tf.add(tf.mul(tf.sub(x, mean), scale), weight('beta'))
}

const hardSigmoid = (tf: Tensorflow, x: Tensor): Tensor => tf.div(tf.relu6(tf.add(x, 3)), 6)

const activation =
  <K extends ActivationKind>(apply: (tf: Tensorflow, x: Tensor) => Tensor): TensorflowRule<K> =>
  ({ tf }, { inputs }) =>
    apply(tf, inputs[0]!)

/**
 * Zeros around a map do not count in an average. They are written out and divided out here, because tfjs-core's own
 * gradient of a padded average forgets to (its JavaScript backend, 4.22).
 */
const averagePool: TensorflowRule<'averagePool'> = ({ tf }, node) => {
  const op = node.op as PoolOp
  const { kernel, stride, padding } = op
  const average = (x: Tensor4D): Tensor4D => tf.avgPool(x, pairOf(kernel), pairOf(stride), 'valid')
  if (padding === 'valid') return average(node.inputs[0] as Tensor4D)
  const zeros = writtenZeros(op, node.inputShapes[0]!)
  const [height, width] = node.inputShapes[0] as readonly [number, number, number]
  const covered = average(tf.pad4d(tf.ones([1, height, width, 1]), zeros))
  return tf.div(average(tf.pad4d(node.inputs[0] as Tensor4D, zeros)), covered)
}

/** How each kind is computed; the way back is TensorFlow's own differentiation. */
export const TENSORFLOW_RULES: { readonly [K in Exclude<TrainableKind, 'input'>]: TensorflowRule<K> } = {
  conv2d: ({ tf }, node) => {
    const { stride, padding } = node.op
    const x = node.inputs[0] as Tensor4D
    return biased(tf, tf.conv2d(x, node.weight('kernel') as Tensor4D, pairOf(stride), padding), node)
  },
  depthwiseConv2d,
  dense: ({ tf }, node) => biased(tf, tf.matMul(node.inputs[0] as Tensor2D, node.weight('kernel')), node),
  batchNorm,
  relu: activation((tf, x) => tf.relu(x)),
  relu6: activation((tf, x) => tf.relu6(x)),
  hardSwish: activation((tf, x) => tf.mul(x, hardSigmoid(tf, x))),
  hardSigmoid: activation(hardSigmoid),
  sigmoid: activation((tf, x) => tf.sigmoid(x)),
  softmax: activation((tf, x) => tf.softmax(x)),
  add: ({ tf }, { inputs }) => inputs.reduce((sum, x) => tf.add(sum, x)),
  multiply: ({ tf }, { inputs, inputShapes, shape }) => {
    const [a, b] = inputs as readonly [Tensor, Tensor]
    const alike = sameShape(inputShapes[0]!, inputShapes[1]!)
    return tf.mul(a, alike ? b : tf.reshape(b, [-1, 1, 1, shape.at(-1)!]))
  },
  concat: ({ tf }, { inputs }) => tf.concat([...inputs], -1),
  averagePool,
  maxPool: ({ tf }, node) => {
    const { kernel, stride, padding } = node.op as PoolOp
    return tf.maxPool(node.inputs[0] as Tensor4D, pairOf(kernel), pairOf(stride), padding)
  },
  globalAveragePool: ({ tf }, { op, inputs }) => tf.mean(inputs[0]!, [1, 2], op.keepDims),
  reshape: ({ tf }, { inputs, shape }) => tf.reshape(inputs[0]!, [-1, ...shape]),
  routedExperts,
}
