import type { OnnxModel } from '../../../formats/onnx/model.ts'
import { UserError } from '../../../lib/errors.ts'
import { shapeText } from '../../../network/shapes.ts'
import type { NetworkGraph, NetworkNode } from '../../../network/types.ts'
import type { Recipe } from '../engine.ts'
import { rangeName } from '../fake-quantisation.ts'
import { fourBitKernels, type KernelNames } from '../four-bit-kernels.ts'
import { checkBatchSize } from '../program-checks.ts'
import { BatchLanes } from './batch-lanes.ts'
import { OnnxEmitter, type Value } from './emitter.ts'
import { fakeQuantiseFourBits, fakeQuantiseKernels } from './fake-quantise.ts'
import { emitLoss } from './loss.ts'
import { emitNetwork } from './network-emission.ts'
import { clipByNorm, emitRunningStatistics, OPTIMISER_RULES } from './optimiser.ts'
import { layOutWeights, type TrainingLayout, type WeightLayout, type WeightPack } from './parameters.ts'
import { toLanes } from './structure.ts'
import type { RangePort, TrainingScope, WeightPort } from './training-scope.ts'

/** A training step as an ONNX model, with where its weights lie. */
export interface TrainingGraph {
  readonly model: OnnxModel
  readonly layout: TrainingLayout
}

/**
 * The part of a network that training looks at: up to what feeds a last softmax.
 * @throws UserError when it does not end in one number a class, or reads more than one input.
 */
export function logitsOf(graph: NetworkGraph): { readonly graph: NetworkGraph; readonly classes: number } {
  checkInputs(graph)
  const byId = new Map(graph.nodes.map((node) => [node.id, node]))
  let last = byId.get(graph.output) as NetworkNode
  if (last.op.kind === 'softmax') last = byId.get(last.inputs[0]!) as NetworkNode
  if (last.shape.length !== 1) {
    throw new UserError(
      `the network ends in ${shapeText(last.shape)} (node '${last.id}'); to be trained it must end in one number a class`,
    )
  }
  return {
    graph: { nodes: graph.nodes.filter(({ id }) => id === last.id || id !== graph.output), output: last.id },
    classes: last.shape[0]!,
  }
}

/** @throws UserError for a network, or experts, with more than one input: a sample is bound to one. */
function checkInputs({ nodes }: NetworkGraph): void {
  const inputs = nodes.filter(({ op }) => op.kind === 'input').map(({ id }) => `'${id}'`)
  if (inputs.length > 1)
    throw new UserError(
      `the network has ${inputs.length} inputs (${inputs.slice(0, 4).join(', ')}); to be trained it must have one`,
    )
  for (const { op } of nodes) if (op.kind === 'routedExperts') checkInputs(op.body)
}

/** Cuts the flat weights into packs and joins gradients and statistics in the same order. */
class FlatWeights implements WeightPort, RangePort {
  readonly losses: Value[] = []
  readonly #recipe: Recipe
  readonly #fourBits: KernelNames
  readonly #running: Value
  readonly #emitter: OnnxEmitter
  readonly #layout: WeightLayout
  readonly #parts = new Map<string, { pack: WeightPack; value: Value }>()
  readonly #results = new Map<string, Value>()

  constructor(
    emitter: OnnxEmitter,
    { recipe, fourBits }: { readonly recipe: Recipe; readonly fourBits: KernelNames },
    layout: WeightLayout,
    trained: Value,
    running: Value,
  ) {
    this.#emitter = emitter
    this.#recipe = recipe
    this.#fourBits = fourBits
    this.#running = running
    this.#layout = layout
    const sizes = emitter.integers(layout.trained.map((pack) => pack.elements))
    const parts = emitter.nodes('Split', [trained, sizes], layout.trained.length, { attributes: { axis: 0n } })
    for (const [index, pack] of layout.trained.entries())
      this.#parts.set(pack.names[0]!, { pack, value: parts[index]! })
  }

