import test from 'ava'
import type { Recipe, TrainingEngine } from '../../evaluators/training/engine.ts'
import { engineName, loadEngine } from '../../evaluators/training/engines.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { checkProvider } from '../../evaluators/training/onnx/check-provider.ts'
import { OnnxEmitter } from '../../evaluators/training/onnx/emitter.ts'
import { createOnnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { mergeModels } from '../../evaluators/training/onnx/merge-models.ts'
import { PROVIDERS, type Provider } from '../../evaluators/training/onnx/providers.ts'
import { floatTensor } from '../../evaluators/training/onnx/session.ts'
import { StepGroup } from '../../evaluators/training/onnx/step-group.ts'
import { RECIPES } from '../../evaluators/training/recipe.ts'
import { messageOf } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { Task } from '../../spaces/space.ts'

/** What each provider lacks here. */
const missing = new Map<Provider, string>()
for (const provider of PROVIDERS) {
  await checkProvider(provider).catch((error: unknown) => missing.set(provider, messageOf(error)))
}

const MOST_MACS = 200_000
const task: Task = { inputShape: [9, 8, 3], classCount: 4 }

/** Small random networks of both spaces in turns. */
async function networks(seed: number, count: number): Promise<readonly NetworkGraph[]> {
  const spaces = await Promise.all(['mobilenet', 'moe'].map(loadSpace))
  const random = randomStream(seed, 'step group')
  const found: NetworkGraph[] = []
  while (found.length < count) {
    const space = spaces[found.length % spaces.length]!
    const graph = space.decode(geneOperations(space.genes(task)).sample(random), task)
    if (countMacs(graph) <= MOST_MACS) found.push(graph)
  }
  return found
}

interface Trained {
  readonly weights: Weights
  readonly optimiser: Weights
  readonly losses: readonly number[]
  readonly logits: Float32Array
}

/** So many steps from weights and on batches that depend on the number of the network alone. */
async function train(
  compile: TrainingEngine['compile'],
  graph: NetworkGraph,
  recipe: Recipe,
  number: number,
  steps: number,
): Promise<Trained> {
  const random = randomStream(number, 'batches')
  const program = await compile(graph, recipe)
  await program.writeWeights(initialWeights(graph, randomStream(number, 'weights')))
  const losses: number[] = []
  const inputs = new Float32Array(recipe.batchSize * sizeOf(task.inputShape))
  const labels = new Int32Array(recipe.batchSize)
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < inputs.length; i++) inputs[i] = random.normal()
    for (let i = 0; i < labels.length; i++) labels[i] = random.int(task.classCount)
    losses.push((await program.step(inputs, labels, 0.02)).loss)
  }
  const logits = await program.predict(inputs, recipe.batchSize)
  const trained = { weights: await program.readWeights(), optimiser: await program.readOptimiser(), losses, logits }
  await program.dispose()
  return trained
}

/** Each network after its own number of steps, all in one group. */
async function trainTogether(
  engine: TrainingEngine,
  graphs: readonly NetworkGraph[],
  recipe: Recipe,
  steps: readonly number[],
): Promise<readonly Trained[]> {
  const group = engine.together!(graphs.length)
  return Promise.all(
    graphs.map(async (graph, i) => {
      try {
        return await train(group.compile, graph, recipe, i, steps[i]!)
      } finally {
        await group.leave()
      }
    }),
  )
}

const ENGINES = [
  ['own kernels', createOnnxEngine('cpu')],
  ['standard kernels, as on a GPU', createOnnxEngine('cpu', 'standard')],
] as const

for (const [kernels, engine] of ENGINES) {
  for (const name of ['default', 'adamw'] as const) {
    test(`${kernels}, ${name}: networks that step together get the bits that each gets alone`, async (t) => {
      const recipe: Recipe = { ...RECIPES[name]!, batchSize: 16 }
      // Some end early, one after the other: the graph is kept at first, then compiled for those that are left.
      const steps = name === 'default' ? [5, 2, 5, 3] : [3, 4]
      const graphs = await networks(1, steps.length)
      const together = await trainTogether(engine, graphs, recipe, steps)
      for (const [i, graph] of graphs.entries()) {
        t.deepEqual(together[i], await train(engine.compile, graph, recipe, i, steps[i]!), `network ${i}`)
      }
      t.notDeepEqual(together[0]!.losses.slice(0, 2), together[1]!.losses.slice(0, 2))
    })
  }
}

/** A convolution, a depthwise one, and batch norm: a GPU's first run of each kernel takes long. */
function tiny(filters: number): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input(task.inputShape), filters, { kernel: 3, stride: 2 })), 'relu6')
  return g.build(g.dense(g.globalAveragePool(g.depthwiseConv2d(x, { kernel: 3 })), task.classCount))
}

