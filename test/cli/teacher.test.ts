import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { teacherFile } from '../evaluators/teacher-file.ts'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

for (const [line, message] of [
  ['--teacher none.onnx', /the teacher 'none\.onnx' cannot be read: give an ONNX file/],
  ['--teacher-weight 0.5', /--teacher-weight needs a teacher: give --teacher FILE\.onnx too/],
  ['--teacher none.onnx --teacher-weight 2', /--teacher-weight must be a number above 0 and at most 1, not 2/],
] as const) {
  test(`frugal search ${line}: one sentence, exit code 2`, async (t) => {
    const { code, stderr } = await frugal(temporaryFolder(t), 'search', ...line.split(' '))
    t.is(code, 2, stderr)
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  })
}

test('a search learns from a teacher, and only goes on with the same one', async (t) => {
  const folder = temporaryFolder(t)
  const dataset = await loadDataset('builtin', { seed: 1 })
  const g = new GraphBuilder()
  const graph = g.build(g.dense(g.globalAveragePool(g.conv2d(g.input(dataset.inputShape), 8, { kernel: 3 })), 10))
  const file = path.basename(teacherFile(folder, dataset, graph, initialWeights(graph, randomStream(1, 'teacher'))))
  const run = (...flags: readonly string[]) => frugal(folder, 'search', '--trials', '2', '--json', ...QUICK, ...flags)
  const accuracies = (stdout: string) =>
    stdout
      .split('\n')
      .flatMap((line) => (line.includes('"event":"trial"') ? [/"accuracy":([\d.]+)/.exec(line)?.[1]] : []))

  const taught = await run('--teacher', file, '--teacher-weight', '0.9')
  t.is(taught.code, 0, taught.stderr)
  const plain = await run()
  t.is(plain.code, 0, plain.stderr)
  t.is(accuracies(taught.stdout).length, 2)
  t.true(accuracies(taught.stdout).every((accuracy) => accuracy !== undefined))
  t.notDeepEqual(accuracies(taught.stdout), accuracies(plain.stdout))

  t.is((await frugal(folder, 'resume', '1')).code, 0)
  const g2 = new GraphBuilder()
  const other = g2.build(g2.dense(g2.globalAveragePool(g2.conv2d(g2.input(dataset.inputShape), 4, { kernel: 3 })), 10))
  const otherFile = teacherFile(folder, dataset, other, initialWeights(other, randomStream(1, 'teacher')))
  writeFileSync(path.join(folder, file), readFileSync(otherFile))
  const { code, stderr } = await frugal(folder, 'resume', '1')
  t.is(code, 2, stderr)
  t.regex(stderr, /the teacher '.*' is not the file it was when the search began/)
})
