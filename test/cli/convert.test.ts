import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { GraphBuilder } from '../../network/build.ts'
import { quantisedCase } from '../export/networks.ts'
import { tfliteFile } from '../formats/tflite-file.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

const g = new GraphBuilder()
const x = g.activation(g.conv2d(g.input([6, 6, 2]), 4, { kernel: 3, bias: true }), 'relu')
const { network } = await quantisedCase(g.build(g.dense(g.globalAveragePool(x), 3)), 1, 20)
const model = writeTflite(network, { description: 'a test', interface: 'int8' })

test('convert writes every format and says what running them has shown', async (t) => {
  t.timeout(120_000)
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'net.tflite'), model)
  const hostile = '../../evil */ main'
  const args = ['--format', 'tflite,onnx-int8', '--name', hostile, '--out', 'out']
  const { code, stdout, stderr } = await frugal(folder, 'convert', 'net.tflite', ...args)
  t.is(code, 0, stderr)
  t.regex(stdout, /net\.tflite: 3 kernels, int8 6×6×2 to 3/)
  t.regex(stdout, /model_int8\.onnx on onnxruntime, 128 random samples: /)
  t.deepEqual(readdirSync(folder).sort(), ['net.tflite', 'out'])
  const files = ['README.md', 'model.tflite', 'model_float_io.tflite', 'model_int8.onnx']
  t.deepEqual(readdirSync(path.join(folder, 'out')).sort(), files)
  t.regex(readFileSync(path.join(folder, 'out', 'README.md'), 'utf8'), /int8 6×6×2, real = /)
})

test('bad input is one sentence and exit code 2', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'net.tflite'), model)
  writeFileSync(path.join(folder, 'broken.tflite'), model.slice(0, 100))
  const float = tfliteFile(
    [
      { dims: [1, 8, 8, 3], type: 0 },
      { dims: [4, 3, 3, 3], type: 0, data: 'weights' },
      { dims: [1, 8, 8, 4], type: 0 },
    ],
    [{ code: 3, inputs: [0, 1], outputs: [2], options: { 0: { int8: 0 }, 1: { int32: 1 }, 2: { int32: 1 } } }],
    [0],
    [2],
  )
  writeFileSync(path.join(folder, 'float.tflite'), float)
  const refused = async (pattern: RegExp, ...args: readonly string[]) => {
    const { code, stderr } = await frugal(folder, 'convert', ...args)
    t.is(code, 2, stderr)
    t.regex(stderr, pattern)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }
  await refused(/name a model file/)
  await refused(/ends in '\.pb'; frugal convert reads \.tflite and float \.onnx/, 'net.pb')
  await refused(/cannot be read: there is no such file/, 'missing.tflite')
  await refused(/damaged/, 'broken.tflite')
  await refused(/operator 0 \(CONV_2D\): .*stored float32, float16 or int8 is read/, 'float.tflite')
  await refused(/in int8, which --format onnx cannot hold: give tflite/, 'net.tflite', '--format', 'onnx')
  await refused(/in int8 already/, 'net.tflite', '--data', 'builtin')
  await refused(/did you mean 'unit'/, 'net.tflite', '--normalise', 'unt')
  await refused(/did you mean 'tflite'/, 'net.tflite', '--format', 'tflit')
  t.deepEqual(readdirSync(folder).sort(), ['broken.tflite', 'float.tflite', 'net.tflite'])
})

test('with --json standard output is one object, and the rest is on standard error', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'net.tflite'), model)
  const args = ['convert', 'net.tflite', '--format', 'onnx-int8', '--out', 'out', '--json'] as const
  const { code, stdout, stderr } = await frugal(folder, ...args)
  t.is(code, 0, stderr)
  const { findings, ...rest } = JSON.parse(stdout) as { readonly findings: readonly string[] }
  const summary = '3 kernels, int8 6×6×2 to 3'
  t.deepEqual(rest, { model: 'net.tflite', out: 'out', summary, files: ['model_int8.onnx', 'README.md'], verify: true })
  t.regex(findings.join('\n'), /^model_int8\.onnx on onnxruntime, 128 random samples: /)
  t.is(stderr, [`net.tflite: ${summary}`, 'out: model_int8.onnx, README.md', ...findings, ''].join('\n'))
  const unseen = await frugal(folder, ...args, '--no-verify')
  t.like(JSON.parse(unseen.stdout), { verify: false, findings: [] })
  const wrong = await frugal(folder, 'convert', 'none.tflite', '--json')
  t.deepEqual([wrong.code, wrong.stdout], [2, ''])
})

const posix = process.platform === 'win32' ? test.skip : test

posix('a pipe that is called a model is refused, not waited for', async (t) => {
  const folder = temporaryFolder(t)
  t.is(spawnSync('mkfifo', [path.join(folder, 'pipe.tflite')]).status, 0)
  for (const args of [['convert'], ['predict', '--device', 'titan-rtx']]) {
    const { code, stderr } = await frugal(folder, ...args, 'pipe.tflite')
    t.is(code, 2, stderr)
    t.regex(stderr, /^frugal: model 'pipe\.tflite' .*is no ordinary file/)
  }
})
