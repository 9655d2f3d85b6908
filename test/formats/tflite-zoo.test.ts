import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { createCostModel, listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { countMacs, countParams, inputShapes } from '../../network/measure.ts'
import { definitionOf } from '../../network/op-kinds.ts'
import type { NetworkGraph } from '../../network/types.ts'

const HARDWARE = path.resolve(import.meta.dirname, '../../../shared/data/hardware')
const FOLDER = path.join(HARDWARE, 'tflite')
// Real files are not part of the repository.
const test = (existsSync(FOLDER) ? anyTest : anyTest.skip) as TestFn
const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.tflite')) : []
const read = (name: string): Buffer => readFileSync(path.join(FOLDER, name))

test('every file of the collection is read and priced on every device', (t) => {
  const models = listProfiles().map(({ id }) => createCostModel(loadProfile(id)))
  t.is(files.length, 120)
  for (const name of files) {
    const { graph } = importTflite(read(name))
    t.true(countMacs(graph) > 0 && countParams(graph) > 0, name)
    for (const model of models) {
      const { latencyMs, energyMj, peakRamBytes, flashBytes, unsupported } = model.price(graph)
      const where = `${name} on ${model.profile.id}`
      for (const value of [latencyMs, energyMj, peakRamBytes, flashBytes])
        t.true(Number.isFinite(value) && value > 0, where)
      t.deepEqual(unsupported, [], where)
    }
  }
})

/** MACs by kind, as the tables of measurements count them. */
function macsByKind(graph: NetworkGraph): Record<'conv' | 'conv1x1' | 'dw' | 'fc', number> {
  const macs = { conv: 0, conv1x1: 0, dw: 0, fc: 0 }
  const shapesOf = inputShapes(graph)
  for (const node of graph.nodes) {
    const { op } = node
    const count = definitionOf(op).macs(op as never, shapesOf(node), node.shape)
    if (op.kind === 'conv2d') macs[op.kernel[0] * op.kernel[1] === 1 ? 'conv1x1' : 'conv'] += count
    if (op.kind === 'depthwiseConv2d') macs.dw += count
    if (op.kind === 'dense') macs.fc += count
  }
  return macs
}

/** Cells of a line of CSV; quotes may hold commas. */
function cellsOf(line: string): readonly string[] {
  return [...line.matchAll(/("([^"]*)"|[^,]*)(,|$)/g)].map((match) => match[2] ?? match[1]!)
}

test('MACs, in all and by kind, are those of the measurements that were made with the files', (t) => {
  const [heading, ...lines] = readFileSync(path.join(HARDWARE, 'stm32_modelzoo.csv'), 'utf8').trim().split('\n')
  const names = cellsOf(heading!)
  let compared = 0
  for (const line of lines) {
    const cells = cellsOf(line)
    const cell = (name: string): string => cells[names.indexOf(name)]!
    const match = /^tflite:([^/]+)\/(.*)$/.exec(cell('macs_source'))
    if (match === null) continue
    const flat = match[2]!.replaceAll('/', '_')
    const file = files.find(
      (name) => name.startsWith(`${match[1]}__`) && flat.endsWith(name.slice(match[1]!.length + 2)),
    )
    if (file === undefined) {
      t.fail(`no file for ${cell('macs_source')}`)
      continue
    }
    const { graph } = importTflite(read(file))
    t.is(countMacs(graph), Number(cell('macs')), file)
    t.deepEqual(
      macsByKind(graph),
      {
        conv: Number(cell('macs_conv')),
        conv1x1: Number(cell('macs_conv1x1')),
        dw: Number(cell('macs_dw')),
        fc: Number(cell('macs_fc')),
      },
      file,
    )
    compared++
  }
  t.is(compared, 193)
})

const MLPERF: Readonly<Record<string, string>> = {
  ad: 'ad01_int8',
  ic: 'pretrainedResnet_quant',
  kws: 'kws_ref_model',
  vww: 'vww_96_float',
  sww: 'str_ww_ref_model',
}

test('MACs of the MLPerf Tiny models are the published ones', (t) => {
  const features = JSON.parse(readFileSync(path.join(HARDWARE, 'mlperf_model_features.json'), 'utf8')) as Record<
    string,
    { macs: number; conv: number; conv1x1: number; dwconv: number; fc: number }
  >
  t.deepEqual(Object.keys(features).sort(), Object.keys(MLPERF).sort())
  for (const [task, { macs, conv, conv1x1, dwconv, fc }] of Object.entries(features)) {
    const file = files.find((name) => name.startsWith('mlcommons_tiny__') && name.endsWith(`_${MLPERF[task]}.tflite`))!
    const { graph } = importTflite(read(file))
    t.is(countMacs(graph), macs, task)
    t.deepEqual(macsByKind(graph), { conv, conv1x1, dw: dwconv, fc }, task)
  }
})

test('damaged files are refused in one sentence, or read, within a second', (t) => {
  const random = randomStream(11, 'damage')
  const model = createCostModel(loadProfile('stm32f446-tflm-cmsisnn'))
  let refused = 0
  for (const part of [
    'ad01_int8',
    'kws_ref_model',
    'ssd_mobilenet_v1_025_192_int8',
    'miniresnetv2_1stacks_64x50_int8',
  ]) {
    const original = read(files.find((name) => name.endsWith(`${part}.tflite`))!)
    for (let i = 0; i < 250; i++) {
      const bytes = Buffer.from(i % 4 === 0 ? original.subarray(0, random.int(original.length)) : original)
      // Most of a file is weights: what matters lies near its ends.
      const near = Math.min(bytes.length, 8000)
      for (let flips = 1 + random.int(i % 4 === 1 ? 2 : 20); flips > 0 && near > 0; flips--) {
        const at = random.chance(0.5) ? random.int(near) : bytes.length - 1 - random.int(near)
        bytes[at] = random.chance(0.3) ? 255 : random.int(256)
      }
      const start = performance.now()
      try {
        const { graph } = importTflite(bytes)
        countParams(graph)
        model.price(graph)
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        refused++
      }
      t.true(performance.now() - start < 1000)
    }
  }
  t.true(refused > 400, `${refused} of 1000`)
})
