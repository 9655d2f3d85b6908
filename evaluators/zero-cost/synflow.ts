import { failure } from '../../lib/errors.ts'
import type { RandomStream } from '../../lib/random.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Op, Weights } from '../../network/types.ts'
import { type OpChange, rewriteNetwork } from '../proxy/rewrite-network.ts'
import { initialWeights } from '../training/initial-weights.ts'
import { onnxEngine } from '../training/onnx/engine.ts'
import { logitsOf } from '../training/onnx/training-graph.ts'
import { inputShapeOf } from '../training/train.ts'
import { gradientRecipe, type ZeroCostScore } from './score.ts'

/** Batch norm would undo the scale of the weights, and clipped activations would stop the flow. */
const unbounded: OpChange = (op: Op) => {
  if (op.kind === 'batchNorm') return 'skip'
  return op.kind === 'relu6' || op.kind === 'hardSwish' ? { kind: 'relu' } : op
}

/** Smallest input: sums of absolute weights grow by orders of magnitude with depth, and must stay within float32. */
const FAINT = 2 ** -100
/** Value of the first logit during the step: so small that the softmax is known exactly. */
const LOGIT = 1e-3
/** Large enough that moved weights are mostly gradient. */
const RATE = 1e7

/**
 * Logarithm of synflow (Tanaka et al. 2020): Σ θ·∂R/∂θ over all weights, where R is the sum of the logits of the network
 * with absolute weights, without batch norm, on an input of ones. The logarithm, since R outgrows floating point.
 *
 * R's gradient comes from an ordinary training step: behind the logits stand two classes with logits s·R and 0. With the
 * second as the label, the loss has the slope σ(s·R) in the first. The input is scaled so that R is near 1, which
 * divides the score by that scale; gates (sigmoid, hard sigmoid, router) stand about their middle at such inputs.
 */
export const synflow: ZeroCostScore = {
  id: 'synflow',
  title: 'logarithm of synflow',
  async compute(graph, _batch, random) {
    const network = summed(graph)
    const head = `${network.output}/kernel`
    const program = await onnxEngine.compile(network, gradientRecipe(1))
    const positive = absoluteWeights(network, random)
    const half = positive.get(head)!.length / 2
    const weighHead = (scale: number): Promise<void> => {
      const kernel = new Float32Array(2 * half)
      kernel.fill(scale, 0, half)
      return program.writeWeights(new Map([[head, kernel]]))
    }
    const inputs = new Float32Array(sizeOf(inputShapeOf(network)))
    const flow = async (size: number): Promise<number> => (await program.predict(inputs.fill(size), 1))[0]!
    try {
      await program.writeWeights(positive)
      await weighHead(1)
      const faint = await flow(FAINT)
      if (!(faint > 0 && faint < Number.POSITIVE_INFINITY))
        return failure('non-finite-objective', `the sum of the logits is ${faint}`)
      const size = Math.max(FAINT, FAINT / 2 ** Math.round(Math.log2(faint)))
      const scale = LOGIT / (await flow(size))
      await weighHead(scale)
      const slope = 1 / (1 + Math.exp(-LOGIT))
      await program.step(inputs, Int32Array.of(1), RATE)
      let sum = 0
      for (const [name, after] of await program.readWeights()) {
        const before = positive.get(name)!
        if (name !== head) sum += before.reduce((total, value, i) => total + value * (value - after[i]!), 0)
      }
      const score = Math.log(sum) - Math.log(RATE * slope * scale) - Math.log(size)
      return Number.isFinite(score) ? score : failure('non-finite-objective', 'no path carries any flow')
    } finally {
      await program.dispose()
    }
  },
}

/** The network made fit for synflow, with two numbers behind its logits. */
function summed(graph: NetworkGraph): NetworkGraph {
  const logits = logitsOf(graph).graph
  return rewriteNetwork(logits, inputShapeOf(logits), unbounded, (builder, output) => builder.dense(output, 2, false))
}

const absoluteWeights = (graph: NetworkGraph, random: RandomStream): Weights =>
  new Map([...initialWeights(graph, random)].map(([name, values]) => [name, values.map(Math.abs)]))
