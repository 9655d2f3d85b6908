import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-core'
import { sizeOf } from '../../../network/shapes.ts'
import type { NetworkGraph, Shape, Weights } from '../../../network/types.ts'
import type { Recipe, StepMetrics, TrainingProgram } from '../engine.ts'
import { checkInputs, checkLabels } from '../program-checks.ts'
import { countCorrect, crossEntropy } from './loss.ts'
import { runNetwork } from './network.ts'
import { clipByNorm, OPTIMISER_RULES } from './optimiser.ts'
import type { Tensorflow } from './scope.ts'
import { StoredWeights } from './stored-weights.ts'

/** Samples of one run of `predict`. */
const PREDICT_BATCH = 64

/** What a step found on its way to the loss; kept until the step is over. */
interface Findings {
  readonly statistics: Map<string, Tensor>
  correct?: Tensor
}

/** A network with its weights inside TensorFlow, which differentiates the loss. Tensors of a step are freed at its end. */
export class TensorflowProgram implements TrainingProgram {
  readonly compileSeconds: number
  readonly #tf: Tensorflow
  readonly #graph: NetworkGraph
  readonly #recipe: Recipe
  readonly #inputShape: Shape
  readonly #weights: StoredWeights

  /** `graph` ends in logits. */
  constructor(tf: Tensorflow, graph: NetworkGraph, recipe: Recipe, started: number) {
    this.#tf = tf
    this.#graph = graph
    this.#recipe = recipe
    this.#inputShape = graph.nodes.find((node) => node.op.kind === 'input')!.shape
    this.#weights = new StoredWeights(tf, graph, OPTIMISER_RULES[recipe.optimiser].kept)
    this.compileSeconds = (performance.now() - started) / 1000
  }

  async step(inputs: Float32Array, labels: Int32Array, learningRate: number): Promise<StepMetrics> {
    checkInputs(inputs, this.#recipe.batchSize, this.#inputShape)
    checkLabels(labels, this.#recipe.batchSize)
    const metrics = this.#tf.tidy(() => this.#update(inputs, labels, learningRate))
    try {
      const [loss, correct] = await metrics.data()
      return { loss: loss!, correct: correct! }
    } finally {
      metrics.dispose()
    }
  }

  async predict(inputs: Float32Array, count: number): Promise<Float32Array> {
    checkInputs(inputs, count, this.#inputShape)
    const tf = this.#tf
    const size = sizeOf(this.#inputShape)
    const classes = this.#graph.nodes.find(({ id }) => id === this.#graph.output)!.shape[0]!
    const logits = new Float32Array(count * classes)
    for (let start = 0; start < count; start += PREDICT_BATCH) {
      const end = Math.min(start + PREDICT_BATCH, count)
      const result = tf.tidy(() => {
        const batch = tf.tensor(inputs.subarray(start * size, end * size), [end - start, ...this.#inputShape])
        return runNetwork({ tf, weight: this.#weights.value }, this.#graph, batch)
      })
      logits.set(await result.data(), start * classes)
      result.dispose()
    }
    return logits
  }

  readWeights = (): Promise<Weights> => this.#weights.read()

  async writeWeights(weights: Weights): Promise<void> {
    this.#weights.write(weights)
  }

  readOptimiser = (): Promise<Weights> => this.#weights.readKept()

  async writeOptimiser(state: Weights): Promise<void> {
    this.#weights.writeKept(state)
  }

  async dispose(): Promise<void> {
    this.#weights.dispose()
  }

  /** Forward, backward and optimiser: changes the weights and gives `[loss, correct]`. */
  #update(inputs: Float32Array, labels: Int32Array, learningRate: number): Tensor {
    const tf = this.#tf
    const batch = tf.tensor(inputs, [this.#recipe.batchSize, ...this.#inputShape])
    const classes = tf.tensor1d(labels, 'int32')
    const findings: Findings = { statistics: new Map() }
    try {
      const { trained } = this.#weights
      const { value: loss, grads } = tf.variableGrads(
        () => this.#loss(batch, classes, findings) as Scalar,
        trained.map(({ value }) => value),
      )
      const found = trained.map(({ value }) => grads[value.name] ?? tf.zerosLike(value))
      this.#applyGradients(clipByNorm(tf, found, this.#recipe.clipNorm), learningRate)
      this.#blendStatistics(findings.statistics)
      return tf.stack([loss, findings.correct!])
    } finally {
      for (const tensor of [...findings.statistics.values(), findings.correct]) tensor?.dispose()
    }
  }

  #loss(batch: Tensor, labels: Tensor1D, findings: Findings): Tensor {
    const tf = this.#tf
    const { loadBalancing, labelSmoothing } = this.#recipe
    const terms: Tensor[] = []
    const training = {
      reportStatistic: (name: string, value: Tensor) => void findings.statistics.set(name, tf.keep(tf.clone(value))),
      addLoss: (term: Tensor) => void terms.push(term),
      loadBalancing,
    }
    const logits = runNetwork({ tf, weight: this.#weights.value, training }, this.#graph, batch)
    findings.correct = tf.keep(countCorrect(tf, logits, labels))
    return terms.reduce((sum, term) => tf.add(sum, term), crossEntropy(tf, logits, labels, labelSmoothing))
  }

  #applyGradients(gradients: readonly Tensor[], learningRate: number): void {
    const { weightDecay, optimiser } = this.#recipe
    for (const [index, { value, kept, isKernel }] of this.#weights.trained.entries()) {
      const decay = isKernel ? weightDecay : 0
      const input = { weight: value, kept, gradient: gradients[index]!, learningRate, decay }
      const updated = OPTIMISER_RULES[optimiser].update(this.#tf, this.#recipe, input)
      value.assign(updated.weight)
      for (const [place, state] of kept.entries()) state.assign(updated.kept[place]!)
    }
  }

  /** running ← m·running + (1 − m)·batch */
  #blendStatistics(statistics: ReadonlyMap<string, Tensor>): void {
    const tf = this.#tf
    const { batchNormMomentum: momentum } = this.#recipe
    for (const [name, statistic] of statistics) {
      const { value } = this.#weights.all.get(name)!
      value.assign(tf.add(tf.mul(value, momentum), tf.mul(statistic, 1 - momentum)))
    }
  }
}
