import { encodeModel } from '../../../formats/onnx/model.ts'
import { sizeOf } from '../../../network/shapes.ts'
import type { NetworkGraph, Shape, Weights } from '../../../network/types.ts'
import type { Recipe, StepMetrics, TrainingEngine, TrainingProgram } from '../engine.ts'
import { fakeQuantiseWeights, rangeOf } from '../fake-quantisation.ts'
import { fourBitKernels, type KernelNames } from '../four-bit-kernels.ts'
import { checkInputs, checkLabels, checkTeacherLogits, checkWeight } from '../program-checks.ts'
import { blockSize } from './block-size.ts'
import { buildInferenceGraph } from './inference-graph.ts'
import { collectWeights, type TrainingLayout, weightViews } from './parameters.ts'
import type { Provider } from './providers.ts'
import { floatTensor, Session } from './session.ts'
import { StandardEmitter } from './standard-emitter.ts'
import { StepGroup, type StepRunner } from './step-group.ts'
import { BatchTensors, StepMemory } from './step-memory.ts'
import { buildTrainingGraph, logitsOf } from './training-graph.ts'

/** Samples of one run of `predict`. */
const PREDICT_BATCH = 64

const RULES_VERSION = '2'

/** Which kernels a step is written for: those of ONNX Runtime's own domains, or the ONNX standard's alone. */
export type Kernels = 'own' | 'standard'

/**
 * Trains with ONNX Runtime: one step — forward, backward, optimiser — is one graph, compiled for the network and batch.
 * Blocked kernels exist for the processor only, so the other providers get standard ones.
 */
export function createOnnxEngine(provider: Provider, kernels: Kernels = provider === 'cpu' ? 'own' : 'standard') {
  return {
    id: 'onnxruntime',
    version: provider === 'cpu' ? RULES_VERSION : `${RULES_VERSION}+${provider}`,
    compile: (graph, recipe) => compileProgram(graph, recipe, { provider, kernels }),
    together(networks) {
      const group = new StepGroup(networks, { provider })
      return {
        compile: (graph, recipe) => compileProgram(graph, recipe, { provider, kernels, group }),
        leave: () => group.leave(),
      }
    },
  } satisfies TrainingEngine
}

/** On the processor: the engine of most searches. */
export const onnxEngine: TrainingEngine = createOnnxEngine('cpu')

interface CompileOptions {
  readonly provider: Provider
  readonly kernels: Kernels
  /** Whose networks step together; the group compiles the step when it is first made. */
  readonly group?: StepGroup
}

/** As `compile` of an engine. */
async function compileProgram(
  graph: NetworkGraph,
  recipe: Recipe,
  { kernels, group, ...session }: CompileOptions,
): Promise<OnnxTrainingProgram> {
  const started = performance.now()
  const { model, layout } =
    kernels === 'own'
      ? buildTrainingGraph(graph, recipe, await blockSize())
      : buildTrainingGraph(graph, recipe, 1, new StandardEmitter())
  const step = group?.runner(model) ?? (await Session.create(encodeModel(model), 'none', session))
  const compileSeconds = (performance.now() - started) / 1000
  return new OnnxTrainingProgram(step, graph, recipe, layout, session.provider, compileSeconds)
}

class OnnxTrainingProgram implements TrainingProgram {
  readonly compileSeconds: number
  readonly #step: StepRunner
  readonly #provider: Provider
  readonly #logits: NetworkGraph
  readonly #classes: number
  readonly #batch: number
  readonly #inputShape: Shape
  readonly #distils: boolean
  readonly #fakeQuantises: boolean
  readonly #fourBits: KernelNames
  readonly #layout: TrainingLayout
  readonly #memory: StepMemory
  readonly #batches = new BatchTensors()
  #inference: Session | undefined

  constructor(
    step: StepRunner,
    graph: NetworkGraph,
    recipe: Recipe,
    layout: TrainingLayout,
    provider: Provider,
    compileSeconds: number,
  ) {
    this.#step = step
    this.#provider = provider
    const { graph: logits, classes } = logitsOf(graph)
    this.#logits = logits
    this.#classes = classes
    this.#batch = recipe.batchSize
    this.#inputShape = logits.nodes.find((node) => node.op.kind === 'input')!.shape
    this.#fakeQuantises = recipe.fakeQuantise !== undefined
    this.#fourBits = fourBitKernels(logits, recipe)
    this.#distils = recipe.distillation !== undefined
    this.#layout = layout
    this.#memory = new StepMemory(layout)
    this.compileSeconds = compileSeconds
  }

