import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-core'
import { sizeOf } from '../../../network/shapes.ts'
import type { NetworkGraph, Shape, Weights } from '../../../network/types.ts'
import type { Recipe, StepMetrics, TrainingProgram } from '../engine.ts'
import { checkInputs, checkLabels, checkTeacherLogits } from '../program-checks.ts'
import { countCorrect, crossEntropy, divergence } from './loss.ts'
import { runNetwork } from './network.ts'
import { clipByNorm, OPTIMISER_RULES } from './optimiser.ts'
import type { Tensorflow } from './scope.ts'
import { StoredRanges } from './stored-ranges.ts'
import { StoredWeights } from './stored-weights.ts'

/** Samples of one run of `predict`. */
const PREDICT_BATCH = 64

/** What a step found on its way to the loss; kept until the step is over. */
interface Findings {
  readonly statistics: Map<string, Tensor>
  readonly ranges: Map<string, Tensor>
  correct?: Tensor
}

/** What one step is given. */
interface StepData {
  readonly inputs: Float32Array
  readonly labels: Int32Array
  readonly teacherLogits: Float32Array | undefined
}

/** What a network should answer. */
interface Targets {
  readonly classes: Tensor1D
  readonly teacher: Tensor | undefined
}

/** A network with its weights inside TensorFlow, which differentiates the loss. Tensors of a step are freed at its end. */
export class TensorflowProgram implements TrainingProgram {
  readonly compileSeconds: number
  readonly #tf: Tensorflow
  readonly #graph: NetworkGraph
  readonly #recipe: Recipe
  readonly #inputShape: Shape
  readonly #weights: StoredWeights
  /** Only with fake quantisation. */
  readonly #ranges: StoredRanges | undefined

  get #classes(): number {
    return this.#graph.nodes.find(({ id }) => id === this.#graph.output)!.shape[0]!
  }

  /** `graph` ends in logits. */
  constructor(tf: Tensorflow, graph: NetworkGraph, recipe: Recipe, started: number) {
    this.#tf = tf
    this.#graph = graph
    this.#recipe = recipe
    this.#inputShape = graph.nodes.find((node) => node.op.kind === 'input')!.shape
    this.#weights = new StoredWeights(tf, graph, OPTIMISER_RULES[recipe.optimiser].kept)
    this.#ranges = recipe.fakeQuantise === undefined ? undefined : new StoredRanges(tf, graph, recipe)
    this.compileSeconds = (performance.now() - started) / 1000
  }

  async step(
    inputs: Float32Array,
    labels: Int32Array,
    learningRate: number,
    teacherLogits?: Float32Array,
  ): Promise<StepMetrics> {
    const { batchSize, distillation } = this.#recipe
    checkInputs(inputs, batchSize, this.#inputShape)
    checkLabels(labels, batchSize)
    checkTeacherLogits(teacherLogits, distillation === undefined ? 0 : batchSize * this.#classes)
    const metrics = this.#tf.tidy(() => this.#update({ inputs, labels, teacherLogits }, learningRate))
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
    const classes = this.#classes
    const logits = new Float32Array(count * classes)
    const fakeQuantisation = await this.#ranges?.fixed()
    const pass = { tf, weight: this.#weights.value, ...(fakeQuantisation === undefined ? {} : { fakeQuantisation }) }
    for (let start = 0; start < count; start += PREDICT_BATCH) {
      const end = Math.min(start + PREDICT_BATCH, count)
      const result = tf.tidy(() => {
        const batch = tf.tensor(inputs.subarray(start * size, end * size), [end - start, ...this.#inputShape])
        return runNetwork(pass, this.#graph, batch)
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

  async readOptimiser(): Promise<Weights> {
    return new Map([...(await this.#weights.readKept()), ...((await this.#ranges?.read()) ?? [])])
  }

  async writeOptimiser(state: Weights): Promise<void> {
    this.#weights.writeKept(this.#ranges?.write(state) ?? state)
  }

  async dispose(): Promise<void> {
    this.#weights.dispose()
    this.#ranges?.dispose()
  }

  /** Forward, backward and optimiser: changes the weights and gives `[loss, correct]`. */
  #update({ inputs, labels, teacherLogits }: StepData, learningRate: number): Tensor {
    const tf = this.#tf
    const { batchSize } = this.#recipe
    const batch = tf.tensor(inputs, [batchSize, ...this.#inputShape])
    const classes = tf.tensor1d(labels, 'int32')
    const teacher = teacherLogits && tf.tensor(teacherLogits, [batchSize, this.#classes])
    const findings: Findings = { statistics: new Map(), ranges: new Map() }
    try {
      const { trained } = this.#weights
      const { value: loss, grads } = tf.variableGrads(
        () => this.#loss(batch, { classes, teacher }, findings) as Scalar,
        trained.map(({ value }) => value),
      )
      const found = trained.map(({ value }) => grads[value.name] ?? tf.zerosLike(value))
      this.#applyGradients(clipByNorm(tf, found, this.#recipe.clipNorm), learningRate)
      this.#blendStatistics(findings.statistics)
      this.#ranges?.assign(findings.ranges)
      return tf.stack([loss, findings.correct!])
    } finally {
      const { statistics, ranges, correct } = findings
      for (const tensor of [...statistics.values(), ...ranges.values(), correct]) tensor?.dispose()
    }
  }

  #loss(batch: Tensor, { classes, teacher }: Targets, findings: Findings): Tensor {
    const tf = this.#tf
    const { loadBalancing, labelSmoothing, distillation } = this.#recipe
    const terms: Tensor[] = []
    const training = {
      reportStatistic: (name: string, value: Tensor) => void findings.statistics.set(name, tf.keep(tf.clone(value))),
      addLoss: (term: Tensor) => void terms.push(term),
      loadBalancing,
    }
    const fakeQuantisation = this.#ranges?.following(findings.ranges)
    const pass = { tf, weight: this.#weights.value, training }
    const logits = runNetwork(fakeQuantisation === undefined ? pass : { ...pass, fakeQuantisation }, this.#graph, batch)
    findings.correct = tf.keep(countCorrect(tf, logits, classes))
    const ofLabels = crossEntropy(tf, logits, classes, labelSmoothing)
    const loss =
      distillation === undefined
        ? ofLabels
        : tf.add(
            tf.mul(ofLabels, 1 - distillation.weight),
            tf.mul(divergence(tf, logits, teacher!, distillation), distillation.weight),
          )
    return terms.reduce((sum, term) => tf.add(sum, term), loss)
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
