import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { GraphBuilder } from '../../network/build.ts'
import { frugal, start, temporaryFolder } from './run-frugal.ts'

/** A folder with the architecture of a small network for the built-in data. */
function folderWithNetwork(t: ExecutionContext, classes = 10): string {
  const folder = temporaryFolder(t)
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 8, { kernel: 3, stride: 2 })), 'relu')
  const y = g.activation(g.batchNorm(g.depthwiseConv2d(x, { kernel: 3, stride: 2 })), 'relu')
  const graph = g.build(g.dense(g.globalAveragePool(g.conv2d(y, 16)), classes))
  writeFileSync(path.join(folder, 'net.json'), canonicalJson({ format: 'frugal-architecture/1', graph }))
  return folder
}

/** The bytes of every file of a finished training. */
function filesOf(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(path.join(folder, name), 'base64')]),
  )
}

const RECIPE = ['--recipe', 'augmented', '--epochs', '6'] as const

test('a training killed at any moment goes on to the same bytes', async (t) => {
  const folder = folderWithNetwork(t)
  const unbroken = await frugal(folder, 'train', 'net.json', ...RECIPE, '--out', 'unbroken')
  t.is(unbroken.code, 0, unbroken.stderr)
  t.regex(unbroken.stdout, /epoch 6\/6: loss .*training .*validation/)

  const killed = start(folder, 'train', 'net.json', ...RECIPE, '--out', 'killed')
  await killed.line(/^epoch 1\/6/)
  killed.kill('SIGKILL')
  await killed.finished
  t.true(existsSync(path.join(folder, 'killed/training.checkpoint')))
  const resumed = await frugal(folder, 'train', 'net.json', ...RECIPE, '--out', 'killed')
  t.regex(resumed.stdout, /goes on after epoch \d of 6/)
  t.deepEqual(filesOf(path.join(folder, 'killed')), filesOf(path.join(folder, 'unbroken')))
  t.deepEqual(Object.keys(filesOf(path.join(folder, 'killed'))), [
    'architecture.json',
    'model.onnx',
    'training.json',
    'weights.safetensors',
  ])

  const again = await frugal(folder, 'train', 'net.json', ...RECIPE, '--out', 'killed')
  t.regex(again.stdout, /holds this training already/)
  const other = await frugal(folder, 'train', 'net.json', '--epochs', '7', '--out', 'killed')
  t.is(other.code, 2)
  t.regex(other.stderr, /'killed' holds a training with other settings/)
})

test('Ctrl-C does not wait for the training and says how to go on; machines read every epoch', async (t) => {
  const folder = folderWithNetwork(t)
  const args = ['train', 'net.json', '--epochs', '300', '--patience', '3', '--json', '--out', 'out'] as const
  const stopped = start(folder, ...args)
  await stopped.line(/"epoch":1,/)
  const asked = performance.now()
  stopped.kill('SIGINT')
  const { code, stdout, stderr } = await stopped.finished
  // It takes half a second; the epochs would take minutes.
  t.true(performance.now() - asked < 20_000, `${performance.now() - asked} ms`)
  t.is(code, 130)
  t.regex(stderr, /stopped after \d+ of 300 epochs, kept in out; the same command goes on from there/)
  t.regex(stdout, /"event":"interrupted"/)

  const finished = await frugal(folder, ...args)
  const events = finished.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.is(events[1]!['event'], 'continued')
  const epochs = events.filter(({ event }) => event === 'epoch')
  t.true(epochs.every(({ secondsLeft }) => typeof secondsLeft === 'number'))
  const done = events.at(-1)! as { readonly event: string; readonly endedEarly: boolean; readonly epochs: number }
  const metrics = JSON.parse(readFileSync(path.join(folder, 'out/training.json'), 'utf8')) as {
    readonly keptEpoch: number
    readonly history: readonly { readonly epoch: number; readonly validationAccuracy: number }[]
    readonly accuracy: { readonly validation: number }
  }
  const accuracies = metrics.history.map(({ validationAccuracy }) => validationAccuracy)
  const highest = Math.max(...accuracies)
  // Three epochs in a row brought nothing better.
  t.like(done, { event: 'done', endedEarly: true, epochs: accuracies.indexOf(highest) + 1 + 3 })
  const standardError = Math.sqrt((highest * (1 - highest)) / 500)
  const kept = accuracies.findLastIndex((accuracy) => accuracy >= highest - standardError)
  t.deepEqual([metrics.keptEpoch, metrics.accuracy.validation], [kept + 1, accuracies[kept]])
})

test('what cannot be trained is refused in one sentence', async (t) => {
  const folder = folderWithNetwork(t, 7)
  const wrong: readonly [readonly string[], RegExp][] = [
    [['train'], /name what to train: frugal train architecture\.json/],
    [['train', 'net.json'], /tells 7 classes apart and the data set 'builtin' has 10/],
    [['train', 'net.json', '--epochs', '0'], /--epochs must be a whole number from 1/],
    [['train', '--trial', '1', '--seed', '2'], /--seed and --trial exclude each other/],
  ]
  for (const [args, message] of wrong) {
    const { code, stderr } = await frugal(folder, ...args)
    t.is(code, 2, args.join(' '))
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1)
  }
})
