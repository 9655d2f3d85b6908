import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createBatcher } from '../../evaluators/datasets/batches.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../../evaluators/evaluator.ts'
import { createPool } from '../../evaluators/pool/pool.ts'
import { evaluateCandidate } from '../../evaluators/proxy/evaluate-candidate.ts'
import { onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE, recipeSchema } from '../../evaluators/training/recipe.ts'
import { distilled, withTeacher } from '../../evaluators/training/teacher.ts'
import { trainNetwork } from '../../evaluators/training/train.ts'
import { UserError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { teacherFile } from './teacher-file.ts'

const dataset = await loadDataset('builtin', { seed: 1 })

function network(filters: number, { inputShape = dataset.inputShape, classes = 10, softmax = false } = {}) {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input(inputShape), filters, { kernel: 3, stride: 2 })), 'relu')
  const logits = g.dense(g.globalAveragePool(x), classes)
  return g.build(softmax ? g.activation(logits, 'softmax') : logits)
}

const SHORT = { epochs: 2, dataFraction: 0.1 }

async function trained(graph: NetworkGraph): Promise<Weights> {
  const fidelity = { epochs: 4, dataFraction: 0.3 }
  const job = { graph, dataset, recipe: DEFAULT_RECIPE, fidelity, seed: 3, engine: onnxEngine, measureOn: [] }
  const result = await trainNetwork(job)
  if (!result.ok) throw new Error(result.message)
  return result.weights
}