  async step(
    inputs: Float32Array,
    labels: Int32Array,
    learningRate: number,
    teacherLogits?: Float32Array,
  ): Promise<StepMetrics> {
    checkInputs(inputs, this.#batch, this.#inputShape)
    checkLabels(labels, this.#batch)
    checkTeacherLogits(teacherLogits, this.#distils ? this.#batch * this.#classes : 0)
    this.#memory.learningRate[0] = learningRate
    const batch = this.#batches.of(inputs, labels, teacherLogits, this.#inputShape)
    await this.#step.run({ ...batch, ...this.#memory.reads }, this.#memory.writes)
    this.#memory.advance()
    if (this.#inference !== undefined) await this.#forgetInference()
    const { metrics } = this.#memory
    return { loss: metrics[0]!, correct: metrics[1]! }
  }

  async predict(inputs: Float32Array, count: number): Promise<Float32Array> {
    checkInputs(inputs, count, this.#inputShape)
    if (this.#inference === undefined) {
      const model = await this.#inferenceModel()
      this.#inference = await Session.create(model, 'all', { provider: this.#provider })
    }
    const size = sizeOf(this.#inputShape)
    const logits = new Float32Array(count * this.#classes)
    const results = new Float32Array(PREDICT_BATCH * this.#classes)
    for (let start = 0; start < count; start += PREDICT_BATCH) {
      const end = Math.min(start + PREDICT_BATCH, count)
      let samples = inputs.subarray(start * size, end * size)
      if (end - start < PREDICT_BATCH) {
        const padded = new Float32Array(PREDICT_BATCH * size)
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

  async #inferenceModel(): Promise<Uint8Array> {
    const weights = await this.readWeights()
    if (!this.#fakeQuantises) return buildInferenceGraph(this.#logits, weights, { batch: PREDICT_BATCH })
    const ranges = new Map<string, readonly [number, number]>()
    for (const [name, values] of this.#rangeViews()) {
      const range = rangeOf(values)
      if (range !== undefined) ranges.set(name.slice(0, name.lastIndexOf('#')), range)
    }
    return buildInferenceGraph(this.#logits, fakeQuantiseWeights(this.#logits, weights, this.#fourBits), {
      batch: PREDICT_BATCH,
      ranges,
    })
  }

  #rangeViews = () => weightViews(this.#layout.ranges, this.#memory.state.statistics)

  async readWeights(): Promise<Weights> {
    return collectWeights(this.#layout, this.#memory.state.trained, this.#memory.state.statistics)
  }

  async writeWeights(weights: Weights): Promise<void> {
    const { trained, momentum, statistics } = this.#memory.state
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
      checkWeight(name, values, place?.length)
      place?.set(values)
      for (const views of momenta) views.get(name)?.fill(0)
    }
    await this.#forgetInference()
  }

  async readOptimiser(): Promise<Weights> {
    return new Map([...this.#stateViews()].map(([name, view]) => [name, view.slice()]))
  }

  async writeOptimiser(state: Weights): Promise<void> {
    const places = this.#stateViews()
    for (const [name, values] of state) {
      const place = places.get(name)
      checkWeight(name, values, place?.length)
      place?.set(values)
    }
    // Ranges are part of what predictions are computed with.
    await this.#forgetInference()
  }

  /** Each trained weight's part of each vector that the optimiser keeps, and the ranges. */
  #stateViews(): ReadonlyMap<string, Float32Array> {
    const { trained, trainedElements, optimiserVectors } = this.#layout
    const views = Array.from({ length: optimiserVectors }, (_, i) =>
      [...weightViews(trained, this.#memory.state.momentum.subarray(i * trainedElements))].map(
        ([name, view]): [string, Float32Array] => [`${name}#${i}`, view],
      ),
    )
    return new Map([...views.flat(), ...this.#rangeViews()])
  }

  async dispose(): Promise<void> {
    await this.#forgetInference()
    await this.#step.release()
  }

  async #forgetInference(): Promise<void> {
    const stale = this.#inference
    this.#inference = undefined
    await stale?.release()
  }
}
