import { explicitPadding, sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, NetworkNode, Op, OpKind, OpOf, Shape, TrainableKind } from '../../network/types.ts'

/** One sample's tensor, row-major `[h, w, c]` or `[f]`, in double precision. */
type Sample = Float64Array
export type DoubleWeights = ReadonlyMap<string, Float64Array>

export interface ReferenceOptions {
  /** Batch statistics instead of running ones. */
  readonly training: boolean
}

/** What a run leaves behind beside its result. */
export interface ReferenceTrace {
  /** E·Σ f·P of every node of routed experts, added. */
  balance: number
  readonly statistics: Map<string, Float64Array>
}

interface Call<K extends OpKind> {
  readonly op: OpOf<K>
  readonly inputs: readonly (readonly Sample[])[]
  readonly inputShapes: readonly Shape[]
  readonly shape: Shape
  readonly weight: (role: string) => Float64Array
  readonly options: ReferenceOptions
  readonly name: string
  readonly weights: DoubleWeights
  readonly trace: ReferenceTrace
}

type Rule<K extends OpKind> = (call: Call<K>) => readonly Sample[]

const map1 = (samples: readonly Sample[], f: (value: number) => number): readonly Sample[] =>
  samples.map((sample) => sample.map(f))
const fill = (y: Sample, bias: Sample): void => {
  for (let i = 0; i < y.length; i++) y[i] = bias[i % bias.length]!
}
const hardSigmoid = (x: number): number => Math.min(Math.max(x / 6 + 0.5, 0), 1)

const unary =
  <K extends OpKind>(f: (value: number) => number): Rule<K> =>
  ({ inputs }) =>
    map1(inputs[0]!, f)

/** Calls `visit` for every tap that falls inside the map. */
function eachTap(
  op: OpOf<'maxPool'> | OpOf<'conv2d'> | OpOf<'depthwiseConv2d'> | OpOf<'averagePool'>,
  input: Shape,
  output: Shape,
  visit: (outPixel: number, inPixel: number, tap: number) => void,
): void {
  const [height, width] = [input[0]!, input[1]!]
  const pads = explicitPadding({ height, width, channels: input[2]! }, op)
  for (let oy = 0; oy < output[0]!; oy++) {
    for (let ox = 0; ox < output[1]!; ox++) {
      for (let ky = 0; ky < op.kernel[0]; ky++) {
        for (let kx = 0; kx < op.kernel[1]; kx++) {
          const [y, x] = [oy * op.stride[0] + ky - pads.top, ox * op.stride[1] + kx - pads.left]
          if (y < 0 || x < 0 || y >= height || x >= width) continue
          visit(oy * output[1]! + ox, y * width + x, ky * op.kernel[1] + kx)
        }
      }
    }
  }
}

