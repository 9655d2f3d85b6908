import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { type ExportJob, exportNetwork } from '../../export/export-network.ts'
import { defaultFormats, parseFormats } from '../../export/formats/index.ts'
import { renderIndex } from '../../export/index-page.ts'
import { cardSchema } from '../../export/model-card.ts'
import { UserError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import { exportJob, shortened, subjectOf } from './jobs.ts'
import { plausibleWeights } from './networks.ts'

const whole = await loadDataset('builtin', { seed: 1 })
const HOSTILE = '../../escape | */ <b>\n`x`'
/** Few samples, and names that would like to be somewhere else. */
const dataset = {
  ...shortened(whole, 100, 50, 120),
  name: HOSTILE,
  classNames: whole.classNames.map((name, i) => (i === 0 ? HOSTILE : name)),
}

function smallNetwork() {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 8, { kernel: 3, stride: 2 })), 'relu6')
  return g.build(g.dense(g.globalAveragePool(g.activation(x, 'hardSwish')), 10))
}
const subject = await subjectOf(smallNetwork(), plausibleWeights(smallNetwork(), 1), dataset)
const { float } = subject

const jobFor = (t: ExecutionContext, changes: Partial<ExportJob> = {}) =>
  exportJob(t, subject, { formats: parseFormats('c,onnx'), name: HOSTILE, ...changes })

const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort()

test('two exports give the same bytes, and nothing lands outside the folder', async (t) => {
  const [first, second] = [jobFor(t), jobFor(t)]
  await exportNetwork(first)
  await exportNetwork(second)
  const files = filesIn(first.root)
  t.deepEqual(files, [
    'out/README.md',
    'out/architecture.json',
    'out/c/check.c',
    'out/c/count.c',
    'out/c/expected.bin',
    'out/c/inputs.bin',
    'out/c/link.ld',
    'out/c/main.c',
    'out/c/model.c',
    'out/c/model.h',
    'out/c/start.c',
    'out/card.json',
    'out/card.schema.json',
    'out/model.onnx',
    'out/weights.safetensors',
  ])
  for (const file of files) {
    t.deepEqual(readFileSync(path.join(first.root, file)), readFileSync(path.join(second.root, file)), file)
  }
  t.is(readFileSync(path.join(first.root, 'out/c/inputs.bin')).length, 100 * 256)
  t.is(readFileSync(path.join(first.root, 'out/c/expected.bin')).length, 100 * 10)
})

test('the card gives both accuracies and says what was not verified', async (t) => {
  const job = jobFor(t)
  const card = await exportNetwork(job)
  t.is(card.int8!.test.samples, 120)
  t.is(card.int8!.dropPoints, Number((100 * (card.accuracy.test.accuracy - card.int8!.test.accuracy)).toFixed(4)))
  t.is(card.accuracy.test.correct, float.correct)
  t.true(card.verification.length === 2 && card.verification.every(({ verified }) => !verified))
  t.is(card.footprint!.arenaUsedBytes, undefined)
  t.deepEqual(JSON.parse(readFileSync(path.join(job.out, 'card.json'), 'utf8')), JSON.parse(JSON.stringify(card)))
  const page = readFileSync(path.join(job.out, 'README.md'), 'utf8')
  t.regex(page, /\| \*\*no\*\* \| {2}\| not verified: --no-verify/)
  t.regex(page, /arm-none-eabi-gcc .*start\.c check\.c/)
  t.notRegex(page, /^`x`|[^\\]<b>/m)
})

test('a drop of more than a point is warned of', async (t) => {
  const job = jobFor(t, { formats: parseFormats('c') })
  const claimed = { ...job, trained: { ...job.trained, accuracy: { test: 1, validation: 1 } } }
  const { warnings } = await exportNetwork(claimed)
  t.is(warnings.length, 1)
  t.regex(warnings[0]!, /int8 costs \d+\.\d\d points/)
})

test('a file that is not what was trained is written, and its check has failed: in the card, the README and the index', async (t) => {
  const job = jobFor(t, { verify: true, formats: parseFormats('onnx') })
  const wrong = { ...job, trained: { ...job.trained, accuracy: { test: float.accuracy + 0.2, validation: 0.1 } } }
  const card = await exportNetwork(wrong)
  const [check] = card.verification
  t.like(check, { artefact: 'model.onnx', verified: false, failed: true })
  t.regex(
    check!.detail,
    new RegExp(`${float.correct} of 120 test samples \\(the trained network: ${float.correct + 24}\\)`),
  )
  t.regex(check!.allowed!, /accuracy within 0\.2 %/)
  t.true(existsSync(path.join(job.out, 'model.onnx')))
  t.true(cardSchema.safeParse(JSON.parse(readFileSync(path.join(job.out, 'card.json'), 'utf8'))).success)
  const page = readFileSync(path.join(job.out, 'README.md'), 'utf8')
  t.regex(page, /\*\*Verification failed: do not use `model\.onnx`\.\*\*/)
  t.regex(page, /\| `model\.onnx` \| onnxruntime.* \| \*\*FAILED\*\* \|/)
  t.regex(renderIndex([{ device: 'one', card }]), /\| 0 of 1, \*\*1 FAILED\*\* \|/)
  const good = await exportNetwork(jobFor(t, { verify: true, formats: parseFormats('onnx') }))
  t.false('failed' in good.verification[0]!)
  t.regex(renderIndex([{ device: 'one', card: good }]), /\| 1 of 1 \|/)
})

test('formats: by family, by name, and refused with the nearest name', (t) => {
  const ids = (formats: ReturnType<typeof parseFormats>) => formats.map(({ id }) => id).join()
  t.is(ids(defaultFormats('cortex-m')), 'onnx,tflite,c')
  t.is(ids(defaultFormats('gpu')), 'onnx,onnx-float16')
  t.is(ids(defaultFormats('npu')), 'onnx,tflite')
  t.is(ids(parseFormats('c, onnx,c')), 'onnx,c')
  t.throws(() => parseFormats('onx'), { instanceOf: UserError, message: /'onx'.*did you mean 'onnx'/ })
  t.throws(() => parseFormats('c,'), { instanceOf: UserError, message: /empty name/ })
})

test('the index lists every device, also one without a network', async (t) => {
  const card = await exportNetwork(jobFor(t, { formats: parseFormats('onnx') }))
  const page = renderIndex([
    { device: 'one', card },
    { device: 'two', card: undefined },
  ])
  t.regex(page, /\| \[one\]\(one\/README\.md\) \|/)
  t.regex(page, /\| two \| no trained network/)
})
