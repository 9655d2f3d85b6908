import { floatShares, type RoutingSteps, routeExperts, weighted } from '../../../formats/onnx/routed-experts.ts'
import type { Shape } from '../../../network/types.ts'
import type { BranchResult, OnnxEmitter, Value } from './emitter.ts'

/** A mixture of experts in an inference graph. */
interface Mixture {
  readonly experts: number
  readonly topK: number
  /** `[batch, channels, height, width]`, or `[batch, features]`. */
  readonly features: Value
  /** `[batch, experts]` */
  readonly gates: Value
  /** Of one sample's result, channels last. */
  readonly shape: Shape
  /** Writes an expert on some features. */
  readonly body: (expert: number, features: Value) => Value
}

/** All experts run on all samples; the parts of those that are not chosen count 0. */
export function emitAllExperts(emitter: OnnxEmitter, mixture: Mixture): Value {
  const { experts, topK, features, gates, shape, body } = mixture
  const filled = (like: Value, value: number): Value =>
    emitter.node('ConstantOfShape', [emitter.node('Shape', [like])], {
      attributes: { value: emitter.real(Float32Array.of(value), [1]) },
    })
  const [, places] = emitter.nodes('TopK', [gates, emitter.integers([topK])], 2, { attributes: { axis: 1n } })
  const ones = filled(places!, 1)
  const mask = emitter.node('ScatterElements', [filled(gates, 0), places!, ones], { attributes: { axis: 1n } })
  const chosen = emitter.node('Mul', [gates, mask])
  const sum = (): Value => emitter.node('ReduceSum', [chosen, emitter.integers([1])], { attributes: { keepdims: 1n } })
  const weights = topK === 1 ? chosen : emitter.node('Div', [chosen, sum()])
  const shares = emitter.nodes('Split', [weights], experts, { attributes: { axis: 1n } })
  return shares
    .map((share, expert) => {
      const scale = shape.length === 3 ? emitter.reshape(share, [-1, 1, 1, 1]) : share
      return emitter.node('Mul', [body(expert, features), scale])
    })
    .reduce((sum, part) => emitter.node('Add', [sum, part]))
}

/** Steps of `routeExperts` that write. @param type of the parts, @param shape of one sample's result, channels last */
export function writingSteps(emitter: OnnxEmitter, type: BranchResult['type'], shape: Shape): RoutingSteps<Value> {
  const dims = shape.length === 3 ? [2, 0, 1].map((axis) => shape[axis]!) : shape
  const bytes = { float32: 4, float16: 2, uint8: 1 } as const
  const data = new Uint8Array(bytes[type as keyof typeof bytes])
  return {
    nodes: (opType, inputs, outputs, attributes = {}) => emitter.nodes(opType, inputs, outputs, { attributes }),
    integers: (values) => emitter.integers(values),
    rowsIf: (condition, _expert, then) =>
      emitter.choose(condition, { type, dims: ['rows', ...dims] }, then, () =>
        emitter.node('ConstantOfShape', [emitter.integers([0, ...dims])], {
          attributes: { value: { type, dims: [1], data } },
        }),
      ),
  }
}

const FLOAT_TYPES = { float32: 1n, float16: 10n } as const

/** Only the chosen experts run, each on the samples that go to it. */
export function emitRoutedExperts(emitter: OnnxEmitter, mixture: Mixture): Value {
  const { experts, topK, features, gates, shape, body } = mixture
  const steps = writingSteps(emitter, emitter.floatType, shape)
  return routeExperts(steps, {
    experts,
    topK,
    features,
    scores: gates,
    shares: floatShares(steps, { gates, topK, floatType: FLOAT_TYPES[emitter.floatType] }),
    part: (expert, some, share) => weighted(steps, body(expert, some), share, shape.length === 3),
    sum: (a, b) => emitter.node('Add', [a, b]),
  })
}