const RULES: { readonly [K in Exclude<TrainableKind, 'input'>]: Rule<K> } = {
  conv2d: ({ op, inputs, inputShapes, shape, weight }) => {
    const channels = inputShapes[0]![2]!
    const taps = op.kernel[0] * op.kernel[1]
    const kernel = weight('kernel')
    return inputs[0]!.map((x) => {
      const y = new Float64Array(sizeOf(shape))
      if (op.bias) fill(y, weight('bias'))
      eachTap(op, inputShapes[0]!, shape, (to, from, tap) => {
        for (let f = 0; f < op.filters; f++) {
          for (let c = 0; c < channels; c++) {
            y[to * op.filters + f]! += x[from * channels + c]! * kernel[(f * channels + c) * taps + tap]!
          }
        }
      })
      return y
    })
  },
  depthwiseConv2d: ({ op, inputs, inputShapes, shape, weight }) => {
    const channels = shape[2]!
    const taps = op.kernel[0] * op.kernel[1]
    return inputs[0]!.map((x) => {
      const y = new Float64Array(sizeOf(shape))
      if (op.bias) fill(y, weight('bias'))
      eachTap(op, inputShapes[0]!, shape, (to, from, tap) => {
        for (let c = 0; c < channels; c++)
          y[to * channels + c]! += x[from * channels + c]! * weight('kernel')[c * taps + tap]!
      })
      return y
    })
  },
  dense: ({ op, inputs, weight }) =>
    inputs[0]!.map((x) =>
      Float64Array.from({ length: op.units }, (_, u) =>
        x.reduce(
          (sum, value, f) => sum + value * weight('kernel')[u * x.length + f]!,
          op.bias ? weight('bias')[u]! : 0,
        ),
      ),
    ),
  batchNorm: ({ op, inputs, shape, weight, options, name, trace }) => {
    const channels = shape.at(-1)!
    const pixels = sizeOf(shape) / channels
    const count = pixels * inputs[0]!.length
    const mean = new Float64Array(channels)
    const variance = new Float64Array(channels)
    for (const x of inputs[0]!) for (const [i, value] of x.entries()) mean[i % channels]! += value / count
    for (const x of inputs[0]!) {
      for (const [i, value] of x.entries()) variance[i % channels]! += (value - mean[i % channels]!) ** 2 / count
    }
    trace.statistics.set(`${name}/movingMean`, mean).set(`${name}/movingVariance`, variance)
    const [mu, sigma2] = options.training ? [mean, variance] : [weight('movingMean'), weight('movingVariance')]
    const normalise = (value: number, c: number): number =>
      ((value - mu[c]!) / Math.sqrt(sigma2[c]! + op.epsilon)) * weight('gamma')[c]! + weight('beta')[c]!
    return inputs[0]!.map((x) => x.map((value, i) => normalise(value, i % channels)))
  },
  relu: unary((x) => Math.max(x, 0)),
  relu6: unary((x) => Math.min(Math.max(x, 0), 6)),
  hardSwish: unary((x) => x * hardSigmoid(x)),
  hardSigmoid: unary(hardSigmoid),
  sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  softmax: ({ inputs, shape }) =>
    inputs[0]!.map((x) => {
      const channels = shape.at(-1)!
      const y = x.map((value) => Math.exp(value))
      return y.map((value, i) => {
        const start = i - (i % channels)
        return value / y.subarray(start, start + channels).reduce((sum, term) => sum + term, 0)
      })
    }),
  add: ({ inputs }) =>
    inputs[0]!.map((x, n) => x.map((_, i) => inputs.reduce((sum, operand) => sum + operand[n]![i]!, 0))),
  multiply: ({ inputs }) =>
    inputs[0]!.map((x, n) => x.map((value, i) => value * inputs[1]![n]![i % inputs[1]![n]!.length]!)),
  concat: ({ inputs, inputShapes, shape }) =>
    inputs[0]!.map((_, n) => {
      const pixels = sizeOf(shape) / shape.at(-1)!
      const parts: number[] = []
      for (let pixel = 0; pixel < pixels; pixel++) {
        for (const [operand, x] of inputs.entries()) {
          const channels = inputShapes[operand]!.at(-1)!
          parts.push(...x[n]!.subarray(pixel * channels, (pixel + 1) * channels))
        }
      }
      return Float64Array.from(parts)
    }),
  averagePool: ({ op, inputs, inputShapes, shape }) =>
    inputs[0]!.map((x) => {
      const channels = shape[2]!
      const y = new Float64Array(sizeOf(shape))
      const counts = new Float64Array(shape[0]! * shape[1]!)
      eachTap(op, inputShapes[0]!, shape, (to, from) => {
        counts[to]!++
        for (let c = 0; c < channels; c++) y[to * channels + c]! += x[from * channels + c]!
      })
      return y.map((sum, i) => sum / counts[Math.floor(i / channels)]!)
    }),
  maxPool: ({ op, inputs, inputShapes, shape }) =>
    inputs[0]!.map((x) => {
      const channels = shape[2]!
      const y = new Float64Array(sizeOf(shape)).fill(Number.NEGATIVE_INFINITY)
      eachTap(op, inputShapes[0]!, shape, (to, from) => {
        for (let c = 0; c < channels; c++) {
          y[to * channels + c] = Math.max(y[to * channels + c]!, x[from * channels + c]!)
        }
      })
      return y
    }),
  globalAveragePool: ({ inputs, inputShapes }) =>
    inputs[0]!.map((x) => {
      const channels = inputShapes[0]![2]!
      const y = new Float64Array(channels)
      for (const [i, value] of x.entries()) y[i % channels]! += (value * channels) / x.length
      return y
    }),
  reshape: ({ inputs }) => inputs[0]!,
  routedExperts: ({ op, inputs, weights, options, name, trace }) => {
    const gates = inputs[1]!
    const chosen = gates.map((gate) => {
      const order = [...gate.keys()].sort((a, b) => gate[b]! - gate[a]! || a - b).slice(0, op.topK)
      const total = op.topK === 1 ? 1 : order.reduce((sum, expert) => sum + gate[expert]!, 0)
      return Float64Array.from(gate, (value, expert) => (order.includes(expert) ? value / total : 0))
    })
    for (let expert = 0; expert < op.experts; expert++) {
      const load = chosen.filter((shares) => shares[expert]! > 0).length / gates.length / op.topK
      const importance = gates.reduce((sum, gate) => sum + gate[expert]!, 0) / gates.length
      trace.balance += op.experts * load * importance
    }
    const outputs = Array.from({ length: op.experts }, (_, expert) =>
      runReference(op.body, weights, inputs[0]!, options, trace, `${name}/${expert}/`),
    )
    return inputs[0]!.map((_, n) =>
      outputs[0]![n]!.map((_, i) => outputs.reduce((sum, output, e) => sum + output[n]![i]! * chosen[n]![e]!, 0)),
    )
  },
}