  read(names: readonly string[]): Value {
    const { pack, value } = this.#parts.get(names[0]!)!
    const weights = this.#emitter.reshape(value, [pack.names.length, ...pack.shape])
    if (this.#recipe.fakeQuantise === undefined || pack.role !== 'kernel') return weights
    const rounded = this.#fourBits.has(names[0]!) ? fakeQuantiseFourBits : fakeQuantiseKernels
    return rounded(this.#emitter, weights, pack.shape)
  }

  blend(values: readonly string[], seen: Value): Value {
    const emitter = this.#emitter
    const name = rangeName(values[0]!)
    const { offset, elements, shape } = this.#layout.ranges.find(({ names }) => names[0] === name)!
    const bounds = [[offset], [offset + elements], [0]].map((place) => emitter.integers(place))
    const old = emitter.reshape(emitter.node('Slice', [this.#running, ...bounds]), [values.length, ...shape])
    this.#write([name], seen)
    return emitRunningStatistics(emitter, this.#recipe.batchNormMomentum, old, seen)
  }

  writeGradient = (names: readonly string[], gradient: Value): void => this.#write(names, gradient)
  writeStatistic = (names: readonly string[], statistic: Value): void => this.#write(names, statistic)
  addLoss = (term: Value): void => void this.losses.push(term)

  gradient = (): Value => this.#join(this.#layout.trained)
  batchStatistics = (): Value => this.#join([...this.#layout.statistics, ...this.#layout.ranges])

  #write(names: readonly string[], value: Value): void {
    this.#results.set(names[0]!, this.#emitter.reshape(value, [-1]))
  }

  /** Weights that the loss does not depend on have gradient 0. */
  #join(packs: readonly WeightPack[]): Value {
    const parts = packs.map(
      (pack) =>
        this.#results.get(pack.names[0]!) ??
        this.#emitter.node('Expand', [this.#emitter.scalar(0), this.#emitter.integers([pack.elements])]),
    )
    return parts.length === 1 ? parts[0]! : this.#emitter.node('Concat', parts, { attributes: { axis: 0n } })
  }
}

/**
 * Writes one optimiser step. Inputs: `inputs [batch, ...shape]`, `labels int32 [batch]`, `learningRate [1]`, and the flat
 * `weights`, `momentum` (all the optimiser keeps), `statistics`, and with distillation `teacher [batch, classes]`; outputs: `metrics [loss, correct]`, `newWeights`,
 * `newMomentum`, `newStatistics`.
 * @throws UserError when the network cannot be trained.
 */
export function buildTrainingGraph(
  graph: NetworkGraph,
  recipe: Recipe,
  blockSize: number,
  emitter = new OnnxEmitter(),
): TrainingGraph {
  const { batchSize: batch } = recipe
  checkBatchSize(batch)
  const trainable = logitsOf(graph)
  const layout = layOutWeights(trainable.graph, recipe.fakeQuantise !== undefined)
  if (layout.trained.length === 0) throw new UserError('the network has no weights, so there is nothing to train')

  const lanes = new BatchLanes(emitter, batch, blockSize)
  const { shape } = trainable.graph.nodes.find((node) => node.op.kind === 'input')!
  const samples = emitter.input('inputs', 'float32', [batch, ...shape])
  const labels = emitter.input('labels', 'int32', [batch])
  const learningRate = emitter.input('learningRate', 'float32', [1])
  const weights = emitter.input('weights', 'float32', [layout.trainedElements])
  const optimiser = OPTIMISER_RULES[recipe.optimiser]
  const momentumElements = optimiser.vectors * layout.trainedElements
  const momentum = emitter.input('momentum', 'float32', [momentumElements])
  const withStatistics = layout.statisticsElements > 0
  const running = withStatistics ? emitter.input('statistics', 'float32', [layout.statisticsElements]) : ''
  const fourBits = fourBitKernels(trainable.graph, recipe)
  const port = new FlatWeights(emitter, { recipe, fourBits }, layout, weights, running)
  const scope: TrainingScope = {
    emitter,
    lanes,
    groups: 1,
    prefixes: [''],
    port,
    loadBalancing: recipe.loadBalancing,
    ...(recipe.fakeQuantise === undefined ? {} : { ranges: port }),
    emitBody: (inner, body, value, needed, maps) => emitNetwork(inner, body, { value, needed, maps }),
  }
  const entry = { value: toLanes(lanes, samples, shape), needed: false, maps: 1 }
  const network = emitNetwork(scope, trainable.graph, entry)
  const size = { classes: trainable.classes, batch }
  const { distillation } = recipe
  const teacher = distillation && {
    ...distillation,
    logits: emitter.input('teacher', 'float32', [batch, trainable.classes]),
  }
  const { loss, correct, gradient } = emitLoss(emitter, network.output, labels, size, recipe.labelSmoothing, teacher)
  network.pullback(gradient)

  const totalLoss = port.losses.reduce((sum, term) => emitter.node('Add', [sum, term]), loss)
  emitter.output('metrics', 'float32', [2], emitter.node('Concat', [totalLoss, correct], { attributes: { axis: 0n } }))
  const updated = optimiser.emit(emitter, recipe, layout, {
    weights,
    momentum,
    gradient: clipByNorm(emitter, port.gradient(), recipe.clipNorm),
    learningRate,
  })
  emitter.output('newWeights', 'float32', [layout.trainedElements], updated.weights)
  emitter.output('newMomentum', 'float32', [momentumElements], updated.momentum)
  if (withStatistics) {
    const blended = emitRunningStatistics(emitter, recipe.batchNormMomentum, running, port.batchStatistics())
    emitter.output('newStatistics', 'float32', [layout.statisticsElements], blended)
  }
  return { model: emitter.model('training-step'), layout: { ...layout, optimiserVectors: optimiser.vectors } }
}