function folder(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'frugal-teacher-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const figures = (result: Awaited<ReturnType<Evaluator['evaluate']>>) =>
  result.ok ? [result.accuracy, result.testAccuracy, result.loss] : result

const teacher = network(24)
const teacherWeights = await trained(teacher)

test('a teacher is asked once about each training sample, as it would answer in training', async (t) => {
  const file = teacherFile(folder(t), dataset, teacher, teacherWeights)
  const { logits, digest } = (await withTeacher(dataset, file)).teacher!
  t.true(logits.buffer instanceof SharedArrayBuffer)
  t.is(distilled(DEFAULT_RECIPE, file).distillation!.teacher, digest)
  t.deepEqual(recipeSchema.parse(distilled(DEFAULT_RECIPE, file)), distilled(DEFAULT_RECIPE, file))

  const program = await onnxEngine.compile(teacher, DEFAULT_RECIPE)
  await program.writeWeights(teacherWeights)
  const { train, test: unseen } = dataset.splits
  const count = 100
  const inputs = new Float32Array(count * 256)
  const start = train.length - count
  const batcher = createBatcher({ ...dataset, teacher: { digest, logits } }, dataset.inputShape)
  batcher.fill(train, start, count, inputs)
  const expected = await program.predict(inputs, count)
  const answers = new Float32Array(count * 10)
  batcher.teacher(train, start, count, answers)
  for (const [i, value] of answers.entries()) t.true(Math.abs(value - expected[i]!) < 1e-3, `${value} ${expected[i]}`)
  await program.dispose()
  // Nothing is asked about other parts of the data.
  t.true(unseen.every((index) => logits.subarray(10 * index, 10 * index + 10).every((value) => value === 0)))
})

test('of probabilities the logarithms are taken', async (t) => {
  const directory = folder(t)
  const plain = (await withTeacher(dataset, teacherFile(directory, dataset, teacher, teacherWeights))).teacher!
  const softmax = network(24, { softmax: true })
  const shares = (await withTeacher(dataset, teacherFile(directory, dataset, softmax, teacherWeights))).teacher!
  const softened = (logits: Float32Array) => {
    const sum = logits.reduce((total, value) => total + Math.exp(value), 0)
    return Array.from(logits, (value) => Math.exp(value) / sum)
  }
  for (const index of dataset.splits.train.subarray(0, 50)) {
    const [a, b] = [plain, shares].map(({ logits }) => softened(logits.subarray(10 * index, 10 * index + 10)))
    for (const [i, share] of a!.entries()) t.true(Math.abs(share - b![i]!) < 1e-4)
  }
})

test('a network that learns from a teacher alone comes to answer like it; every worker trains it alike', async (t) => {
  const file = teacherFile(folder(t), dataset, teacher, teacherWeights)
  const data = await withTeacher(dataset, file)
  const student = network(16)
  const request = (recipe = DEFAULT_RECIPE): EvaluationRequest => ({
    graph: student,
    archId: archId(student),
    fidelity: SHORT,
    recipe,
    seed: 7,
  })
  const recipe = distilled(DEFAULT_RECIPE, file, { weight: 1, temperature: 2 })
  const here = await evaluateCandidate(request(recipe), data, onnxEngine)
  t.true(here.ok)
  t.notDeepEqual(figures(here), figures(await evaluateCandidate(request(), data, onnxEngine)))
  // Half of T² · KL of an untrained network; it must have learned something.
  const longer = { ...request(recipe), fidelity: { epochs: 8, dataFraction: 0.3 } }
  const after = await evaluateCandidate(longer, data, onnxEngine)
  t.true((after as { loss: number }).loss < 0.5 * (here as { loss: number }).loss)

  const pool = createPool({
    dataset: data,
    engine: 'onnxruntime',
    engineVersion: 'test',
    workers: 1,
    timeoutSeconds: 120,
  })
  t.deepEqual(figures(await pool.evaluate(request(recipe))), figures(here))
  t.deepEqual(figures(await pool.evaluate(request(recipe), { isolated: true })), figures(here))
  await pool.dispose()
})

test('without the teacher that the recipe names there is no training', async (t) => {
  const directory = folder(t)
  const file = teacherFile(directory, dataset, teacher, teacherWeights)
  const student = network(8)
  const recipe = distilled(DEFAULT_RECIPE, file)
  const request = { graph: student, archId: archId(student), fidelity: SHORT, recipe, seed: 7 }
  const none = await evaluateCandidate(request, dataset, onnxEngine)
  t.like(none, { ok: false, code: 'threw' })
  t.regex(
    (none as { message: string }).message,
    /learns from the teacher [0-9a-f]{12}…, and the data set has answers of none/,
  )
  const other = await withTeacher(dataset, teacherFile(directory, dataset, student, await trained(student)))
  t.like(await evaluateCandidate(request, other, onnxEngine), { ok: false, code: 'threw' })

  const program = await onnxEngine.compile(student, { ...recipe, batchSize: 16 })
  const [inputs, labels] = [new Float32Array(16 * 256), new Int32Array(16)]
  await t.throwsAsync(program.step(inputs, labels, 0.1), {
    instanceOf: UserError,
    message: /no logits of a teacher.*160/,
  })
  await t.throwsAsync(program.step(inputs, labels, 0.1, new Float32Array(3)), { instanceOf: UserError })
  await program.dispose()
})

test('a teacher that does not fit the data is told in one sentence', async (t) => {
  const directory = folder(t)
  const refused = async (file: string, message: RegExp) => {
    const error = await t.throwsAsync(withTeacher(dataset, file), { instanceOf: UserError, message })
    t.false(error!.message.includes('\n'))
  }
  await refused(path.join(directory, 'none.onnx'), /teacher '.*none\.onnx' cannot be read/)
  await refused(directory, /cannot be read/)
  writeFileSync(path.join(directory, 'text.onnx'), 'no model')
  await refused(path.join(directory, 'text.onnx'), /is no ONNX file that can be run/)
  const wide = { ...dataset, inputShape: [20, 16, 1] }
  const wideNetwork = network(4, { inputShape: wide.inputShape })
  const weightsOf = async (graph: NetworkGraph) => {
    const program = await onnxEngine.compile(graph, DEFAULT_RECIPE)
    const weights = await program.readWeights()
    await program.dispose()
    return weights
  }
  await refused(
    teacherFile(directory, wide, wideNetwork, await weightsOf(wideNetwork)),
    /reads .*20×16×1; for .* must read float32 batch×16×16×1/,
  )
  const few = network(4, { classes: 7 })
  await refused(
    teacherFile(directory, dataset, few, await weightsOf(few)),
    /gives .*×7; the data set 'builtin' has 10 classes/,
  )
})