/** Runs a network sample by sample, in double precision and without cleverness. */
export function runReference(
  graph: NetworkGraph,
  weights: DoubleWeights,
  batch: readonly Sample[],
  options: ReferenceOptions,
  trace: ReferenceTrace = { balance: 0, statistics: new Map() },
  prefix = '',
): readonly Sample[] {
  const values = new Map<string, readonly Sample[]>()
  const shapes = new Map(graph.nodes.map((node) => [node.id, node.shape]))
  for (const node of graph.nodes) {
    if (node.op.kind === 'input') values.set(node.id, batch)
    else
      values.set(
        node.id,
        (RULES[node.op.kind as Exclude<TrainableKind, 'input'>] as Rule<OpKind>)(callOf(node, node.op)),
      )
  }
  function callOf(node: NetworkNode, op: Op): Call<OpKind> {
    const name = `${prefix}${node.id}`
    return {
      op,
      inputs: node.inputs.map((id) => values.get(id)!),
      inputShapes: node.inputs.map((id) => shapes.get(id)!),
      shape: node.shape,
      weight: (role) => weights.get(`${name}/${role}`)!,
      options,
      name,
      weights,
      trace,
    }
  }
  return values.get(graph.output)!
}

/** Mean loss of a batch as the engine defines it. */
export function referenceLoss(
  graph: NetworkGraph,
  weights: DoubleWeights,
  batch: readonly Sample[],
  labels: Int32Array,
  recipe: { readonly labelSmoothing: number; readonly loadBalancing: number },
  trace: ReferenceTrace = { balance: 0, statistics: new Map() },
): number {
  const logits = runReference(graph, weights, batch, { training: true }, trace)
  let loss = 0
  for (const [n, row] of logits.entries()) {
    const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0))
    const smooth = row.reduce((sum, value) => sum + logSum - value, 0) / row.length
    loss += (1 - recipe.labelSmoothing) * (logSum - row[labels[n]!]!) + recipe.labelSmoothing * smooth
  }
  return loss / logits.length + recipe.loadBalancing * trace.balance
}

/** Kinds that occur in a network, those inside experts included. */
export function kindsOf(graph: NetworkGraph): ReadonlySet<OpKind> {
  const kinds = new Set<OpKind>()
  for (const { op } of graph.nodes) {
    kinds.add(op.kind)
    if (op.kind === 'routedExperts') for (const kind of kindsOf(op.body)) kinds.add(kind)
  }
  return kinds
}
