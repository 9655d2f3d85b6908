import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { exportNetwork } from '../../export/export-network.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { exportJob, shortened, subjectOf } from './jobs.ts'
import { plausibleWeights } from './networks.ts'

const compiler = findTool('cc', 'gcc', 'clang')
const host = compiler === undefined ? test.skip : test
const CHANNELS = 3
const CLASSES = 10

/** The built-in pictures in three channels that differ in brightness and contrast. */
async function colourful() {
  const whole = shortened(await loadDataset('builtin', { seed: 1 }), 200, 50, 100)
  const samples = new Uint8Array(new SharedArrayBuffer(CHANNELS * whole.samples.length))
  const scale = [1, 0.5, 0.25]
  for (let i = 0; i < samples.length; i++) samples[i] = whole.samples[Math.floor(i / 3)]! * scale[i % 3]!
  const stretched = (values: readonly number[]) => scale.map((factor) => values[0]! * factor)
  return {
    ...whole,
    samples,
    inputShape: [16, 16, CHANNELS],
    mean: stretched(whole.mean),
    standardDeviation: stretched(whole.standardDeviation),
  }
}

host('the lines of the README make of a sample the class that the reference gives', async (t) => {
  const dataset = await colourful()
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, CHANNELS]), 8, { kernel: 3, stride: 2 })), 'relu')
  const graph = g.build(g.dense(g.globalAveragePool(x), CLASSES))
  const subject = await subjectOf(graph, plausibleWeights(graph, 1), dataset)
  const job = exportJob(t, subject, { formats: parseFormats('c'), name: 'picture' })
  await exportNetwork(job)
  const folder = path.join(job.out, 'c')
  const [, lines] = /```c\n(#include <math\.h>.*?)```/s.exec(readFileSync(path.join(job.out, 'README.md'), 'utf8'))!
  writeFileSync(
    path.join(folder, 'classes.c'),
    `#include <stdio.h>
${lines}
int main(void) {
  static float sample[PICTURE_INPUT_BYTES];
  while (fread(sample, sizeof sample, 1, stdin) == 1) printf("%d ", classify(sample));
  return 0;
}
`,
  )
  const flags = ['-std=c99', '-O2', '-Wall', '-Wextra', '-Werror', 'classes.c', 'model.c', '-lm', '-o', 'classes']
  execFileSync(compiler!, flags, { cwd: folder })
  const size = 16 * 16 * CHANNELS
  const raw = Float32Array.from({ length: 100 * size }, (_, i) => {
    const sample = dataset.splits.test[Math.floor(i / size)]!
    return dataset.samples[sample * size + (i % size)]!
  })
  const said = execFileSync(path.join(folder, 'classes'), { input: Buffer.from(raw.buffer) })
  const scores = new Int8Array(readFileSync(path.join(folder, 'expected.bin')))
  const expected = Array.from({ length: 100 }, (_, n) => {
    const own = scores.subarray(n * CLASSES, (n + 1) * CLASSES)
    return own.indexOf(Math.max(...own))
  })
  t.deepEqual(said.toString().trim().split(' ').map(Number), expected)
  t.true(new Set(expected).size > 2)
})
