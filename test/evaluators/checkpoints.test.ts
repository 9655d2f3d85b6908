import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../../evaluators/evaluator.ts'
import { createPool } from '../../evaluators/pool/pool.ts'
import { evaluateCandidate } from '../../evaluators/proxy/evaluate-candidate.ts'
import { readCheckpoint } from '../../evaluators/training/checkpoint.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE, RECIPES } from '../../evaluators/training/recipe.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId, weightSpecs } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'

const dataset = await loadDataset('builtin', { seed: 1 })

function network(filters: number, kernel = 3): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input(dataset.inputShape), filters, { kernel: 3, stride: 2 })), 'relu')
  const y = g.activation(g.batchNorm(g.depthwiseConv2d(x, { kernel })), 'relu')
  return g.build(g.dense(g.globalAveragePool(y), dataset.classNames.length))
}

const FIRST = { epochs: 1, dataFraction: 0.1 }
const SECOND = { epochs: 2, dataFraction: 0.2 }
const THIRD = { epochs: 1, dataFraction: 0.2 }

const graph = network(8)
const request = (overrides: Partial<EvaluationRequest>): EvaluationRequest => ({
  graph,
  archId: archId(graph),
  fidelity: FIRST,
  recipe: DEFAULT_RECIPE,
  seed: 5,
  ...overrides,
})

const evaluate = (overrides: Partial<EvaluationRequest>) => evaluateCandidate(request(overrides), dataset, onnxEngine)

/** What must not depend on where or how a candidate was trained. */
const figures = (result: Awaited<ReturnType<Evaluator['evaluate']>>) =>
  result.ok ? [result.accuracy, result.testAccuracy, result.loss] : result

test('without the test part everything else stays as it is', async (t) => {
  const [whole, short] = [await evaluate({}), await evaluate({ skipTest: true })]
  t.true(whole.ok && short.ok)
  if (!whole.ok || !short.ok) return
  t.true(whole.testAccuracy! > 0)
  t.false('testAccuracy' in short)
  t.deepEqual([short.accuracy, short.crossEntropy, short.loss], [whole.accuracy, whole.crossEntropy, whole.loss])
  t.true(whole.crossEntropy! > 0)
})

