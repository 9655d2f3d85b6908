import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { GraphBuilder } from '../../network/build.ts'
import { tfliteFile } from '../formats/tflite-file.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

/** A folder with `net.tflite`: a 3×3 convolution of 8×8×3 to 4 channels, and a custom operator behind it. */
function folderWithModel(t: ExecutionContext): string {
  const folder = temporaryFolder(t)
  const bytes = tfliteFile(
    [{ dims: [1, 8, 8, 3] }, { dims: [4, 3, 3, 3], data: 'weights' }, { dims: [1, 8, 8, 4] }, { dims: [1, 4] }],
    [
      { code: 3, inputs: [0, 1], outputs: [2], options: { 0: { int8: 0 }, 1: { int32: 1 }, 2: { int32: 1 } } },
      { code: 32, custom: 'Detection', inputs: [2], outputs: [3] },
    ],
    [0],
    [3],
  )
  writeFileSync(path.join(folder, 'net.tflite'), bytes)
  return folder
}

const KEYS = [
  ...['model', 'device', 'latencyMs', 'latencyLowMs', 'latencyHighMs', 'energyMj', 'peakRamBytes', 'flashBytes'],
  ...['macs', 'params', 'unsupported', 'basis', 'layers', 'warnings'],
]

test('--json prints one object a device, with exactly the documented members', async (t) => {
  const folder = folderWithModel(t)
  const { code, stdout } = await frugal(folder, 'predict', 'net.tflite', '--device', 'all', '--json')
  t.is(code, 0)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.deepEqual(
    lines.map(({ device }) => device),
    listProfiles().map(({ id }) => id),
  )
  for (const line of lines) {
    t.deepEqual(Object.keys(line), KEYS)
    t.like(line, { model: 'net.tflite', macs: 64 * 4 * 27, params: 4 * 27, unsupported: [] })
    t.true(line.latencyLowMs <= line.latencyMs && line.latencyMs <= line.latencyHighMs)
    t.deepEqual(
      line.layers.map(({ kind }: { kind: string }) => kind).filter((kind: string) => kind !== 'once'),
      ['conv2d', 'custom'],
    )
    const shares = Object.values(line.basis as Record<string, number>)
    t.deepEqual(Object.keys(line.basis), ['exact', 'interpolated', 'extrapolated', 'fallback'])
    const sum = (figure: 'latencyMs' | 'energyMj') =>
      (line.layers as Record<typeof figure, number>[]).reduce((total, layer) => total + layer[figure], 0)
    t.true(Math.abs(sum('latencyMs') / line.latencyMs - 1) < 1e-9, 'layers add up')
    t.true(Math.abs(sum('energyMj') / line.energyMj - 1) < 1e-9)
    const hosted = line.warnings.some((warning: string) => warning.includes('left to the host core'))
    t.is(hosted, line.basis.fallback >= 0.1)
    t.true(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9)
  }
})

test('people get a table a device, the layers and the arena', async (t) => {
  const folder = folderWithModel(t)
  const devices = 'stm32f446-tflm-cmsisnn,titan-rtx'
  const { code, stdout } = await frugal(
    folder,
    ...['predict', 'net.tflite', '--device', devices, '--per-layer', '--memory-map'],
  )
  t.is(code, 0)
  t.regex(stdout, /^net\.tflite: 6912 MACs, 108 parameters, int8|^net\.tflite: 6\.91 k MACs, 108 parameters, int8/)
  t.regex(stdout, /device +latency +90 % interval +energy +peak RAM +flash/)
  t.regex(stdout, /titan-rtx: runs float32: the file, in int8, is priced as if converted/)
  t.regex(stdout, /Layers on stm32f446-tflm-cmsisnn\nlayer +latency +share[\s\S]*conv2d_1 .*\ncustom_2 .* fallback/)
  t.regex(stdout, /Arena on stm32f446-tflm-cmsisnn: \d+ bytes[^\n]*\noffset +bytes +buffer[\s\S]*input_0/)
})

test('--memory-map adds the plan to the JSON: buffers alive together do not overlap', async (t) => {
  const folder = folderWithModel(t)
  const { stdout } = await frugal(
    folder,
    ...['predict', 'net.tflite', '--device', 'nrf52832-tflm-cmsisnn', '--json', '--memory-map'],
  )
  const { memoryMap, peakRamBytes } = JSON.parse(stdout) as {
    peakRamBytes: number
    memoryMap: { peakRamBytes: number; buffers: Record<'offset' | 'bytes' | 'firstStep' | 'lastStep', number>[] }
  }
  t.true(memoryMap.peakRamBytes <= peakRamBytes)
  t.is(Math.max(...memoryMap.buffers.map(({ offset, bytes }) => offset + bytes)), memoryMap.peakRamBytes)
  for (const a of memoryMap.buffers)
    for (const b of memoryMap.buffers)
      if (a !== b && a.firstStep <= b.lastStep && b.firstStep <= a.lastStep)
        t.true(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset)
})

