import type { Recipe, StepMetrics, TrainingEngine } from '../../evaluators/training/engine.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { createTensorflowEngine } from '../../evaluators/training/tensorflow/engine.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, WeightRole, Weights } from '../../network/types.ts'
import { pureLibrary } from './tensorflow-library.ts'

/** A step this long leaves little of the old weights in the new ones: their difference is the gradient, hardly rounded. */
const GRADIENT_RATE = 1024
/** Gradients that are 0 in exact arithmetic are compared with this share of the whole gradient's norm. */
const NORM_FLOOR = 1e-4
/** A move by less than this share of the weight is compared with this share: float32 has no more digits. */
const ROUNDING_FLOOR = 2 ** -12

export interface Comparison {
  /** Largest relative errors, each tensor by its Euclidean norm. */
  readonly logits: number
  readonly loss: number
  readonly gradients: number
  readonly statistics: number
  /** Of the change that three steps made to weights and running statistics. */
  readonly threeSteps: number
  readonly correct: readonly [number, number]
  /** Name of the tensor with the largest error. */
  readonly worst: string
}

export const oracle = createTensorflowEngine(pureLibrary)

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values))

function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>, floor = 0): number {
  const difference = Array.from(found, (value, i) => value - expected[i]!)
  return norm(difference) / Math.max(norm(expected), floor, Number.MIN_VALUE)
}

/** Weights away from the values of a fresh network, which would hide errors: no bias is 0, no scale 1. */
function unevenWeights(graph: NetworkGraph, stream: RandomStream): Weights {
  const weights = new Map(initialWeights(graph, stream))
  for (const { name, role } of weightSpecs(graph)) {
    if (role === 'kernel') continue
    weights.set(
      name,
      weights.get(name)!.map((value) => value + 0.3 * Math.abs(stream.normal())),
    )
  }
  return weights
}

interface Run {
  readonly logits: Float32Array
  readonly first: StepMetrics
  /** After one step without momentum and decay: gradients for trained weights, values for statistics. */
  readonly firstStep: Weights
  readonly afterThree: Weights
}

interface Problem {
  readonly graph: NetworkGraph
  readonly recipe: Recipe
  readonly weights: Weights
  readonly batches: readonly Batch[]
}

interface Batch {
  readonly inputs: Float32Array
  readonly labels: Int32Array
  /** Only where the recipe distils. */
  readonly teacher: Float32Array | undefined
}

const isStatistic = (role: WeightRole): boolean => role === 'movingMean' || role === 'movingVariance'

async function run(engine: TrainingEngine, { graph, recipe, weights, batches }: Problem): Promise<Run> {
  const [batch] = batches
  const bare: Recipe = { ...DEFAULT_RECIPE, ...recipe, optimiser: 'sgd', momentum: 0, weightDecay: 0 }
  const once = await engine.compile(graph, bare)
  await once.writeWeights(weights)
  const logits = await once.predict(batch!.inputs, recipe.batchSize)
  const first = await once.step(batch!.inputs, batch!.labels, GRADIENT_RATE, batch!.teacher)
  const updated = await once.readWeights()
  await once.dispose()
  const firstStep = new Map(
    weightSpecs(graph).map(({ name, role }) => {
      const [before, after] = [weights.get(name)!, updated.get(name)!]
      return [name, isStatistic(role) ? after : after.map((value, i) => (before[i]! - value) / GRADIENT_RATE)]
    }),
  )

  const program = await engine.compile(graph, recipe)
  await program.writeWeights(weights)
  for (const { inputs, labels, teacher } of batches) await program.step(inputs, labels, recipe.learningRate, teacher)
  const afterThree = await program.readWeights()
  await program.dispose()
  return { logits, first, firstStep, afterThree }
}

/** What is compared with the oracle: an engine, its first weights changed by this share at random. */
export interface Candidate {
  readonly engine: TrainingEngine
  readonly nudge: number
}

/** The oracle itself, with weights changed in their last bits: how far rounding alone can lead. */
export const NUDGED_ORACLE: Candidate = { engine: oracle, nudge: 2 ** -23 }

/** Trains one network with two engines from the same weights on the same three batches, and compares all they give. */
export async function compareEngines(
  graph: NetworkGraph,
  recipe: Recipe,
  seed: number,
  { engine, nudge }: Candidate = { engine: onnxEngine, nudge: 0 },
): Promise<Comparison> {
  const stream = randomStream(seed, 'oracle')
  const shape = graph.nodes.find(({ op }) => op.kind === 'input')!.shape
  const classes = graph.nodes.find(({ id }) => id === graph.output)!.shape[0]!
  const problem: Problem = {
    graph,
    recipe,
    weights: unevenWeights(graph, stream),
    batches: Array.from({ length: 3 }, () => ({
      inputs: Float32Array.from({ length: recipe.batchSize * sizeOf(shape) }, () => 2 * stream.normal()),
      labels: Int32Array.from({ length: recipe.batchSize }, () => stream.int(classes)),
      teacher:
        recipe.distillation && Float32Array.from({ length: recipe.batchSize * classes }, () => 3 * stream.normal()),
    })),
  }
  const nudged = new Map(
    [...problem.weights].map(([name, values]) => [name, values.map((value) => value * (1 + nudge * stream.normal()))]),
  )
  const found = await run(engine, { ...problem, weights: nudged })
  const expected = await run(oracle, problem)

  const specs = weightSpecs(graph)
  const trained = specs.filter(({ role }) => !isStatistic(role))
  const floor = NORM_FLOOR * norm(trained.map(({ name }) => norm(expected.firstStep.get(name)!)))
  const moved = ({ afterThree }: Run, name: string): Float32Array =>
    afterThree.get(name)!.map((value, i) => value - problem.weights.get(name)![i]!)
  const floorOfMoves = NORM_FLOOR * norm(trained.map(({ name }) => norm(moved(expected, name))))
  const worst = { name: '', error: 0 }
  const largest = (names: readonly string[], error: (name: string) => number): number => {
    const errors = names.map((name): [number, string] => [error(name), name])
    for (const [value, name] of errors) if (value > worst.error) Object.assign(worst, { name, error: value })
    return Math.max(0, ...errors.map(([value]) => value))
  }
  const statistics = specs.filter(({ role }) => isStatistic(role)).map(({ name }) => name)
  return {
    logits: relativeError(found.logits, expected.logits),
    loss: Math.abs(found.first.loss - expected.first.loss) / expected.first.loss,
    correct: [found.first.correct, expected.first.correct],
    gradients: largest(
      trained.map(({ name }) => name),
      (name) => relativeError(found.firstStep.get(name)!, expected.firstStep.get(name)!, floor),
    ),
    statistics: largest(statistics, (name) => relativeError(found.firstStep.get(name)!, expected.firstStep.get(name)!)),
    threeSteps: largest(
      specs.map(({ name }) => name),
      (name) =>
        relativeError(
          moved(found, name),
          moved(expected, name),
          Math.max(floorOfMoves, ROUNDING_FLOOR * norm(problem.weights.get(name)!)),
        ),
    ),
    worst: worst.name,
  }
}