for (const provider of PROVIDERS.filter((each) => each !== 'cpu')) {
  const reason = missing.get(provider)
  const run = reason === undefined ? test : test.skip
  const note = reason === undefined ? '' : `: ${reason}`
  run(`${provider}: networks that step together get what each gets alone${note}`, async (t) => {
    t.timeout(10 * 60_000)
    const engine = await loadEngine(engineName({ engine: 'onnxruntime', provider }))
    const recipe: Recipe = { ...RECIPES['default']!, batchSize: 16 }
    const graphs = [tiny(4), tiny(6), tiny(8)]
    const together = await trainTogether(engine, graphs, recipe, [3, 3, 3])
    for (const [i, graph] of graphs.entries()) {
      const { losses, weights } = await train(engine.compile, graph, recipe, i, 3)
      t.deepEqual(together[i]!.losses, losses)
      t.deepEqual(together[i]!.weights, weights)
    }
  })
}

test('with int8 in training and a group of one, too', async (t) => {
  const [, engine] = ENGINES[0]
  const recipe: Recipe = { ...RECIPES['default']!, batchSize: 16, fakeQuantise: 'int8' }
  const graphs = await networks(3, 2)
  const alone = await Promise.all(graphs.map((graph, i) => train(engine.compile, graph, recipe, i, 4)))
  t.deepEqual(await trainTogether(engine, graphs, recipe, [4, 4]), alone)
  t.deepEqual(await trainTogether(engine, graphs.slice(0, 1), recipe, [4]), alone.slice(0, 1))
})

test('a network that cannot be compiled, or diverges, changes nothing for the others', async (t) => {
  const [, engine] = ENGINES[0]
  const recipe: Recipe = { ...RECIPES['default']!, batchSize: 16 }
  const [good, bad] = await networks(4, 2)
  const group = engine.together(3)
  const run = async (graph: NetworkGraph, ownRecipe: Recipe, number: number) => {
    try {
      return await train(group.compile, graph, ownRecipe, number, 5)
    } finally {
      await group.leave()
    }
  }
  const [trained, refused, diverged] = await Promise.allSettled([
    run(good!, recipe, 0),
    run(good!, { ...recipe, batchSize: 0 }, 1),
    run(bad!, { ...recipe, weightDecay: 1e30 }, 2),
  ])
  t.deepEqual((trained as PromiseFulfilledResult<Trained>).value, await train(engine.compile, good!, recipe, 0, 5))
  t.regex(String((refused as PromiseRejectedResult).reason), /batch size/)
  t.false(Number.isFinite((diverged as PromiseFulfilledResult<Trained>).value.losses.at(-1)))
})

/** y = x + by */
function adder(by: number, opType = 'Add') {
  const emitter = new OnnxEmitter()
  const x = emitter.input('x', 'float32', [2])
  emitter.output('y', 'float32', [2], emitter.node(opType, [x, emitter.scalar(by)]))
  return emitter.model('adder')
}

test('where the steps cannot be merged, each is made by itself, and only the faulty one fails', async (t) => {
  const models = [adder(1), adder(2, 'NoSuchOperator'), adder(3)]
  const group = new StepGroup(models.length, {})
  const results = models.map(() => new Float32Array(2))
  const made = await Promise.allSettled(
    models.map(async (model, i) => {
      const runner = group.runner(model)
      const x = floatTensor(Float32Array.of(10, 20), [2])
      await runner.run({ x }, { y: floatTensor(results[i]!, [2]) }).finally(() => group.leave())
      await runner.release()
    }),
  )
  t.deepEqual(
    made.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.deepEqual(results, [Float32Array.of(11, 21), new Float32Array(2), Float32Array.of(13, 23)])
})

test('a merged model keeps every part apart, branches included', (t) => {
  const emitter = new OnnxEmitter()
  const x = emitter.input('x', 'float32', [2])
  const flag = emitter.input('flag', 'bool', [])
  const chosen = emitter.choose(
    flag,
    { type: 'float32', dims: [2] },
    () => emitter.node('Add', [x, emitter.scalar(1)]),
    () => emitter.node('Clip', [x, '', emitter.scalar(2)]),
  )
  emitter.output('y', 'float32', [2], chosen)
  const model = emitter.model('branching')
  const merged = mergeModels([model, adder(1)], 'both')
  const names = JSON.stringify(merged, (_, value) => {
    if (value instanceof Map) return [...value.keys()]
    return typeof value === 'bigint' || ArrayBuffer.isView(value) ? 0 : value
  })
  t.deepEqual(
    merged.inputs.map(({ name }) => name),
    ['0/x', '0/flag', '1/x'],
  )
  // Every name that is read is made, stored or fed in the same part; a name that is left out stays so.
  t.notRegex(names, /"(?:x|flag|constant_\d+|Add_\d+|Clip_\d+)"/)
  t.regex(names, /"inputs":\["0\/x","","0\/constant_\d+"\]/)
  t.is(merged.nodes.length, model.nodes.length + 2)
})