test('--best-order adds RAM in the order that needs least, to the JSON with its kernels', async (t) => {
  const folder = folderWithModel(t)
  const args = ['predict', 'net.tflite', '--device', 'nrf52832-tflm-cmsisnn', '--best-order']
  t.regex((await frugal(folder, ...args)).stdout, /Kernels on nrf52832-tflm-cmsisnn: no order found needs less RAM/)
  const { bestOrder, peakRamBytes, layers } = JSON.parse((await frugal(folder, ...args, '--json')).stdout)
  t.is(bestOrder.peakRamBytes, peakRamBytes)
  t.true(bestOrder.best)
  t.deepEqual(
    bestOrder.kernels,
    layers.filter(({ kind }: { kind: string }) => kind !== 'once').map(({ id }: { id: string }) => id),
  )
})

test('--operating and --duty add their members to the JSON, and a column to the table', async (t) => {
  const folder = folderWithModel(t)
  const devices = ['--device', 'gap9-ne16,gap9-ne16@650mv']
  const { stdout } = await frugal(folder, ...['predict', 'net.tflite', ...devices, '--duty', '10s', '--json'])
  const [fast, slow] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.deepEqual(Object.keys(fast), [...KEYS, 'energyPerHourMj'])
  t.deepEqual([fast.device, slow.device], ['gap9-ne16', 'gap9-ne16-650mv'])
  const idle = loadProfile('gap9-ne16').energy.idlePowerMw
  const hour = 360 * (fast.energyMj + ((10_000 - fast.latencyMs) * idle) / 1000)
  t.true(Math.abs(fast.energyPerHourMj / hour - 1) < 1e-9)
  const point = await frugal(
    folder,
    ...['predict', 'net.tflite', '--device', 'gap9-ne16', '--operating', '650mv', '--json'],
  )
  const { operatingPoint, device, latencyMs, energyMj } = JSON.parse(point.stdout)
  t.deepEqual([operatingPoint, device], ['650mv', 'gap9-ne16'])
  t.deepEqual([latencyMs, energyMj], [slow.latencyMs, slow.energyMj])
  const table = await frugal(
    folder,
    ...['predict', 'net.tflite', '--device', 'stm32f446-tflm-cmsisnn', '--duty', '1ms'],
  )
  t.is(table.code, 0)
  t.regex(table.stdout, /energy an hour/)
  t.regex(table.stdout, /stm32f446-tflm-cmsisnn: one inference takes .* ms, longer than the period of --duty/)
})

test('an exported architecture is priced, and what does not fit is said', async (t) => {
  const folder = temporaryFolder(t)
  const g = new GraphBuilder()
  const graph = g.build(g.dense(g.globalAveragePool(g.conv2d(g.input([96, 96, 3]), 64, { kernel: 3 })), 10))
  writeFileSync(path.join(folder, 'a.json'), canonicalJson({ format: 'frugal-architecture/1', graph }))
  const { code, stdout } = await frugal(folder, 'predict', 'a.json', '--device', 'stm32f446-tflm-cmsisnn')
  t.is(code, 0)
  t.regex(stdout, /stm32f446-tflm-cmsisnn: needs 6\d\d KB RAM and has 128 KB/)
  t.notRegex(stdout, /as if converted/)
})

test('figures without an interval say where they were far off', async (t) => {
  const devices = 'stm32n6-neuralart3,stm32h747-xcubeai8'
  const { stdout } = await frugal(folderWithModel(t), 'predict', 'net.tflite', '--device', devices)
  // Sixteen cases agree, two of other networks do not: they count together.
  t.regex(stdout, /^stm32n6-neuralart3: RAM was off by \d+\.?\d* % on average and 77\.8 % at most in the 18 cases/m)
  t.notRegex(stdout, /^stm32h747-xcubeai8: RAM/m)
})

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['predict', /name a model file: for example frugal predict/],
  ['predict net.tflite', /name a device, or all of them/],
  ['predict net.tflite --device stm32', /unknown device 'stm32': did you mean/],
  ['predict net.tflite --device all,titan-rtx', /--device all stands for every device/],
  ['predict net.tflite --device titan-rtx --device titan-rtx', /'titan-rtx' is given twice/],
  ['predict net.tflite --device titan-rtx --operating 650mv', /'titan-rtx' has no operating points but its own/],
  ['predict net.tflite --device gap9-ne16@1v', /unknown operating point '1v'.*800mv/],
  ['predict net.tflite --device titan-rtx --duty 10', /--duty '10' is not a number with a unit/],
  ['predict net.tflite --device titan-rtx,', /--device has an empty name: separate names by one comma/],
  ['predict none.onnx --device all', /model 'none\.onnx' cannot be read: there is no such file/],
  ['predict . --device all', /model '\.' is a folder: name the file in it/],
  ['predict net.pth --device all', /'net\.pth' ends in '\.pth'; frugal reads \.tflite, \.onnx, \.json/],
  ['predict cut.tflite --device all', /model 'cut\.tflite': the file is damaged/],
  ['predict text.onnx --device all', /model 'text\.onnx': the file/],
  ['predict text.json --device all', /model 'text\.json': the file is not JSON/],
]
for (const [line, message] of WRONG) {
  test(`frugal ${line}: one sentence, exit code 2`, async (t) => {
    const folder = folderWithModel(t)
    writeFileSync(path.join(folder, 'cut.tflite'), 'TFL')
    for (const name of ['text.onnx', 'text.json']) writeFileSync(path.join(folder, name), 'Once upon a time.')
    const { code, stderr, stdout } = await frugal(folder, ...line.split(' '))
    t.is(code, 2, stderr)
    t.is(stdout, '')
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  })
}
