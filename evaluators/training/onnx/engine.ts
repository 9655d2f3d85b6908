import { UserError } from '../../../lib/errors.ts'
import { shapeText, sizeOf } from '../../../network/shapes.ts'
import type { NetworkGraph, Shape, Weights } from '../../../network/types.ts'
import type { Recipe, StepMetrics, TrainingEngine, TrainingProgram } from '../engine.ts'
import { blockSize } from './block-size.ts'
import { buildInferenceGraph } from './inference-graph.ts'
import { collectWeights, type TrainingLayout, weightViews } from './parameters.ts'
import { floatTensor, intTensor, Session } from './session.ts'
import { buildTrainingGraph, logitsOf } from './training-graph.ts'

/** Samples of one run of `predict`. */
const PREDICT_BATCH = 64

/** Trains with ONNX Runtime: one step — forward, backward, optimiser — is one graph, compiled for the network and batch. */
export const onnxEngine: TrainingEngine = {
  id: 'onnxruntime',
  version: '2',
  compile: (graph, recipe) => compileProgram(graph, recipe),
}

/** As `onnxEngine.compile`; a profile prefix makes the runtime write a trace of the steps when the program is disposed. */
export async function compileProgram(
  graph: NetworkGraph,
  recipe: Recipe,
  profilePrefix?: string,
): Promise<OnnxTrainingProgram> {
  const started = performance.now()
  const { model, layout } = buildTrainingGraph(graph, recipe, await blockSize())
  const session = await Session.create(model, 'none', profilePrefix)
  return new OnnxTrainingProgram(session, graph, recipe, layout, (performance.now() - started) / 1000)
}

/** Flat vectors that one step reads or writes. */
interface State {
  readonly trained: Float32Array
  readonly momentum: Float32Array
  readonly statistics: Float32Array
}

const newState = (layout: TrainingLayout): State => ({
  trained: new Float32Array(layout.trainedElements),
  momentum: new Float32Array(layout.optimiserVectors * layout.trainedElements),
  statistics: new Float32Array(layout.statisticsElements),
})

export class OnnxTrainingProgram implements TrainingProgram {
  readonly compileSeconds: number
  readonly #session: Session
  readonly #logits: NetworkGraph
  readonly #classes: number
  readonly #batch: number
  readonly #inputShape: Shape
  readonly #layout: TrainingLayout
  /** A step reads the first state and writes the second; then they change places. */
  #state: readonly [State, State]
  #inference: Session | undefined

  constructor(session: Session, graph: NetworkGraph, recipe: Recipe, layout: TrainingLayout, compileSeconds: number) {
    this.#session = session
    const { graph: logits, classes } = logitsOf(graph)
    this.#logits = logits
    this.#classes = classes
    this.#batch = recipe.batchSize
    this.#inputShape = logits.nodes.find((node) => node.op.kind === 'input')!.shape
    this.#layout = layout
    this.#state = [newState(layout), newState(layout)]
    this.compileSeconds = compileSeconds
  }

  async step(inputs: Float32Array, labels: Int32Array, learningRate: number): Promise<StepMetrics> {
    this.#checkInputs(inputs, this.#batch)
    if (labels.length !== this.#batch) {
      throw new UserError(`a step got ${labels.length} labels; the program was compiled for ${this.#batch} samples`)
    }
    const [from, to] = this.#state
    const metrics = new Float32Array(2)
    const flat = (data: Float32Array) => floatTensor(data, [data.length])
    const withStatistics = this.#layout.statisticsElements > 0
    await this.#session.run(
      {
        inputs: floatTensor(inputs, [this.#batch, ...this.#inputShape]),
        labels: intTensor(labels, [this.#batch]),
        learningRate: floatTensor(Float32Array.of(learningRate), [1]),
        weights: flat(from.trained),
        momentum: flat(from.momentum),
        ...(withStatistics ? { statistics: flat(from.statistics) } : {}),
      },
      {
        metrics: flat(metrics),
        newWeights: flat(to.trained),
        newMomentum: flat(to.momentum),
        ...(withStatistics ? { newStatistics: flat(to.statistics) } : {}),
      },
    )
    this.#state = [to, from]
    await this.#forgetInference()
    return { loss: metrics[0]!, correct: metrics[1]! }
  }

  async predict(inputs: Float32Array, count: number): Promise<Float32Array> {
    this.#checkInputs(inputs, count)
    if (this.#inference === undefined) {
      const model = buildInferenceGraph(this.#logits, await this.readWeights(), { batch: PREDICT_BATCH })
      this.#inference = await Session.create(model, 'all')
    }
    const size = sizeOf(this.#inputShape)
    const logits = new Float32Array(count * this.#classes)
    const results = new Float32Array(PREDICT_BATCH * this.#classes)
    const padded = new Float32Array(PREDICT_BATCH * size)
    for (let start = 0; start < count; start += PREDICT_BATCH) {
      const end = Math.min(start + PREDICT_BATCH, count)
      let samples = inputs.subarray(start * size, end * size)
      if (end - start < PREDICT_BATCH) {
        padded.set(samples)
        samples = padded
      }
      await this.#inference.run(
        { input: floatTensor(samples, [PREDICT_BATCH, ...this.#inputShape]) },
        { output: floatTensor(results, [PREDICT_BATCH, this.#classes]) },
      )
      logits.set(results.subarray(0, (end - start) * this.#classes), start * this.#classes)
    }
    return logits
  }

  async readWeights(): Promise<Weights> {
    return collectWeights(this.#layout, this.#state[0].trained, this.#state[0].statistics)
  }

  async writeWeights(weights: Weights): Promise<void> {
    const { trained, momentum, statistics } = this.#state[0]
    const { trainedElements, optimiserVectors } = this.#layout
    const momenta = Array.from(
      { length: optimiserVectors },
      (_, i) => new Map(weightViews(this.#layout.trained, momentum.subarray(i * trainedElements))),
    )
    const places = new Map([
      ...weightViews(this.#layout.trained, trained),
      ...weightViews(this.#layout.statistics, statistics),
    ])
    for (const [name, values] of weights) {
      const place = places.get(name)
      if (place === undefined) throw new UserError(`'${name}' is no weight of this network`)
      if (place.length !== values.length) {
        throw new UserError(`weight '${name}' has ${values.length} elements; this network needs ${place.length}`)
      }
      place.set(values)
      for (const views of momenta) views.get(name)?.fill(0)
    }
    await this.#forgetInference()
  }

  async dispose(): Promise<void> {
    await this.#forgetInference()
    await this.#session.release()
  }

  async #forgetInference(): Promise<void> {
    const stale = this.#inference
    this.#inference = undefined
    await stale?.release()
  }

  #checkInputs(inputs: Float32Array, count: number): void {
    const wanted = count * sizeOf(this.#inputShape)
    if (inputs.length !== wanted) {
      throw new UserError(
        `got ${inputs.length} input numbers for ${count} samples of ${shapeText(this.#inputShape)}; that takes ${wanted}`,
      )
    }
  }
}
