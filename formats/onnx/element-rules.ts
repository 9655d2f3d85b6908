import { UserError } from '../../lib/errors.ts'
import type { ActivationKind, Op, OpOf } from '../../network/types.ts'
import { padRank, toOrder } from './layout.ts'
import type { NodeInput, NodeRule } from './rules.ts'

const pointwise =
  (op: Op): NodeRule =>
  ({ network, value }) => {
    const { tensor, order } = value(0)
    return [{ tensor: network.pointwise(tensor, op), order }]
  }

const activation = (kind: ActivationKind): NodeRule => pointwise({ kind })
const unary = (name: OpOf<'unary'>['function']): NodeRule => pointwise({ kind: 'unary', function: name })

/** A quantised activation has scales and zero points between its operands. */
const elementwise =
  (operation: OpOf<'elementwise'>['operation'], operands?: readonly number[]): NodeRule =>
  (input) => {
    const { network, node } = input
    const places = operands ?? node.inputs.map((_, i) => i).filter((i) => input.has(i))
    const rank = Math.max(...places.map((i) => input.dims(i).length))
    const values = places.map((i) => padRank(network, input.value(i), rank))
    const lead = values[places.findIndex((i) => input.isComputed(i))] ?? values[0]
    if (lead === undefined) throw new UserError('it has no operands')
    // A constant is stored in the order that suits the others.
    const aligned = values.map((value, k) =>
      input.isComputed(places[k]!)
        ? toOrder(network, value, lead.order).tensor
        : network.reshape(
            value.tensor,
            lead.order.map((axis) => value.tensor.dims[axis]!),
          ),
    )
    const constants = places.some((i) => !input.isComputed(i))
    return [{ tensor: network.elementwise(operation, aligned, constants), order: lead.order }]
  }

const clip: NodeRule = (input) => {
  const bound = (attribute: string, operand: number): number | undefined =>
    input.stored(operand)?.values?.[0] ?? input.node.floats.get(attribute)?.[0]
  const [low, high] = [bound('min', 1), bound('max', 2)]
  if (low === 0 && high === 6) return activation('relu6')(input)
  if (low === 0 && (high === undefined || high > 1e6)) return activation('relu')(input)
  return unary('clip')(input)
}

const prelu: NodeRule = (input) => {
  const { network } = input
  const x = input.value(0)
  const slopes = padRank(network, input.value(1), x.order.length)
  const aligned = network.reshape(
    slopes.tensor,
    x.order.map((axis) => slopes.tensor.dims[axis]!),
  )
  return [{ tensor: network.prelu(x.tensor, aligned), order: x.order }]
}

const leakyRelu: NodeRule = (input) =>
  pointwise({ kind: 'leakyRelu', alpha: input.node.floats.get('alpha')?.[0] ?? 0.01 })(input)

/** Normalisation over a sample: known by its name, with the shape of its input. */
const normalisation: NodeRule = ({ network, node, value, has }) => {
  const { tensor, order } = value(0)
  const more = node.inputs.flatMap((_, i) => (i > 0 && has(i) ? [value(i).tensor] : []))
  const [result] = network.custom(node.opType, [tensor, ...more], [tensor.dims])
  return [{ tensor: result!, order }]
}

const same: NodeRule = ({ value }) => [value(0)]

const names = (operation: OpOf<'elementwise'>['operation'], ...opTypes: readonly string[]) =>
  Object.fromEntries(opTypes.map((opType) => [opType, elementwise(operation)]))
const functions = (name: OpOf<'unary'>['function'], ...opTypes: readonly string[]) =>
  Object.fromEntries(opTypes.map((opType) => [opType, unary(name)]))

export const ELEMENT_RULES: Readonly<Record<string, NodeRule>> = {
  Relu: activation('relu'),
  Sigmoid: activation('sigmoid'),
  QLinearSigmoid: activation('sigmoid'),
  HardSwish: activation('hardSwish'),
  HardSigmoid: activation('hardSigmoid'),
  Softmax: activation('softmax'),
  LogSoftmax: activation('softmax'),
  QLinearSoftmax: activation('softmax'),
  Clip: clip,
  LeakyRelu: leakyRelu,
  QLinearLeakyRelu: leakyRelu,
  PRelu: prelu,
  ...functions('tanh', 'Tanh'),
  ...functions('exp', 'Exp'),
  ...functions('log', 'Log'),
  ...functions('sqrt', 'Sqrt'),
  ...functions('abs', 'Abs'),
  ...functions('negate', 'Neg'),
  ...functions('gelu', 'Gelu', 'FastGelu', 'BiasGelu'),
  ...functions('elu', 'Elu', 'Selu', 'Celu'),
  ...functions('softplus', 'Softplus'),
  ...functions('swish', 'Swish', 'Mish', 'QuickGelu'),
  ...functions('round', 'Round', 'Floor', 'Ceil'),
  ...functions('other', 'Erf', 'Reciprocal', 'Sin', 'Cos', 'Sign', 'Softsign', 'Not', 'CumSum', 'LpNormalization'),
  ...names('add', 'Add', 'Sum'),
  ...names('subtract', 'Sub'),
  ...names('multiply', 'Mul'),
  ...names('divide', 'Div'),
  ...names('maximum', 'Max'),
  ...names('minimum', 'Min'),
  ...names('power', 'Pow'),
  ...names('select', 'Where'),
  ...names('compare', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'),
  ...names('other', 'Mod', 'And', 'Or', 'Xor', 'Mean'),
  QLinearAdd: elementwise('add', [0, 3]),
  QLinearMul: elementwise('multiply', [0, 3]),
  QuantizeLinear: pointwise({ kind: 'quantize' }),
  DynamicQuantizeLinear: (input: NodeInput) => [
    ...pointwise({ kind: 'quantize' })(input),
    ...input.node.outputs.slice(1).map(() => ({ tensor: input.network.constant([]), order: [] })),
  ],
  DequantizeLinear: pointwise({ kind: 'dequantize' }),
  LRN: normalisation,
  SkipLayerNormalization: normalisation,
  SkipSimplifiedLayerNormalization: normalisation,
  InstanceNormalization: normalisation,
  LayerNormalization: normalisation,
  SimplifiedLayerNormalization: normalisation,
  GroupNormalization: normalisation,
  RMSNormalization: normalisation,
  MeanVarianceNormalization: normalisation,
  Identity: same,
  Dropout: same,
  Cast: same,
  CastLike: same,
  ReorderInput: same,
  ReorderOutput: same,
}