function folder(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'frugal-checkpoints-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const fileOf = (directory: string, name: string): string => path.join(directory, `${name}.checkpoint`)

for (const name of ['default', 'adamw', 'augmented']) {
  test(`${name}: a training that goes on from a checkpoint gives what the whole gives, bit for bit`, async (t) => {
    const directory = folder(t)
    const recipe = RECIPES[name]!
    const whole = await evaluate({
      recipe,
      earlier: [FIRST, SECOND],
      fidelity: THIRD,
      checkpoints: { directory, save: 'whole' },
    })
    await evaluate({ recipe, checkpoints: { directory, save: 'first' } })
    const second = { recipe, earlier: [FIRST], fidelity: SECOND }
    await evaluate({ ...second, checkpoints: { directory, continueFrom: 'first', save: 'second' } })
    const checkpoints = { directory, continueFrom: 'second', save: 'third' }
    const third = await evaluate({ recipe, earlier: [FIRST, SECOND], fidelity: THIRD, checkpoints })
    t.true(whole.ok)
    t.deepEqual(figures(third), figures(whole))
    t.deepEqual(readFileSync(fileOf(directory, 'third')), readFileSync(fileOf(directory, 'whole')))
    // Nothing half-written stays behind.
    t.deepEqual(
      readdirSync(directory).sort(),
      ['first', 'second', 'third', 'whole'].map((file) => `${file}.checkpoint`),
    )
  })
}

test('stages are no repetition of the first one: each has an order and a schedule of its own', async (t) => {
  const once = await evaluate({ fidelity: { ...FIRST, epochs: 2 } })
  const staged = await evaluate({ earlier: [FIRST], fidelity: FIRST })
  t.true(once.ok && staged.ok)
  t.notDeepEqual(figures(staged), figures(once))
})

test('without a usable checkpoint the earlier stages are trained again, to the same end', async (t) => {
  const directory = folder(t)
  const staged = { earlier: [FIRST], fidelity: SECOND }
  const expected = figures(await evaluate(staged))
  const from = async (name: string) =>
    figures(await evaluate({ ...staged, checkpoints: { directory, continueFrom: name } }))
  t.deepEqual(await from('missing'), expected)

  writeFileSync(fileOf(directory, 'foreign'), 'some other file')
  t.deepEqual(await from('foreign'), expected)

  await evaluate({ checkpoints: { directory, save: 'good' } })
  const bytes = readFileSync(fileOf(directory, 'good'))
  writeFileSync(fileOf(directory, 'short'), bytes.subarray(0, bytes.length - 1))
  bytes[bytes.length - 2]! ^= 1
  writeFileSync(fileOf(directory, 'flipped'), bytes)
  t.deepEqual(await from('short'), expected)
  t.deepEqual(await from('flipped'), expected)

  for (const [name, other] of Object.entries({
    seed: { seed: 6 },
    recipe: { recipe: { ...DEFAULT_RECIPE, learningRate: 0.1 } },
    stage: { fidelity: { ...FIRST, epochs: 2 } },
    network: { graph: network(16) },
  })) {
    await evaluate({ ...other, checkpoints: { directory, save: name } })
    t.deepEqual(await from(name), expected, name)
  }
})

test('a checkpoint that is used saves its stages', async (t) => {
  const directory = folder(t)
  const long = { epochs: 12, dataFraction: 0.3 }
  await evaluate({ fidelity: long, checkpoints: { directory, save: 'long' } })
  const staged = { earlier: [long], fidelity: FIRST }
  const short = await evaluate({ ...staged, checkpoints: { directory, continueFrom: 'long' } })
  const whole = await evaluate(staged)
  t.true(short.ok && whole.ok)
  t.true((short as { cpuSeconds: number }).cpuSeconds < (whole as { cpuSeconds: number }).cpuSeconds)
  t.deepEqual(figures(short), figures(whole))
})

test('stages at a lower resolution hand their weights on', async (t) => {
  const directory = folder(t)
  const small = { ...FIRST, resolution: 0.75 }
  const staged = { earlier: [small], fidelity: SECOND }
  const whole = await evaluate(staged)
  await evaluate({ fidelity: small, checkpoints: { directory, save: 'small' } })
  t.true(whole.ok)
  t.deepEqual(figures(await evaluate({ ...staged, checkpoints: { directory, continueFrom: 'small' } })), figures(whole))
  t.notDeepEqual(figures(await evaluate({ earlier: [FIRST], fidelity: SECOND })), figures(whole))
  // Named as the network itself names its weights.
  const saved = readCheckpoint(fileOf(directory, 'small'))
  if (saved === undefined || 'ok' in saved) return t.fail()
  t.deepEqual(
    [...saved.weights.keys()].sort(),
    weightSpecs(graph)
      .map(({ name }) => name)
      .sort(),
  )
  return
})

test('threads and processes of their own read and write checkpoints alike', async (t) => {
  const directory = folder(t)
  const whole = figures(await evaluate({ earlier: [FIRST], fidelity: SECOND }))
  const pool = createPool({ dataset, engine: 'onnxruntime', engineVersion: 'test', workers: 2, timeoutSeconds: 120 })
  await Promise.all([
    pool.evaluate(request({ checkpoints: { directory, save: 'thread' } })),
    pool.evaluate(request({ checkpoints: { directory, save: 'process' } }), { isolated: true }),
  ])
  t.deepEqual(readFileSync(fileOf(directory, 'process')), readFileSync(fileOf(directory, 'thread')))
  const goesOn = request({ earlier: [FIRST], fidelity: SECOND, checkpoints: { directory, continueFrom: 'thread' } })
  t.deepEqual(figures(await pool.evaluate(goesOn)), whole)
  t.deepEqual(figures(await pool.evaluate(goesOn, { isolated: true })), whole)
  await pool.dispose()
})

test('a network inherits weights from another; a missing or damaged parent is a failure', async (t) => {
  const directory = folder(t)
  await evaluate({ fidelity: SECOND, checkpoints: { directory, save: 'parent' } })
  const child = { graph: network(12, 5), seed: 9 }
  const fresh = await evaluate(child)
  const checkpoints = { directory, inheritFrom: 'parent', save: 'child' }
  const inherited = await evaluate({ ...child, checkpoints })
  t.true(fresh.ok && inherited.ok)
  t.true((inherited as { accuracy: number }).accuracy > (fresh as { accuracy: number }).accuracy)
  t.deepEqual(figures(await evaluate({ ...child, checkpoints })), figures(inherited))

  // A child's later stages go on from its own checkpoint, or begin at the parent again.
  const later = { ...child, earlier: [FIRST], fidelity: SECOND }
  const again = await evaluate({ ...later, checkpoints: { directory, inheritFrom: 'parent' } })
  const shortcut = { directory, inheritFrom: 'parent', continueFrom: 'child' }
  t.deepEqual(figures(await evaluate({ ...later, checkpoints: shortcut })), figures(again))
  t.notDeepEqual(figures(await evaluate(later)), figures(again))

  const missing = await evaluate({ ...child, checkpoints: { directory, inheritFrom: 'nobody' } })
  t.like(missing, { ok: false, code: 'checkpoint' })
  t.regex((missing as { message: string }).message, /'.*nobody\.checkpoint' to inherit weights from does not exist/)
  writeFileSync(fileOf(directory, 'broken'), readFileSync(fileOf(directory, 'parent')).subarray(0, 500))
  const broken = await evaluate({ ...child, checkpoints: { directory, inheritFrom: 'broken' } })
  t.like(broken, { ok: false, code: 'checkpoint' })
  t.regex((broken as { message: string }).message, /is no checkpoint of this version, or is damaged/)
})

test('a checkpoint that cannot be written is told apart from what a network does', async (t) => {
  const directory = path.join(folder(t), 'file')
  writeFileSync(directory, '')
  const result = await evaluate({ checkpoints: { directory, save: 'state' } })
  t.like(result, { ok: false, code: 'checkpoint' })
  t.regex((result as { message: string }).message, /^the checkpoint '.*state\.checkpoint' cannot be written \(E.*\)$/)
})

test('names stay inside the folder of checkpoints', async (t) => {
  const directory = folder(t)
  const outside = path.join(path.dirname(directory), 'outside')
  const result = await evaluate({ checkpoints: { directory, save: '../outside' } })
  t.like(result, { ok: false, code: 'threw' })
  t.false(existsSync(`${outside}.checkpoint`))
})
