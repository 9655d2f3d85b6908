import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { idxFiles, writeFiles } from '../evaluators/datasets-support.ts'
import { frugal, start, temporaryFolder } from './run-frugal.ts'

interface Card {
  readonly archId: string
  readonly training: { readonly epochs: number; readonly epochsRun: number; readonly keptEpoch: number }
  readonly pruning?: {
    readonly fromArchId: string
    readonly macs: { readonly before: number; readonly after: number }
    readonly testAccuracy: { readonly after: number }
  }
  readonly accuracy: { readonly test: { readonly accuracy: number } }
  readonly int8: { readonly fineTuning: { readonly mode: string; readonly training?: { readonly epochs: number } } }
}

const cardOf = (folder: string): Card => JSON.parse(readFileSync(path.join(folder, 'card.json'), 'utf8')) as Card
const read = (folder: string, name: string): string => readFileSync(path.join(folder, name), 'base64')

test('a stopped export goes on, prunes and fine-tunes; the same one again trains nothing', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(path.join(folder, 'data'), idxFiles(320, 40))
  const device = ['--device', 'stm32f446-tflm-cmsisnn', '--data', 'data', '--workers', '1'] as const
  const searched = await frugal(folder, 'search', '--trials', '1', '--epochs', '1', '--max-flash', '160KB', ...device)
  t.is(searched.code, 0, searched.stderr)
  const args = [
    'export',
    '--format',
    'onnx,c',
    '--no-verify',
    '--epochs',
    '2',
    '--prune',
    '0.5',
    '--qat',
    'always',
  ] as const

  const unquantised = await frugal(folder, 'export', '--format', 'onnx', '--qat', 'always')
  t.is(unquantised.code, 2)
  t.regex(unquantised.stderr, /--qat always fine-tunes quantised networks, but onnx holds none: choose --format of/)

  const stopped = start(folder, ...args, '--out', 'out')
  await stopped.line(/^epoch 1\/2/)
  stopped.kill('SIGHUP')
  const { code, stderr } = await stopped.finished
  t.is(code, 130)
  t.regex(stderr, /the same command goes on from there/)

  const done = await frugal(folder, ...args, '--out', 'out')
  t.is(done.code, 0, done.stderr)
  t.regex(done.stdout, /goes on after epoch 1 of 2|trained before/)
  t.regex(done.stdout, /pruned: \d+ of \d+ channels are left/)
  const out = path.join(folder, 'out')
  const card = cardOf(out)
  t.deepEqual(card.training, { ...card.training, epochs: 2, epochsRun: 2 })
  t.not(card.pruning!.fromArchId, card.archId)
  t.true(card.pruning!.macs.after < 0.7 * card.pruning!.macs.before)
  t.is(card.pruning!.testAccuracy.after, card.accuracy.test.accuracy)
  t.like(card.int8.fineTuning, { mode: 'always', training: { epochs: 3 } })
  const architecture = JSON.parse(readFileSync(path.join(out, 'architecture.json'), 'utf8')) as {
    readonly archId: string
    readonly prunedFrom: { readonly archId: string }
  }
  t.deepEqual([architecture.archId, architecture.prunedFrom.archId], [card.archId, card.pruning!.fromArchId])
  t.is(readdirSync(path.join(out, 'training')).length, 3)

  const before = ['card.json', 'model.onnx', 'c/model.c', 'weights.safetensors'].map((name) => read(out, name))
  const again = await frugal(folder, ...args, '--out', 'out')
  t.notRegex(again.stdout, /^epoch/m)
  t.deepEqual(
    ['card.json', 'model.onnx', 'c/model.c', 'weights.safetensors'].map((name) => read(out, name)),
    before,
  )
})

test('flags of training, pruning and fine-tuning that cannot be right are refused', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { file: new Uint8Array() })
  for (const [args, message] of [
    [['--prune', '1'], /--prune must be a share of the channels above 0 and at most 0\.9, not 1/],
    [['--qat', 'alway'], /did you mean 'always'/],
    [['--out', 'file'], /--out 'file': 'file' is a file; name a folder/],
    [['--out', 'file/inside'], /'file' is a file; name a folder/],
    [['--patience', '1.5'], /--patience must be a whole number/],
  ] as const) {
    const { code, stderr } = await frugal(folder, 'export', ...args)
    t.is(code, 2)
    t.regex(stderr, message)
  }
})
