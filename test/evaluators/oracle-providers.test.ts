import test from 'ava'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { chooseEngine, engineName, loadEngine, trainsAlone } from '../../evaluators/training/engines.ts'
import { checkProvider } from '../../evaluators/training/onnx/check-provider.ts'
import { createOnnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { PROVIDERS, type Provider } from '../../evaluators/training/onnx/providers.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { installedVersion, NATIVE_PACKAGES } from '../../evaluators/training/tensorflow/library.ts'
import { messageOf } from '../../lib/errors.ts'
import { compareEngines } from './oracle.ts'
import { kindsOf } from './reference-network.ts'
import { CASES, caseGraph } from './training-cases.ts'

const TOLERANCE = 1e-3

const recipe: Recipe = {
  ...DEFAULT_RECIPE,
  batchSize: 8,
  learningRate: 0.05,
  weightDecay: 0.01,
  labelSmoothing: 0.1,
  loadBalancing: 0.2,
}

const missing = new Map<Provider, string>()
for (const provider of PROVIDERS) {
  try {
    await checkProvider(provider)
  } catch (error) {
    missing.set(provider, messageOf(error))
  }
}

for (const [name, build] of CASES) {
  test(`${name}: the step written with standard kernels alone agrees with the oracle`, async (t) => {
    const candidate = { engine: createOnnxEngine('cpu', 'standard'), nudge: 0 }
    const { loss, gradients, statistics, threeSteps } = await compareEngines(caseGraph(build), recipe, 1, candidate)
    for (const error of [loss, gradients, statistics, threeSteps]) t.true(error <= TOLERANCE, `${error}`)
  })
}

/** Few cases that hold every kind between them, and experts: a GPU's first run of each kernel takes long. */
const GPU_CASES = CASES.filter(([name]) =>
  [
    'batchNorm behind windows',
    'squeeze and excite',
    'two of three experts with windows',
    'vector to map',
    'concat',
    'hardSwish',
    'add of three',
    'sigmoid',
    'averagePool 3,3 stride 2,2 same',
    'maxPool 3,3 stride 2,2 same',
  ].includes(name),
)

test('the cases for GPUs hold every kind that is trained', (t) => {
  const kindsIn = (cases: typeof CASES) => new Set(cases.flatMap(([, build]) => [...kindsOf(caseGraph(build))]))
  const covered = kindsIn(GPU_CASES)
  t.deepEqual(
    [...kindsIn(CASES)].filter((kind) => !covered.has(kind)),
    [],
  )
})

for (const provider of PROVIDERS.filter((each) => each !== 'cpu')) {
  const reason = missing.get(provider)
  const run = reason === undefined ? test.serial : test.skip
  run(`${provider} agrees with the oracle${reason === undefined ? '' : `: ${reason}`}`, async (t) => {
    t.timeout(20 * 60_000)
    const engine = await loadEngine(engineName({ engine: 'onnxruntime', provider }))
    for (const [name, build] of GPU_CASES) {
      const { loss, gradients, threeSteps } = await compareEngines(caseGraph(build), recipe, 1, { engine, nudge: 0 })
      for (const error of [loss, gradients, threeSteps]) t.true(error <= 10 * TOLERANCE, `${name}: ${error}`)
      t.log(`${name}: gradients ${gradients.toExponential(1)}, three steps ${threeSteps.toExponential(1)}`)
    }
  })

  if (reason !== undefined) {
    test(`${provider} is refused with what it needs`, async (t) => {
      const error = await t.throwsAsync(loadEngine(`onnxruntime:${provider}`), { name: 'UserError' })
      t.regex(error!.message, new RegExp(`^the provider '${provider}' cannot be used here \\(.+\\); it needs .+`))
      t.false(error!.message.includes('\n'))
    })
  }
}

test('a provider is part of what a measurement is kept under; the processor is not named', async (t) => {
  t.is(createOnnxEngine('cpu').version, (await loadEngine('onnxruntime')).version)
  const versions = PROVIDERS.map((provider) => createOnnxEngine(provider).version)
  t.is(new Set(versions).size, PROVIDERS.length)
  t.is(engineName({ engine: 'onnxruntime', provider: 'cpu' }), 'onnxruntime')
  t.is(engineName({ engine: 'onnxruntime', provider: 'cuda' }), 'onnxruntime:cuda')
})

test('engines are settled from flags', async (t) => {
  t.deepEqual(await chooseEngine({ engine: 'onnxruntime', provider: 'webgpu' }), {
    engine: 'onnxruntime',
    provider: 'webgpu',
  })
  t.deepEqual(await chooseEngine({ engine: 'auto', provider: 'cuda' }), { engine: 'onnxruntime', provider: 'cuda' })
  await t.throwsAsync(chooseEngine({ engine: 'torch', provider: 'cpu' }), { message: /unknown engine 'torch'/ })
  await t.throwsAsync(chooseEngine({ engine: 'auto', provider: 'cude' }), { message: /did you mean 'cuda'/ })
  await t.throwsAsync(chooseEngine({ engine: 'tensorflow', provider: 'cuda' }), { message: /is for the engine/ })
  await t.throwsAsync(loadEngine('tensorflow:cuda'), { name: 'UserError', message: /is for the engine/ })
  t.true(trainsAlone({ engine: 'tensorflow', provider: 'cpu' }))
  t.false(trainsAlone({ engine: 'onnxruntime', provider: 'cpu' }))
})

const withoutTensorflow = NATIVE_PACKAGES.every((name) => installedVersion(name) === undefined)
const bare = withoutTensorflow ? test : test.skip
bare('without a native TensorFlow, auto takes onnxruntime and asking for it says what to install', async (t) => {
  t.is((await chooseEngine({ engine: 'auto', provider: 'cpu' })).engine, 'onnxruntime')
  const message = /npm install @tensorflow\/tfjs-node-gpu/
  await t.throwsAsync(loadEngine('tensorflow'), { name: 'UserError', message })
})
