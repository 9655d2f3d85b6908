import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { z } from 'zod'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { costModelOfC } from '../../export/c-runtime.ts'
import { energyLabel } from '../../export/energy-label.ts'
import { type ExportJob, exportNetwork } from '../../export/export-network.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { cardJsonSchema, cardSchema } from '../../export/model-card.ts'
import { verifyOnnx } from '../../export/verify.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { EVIL, hostilelyNamed, plausibleWeights } from './networks.ts'

const whole = await loadDataset('builtin', { seed: 1 })
const { train, validation, test: testPart } = whole.splits
const splits = { train: train.subarray(0, 60), validation: validation.subarray(0, 30), test: testPart.subarray(0, 20) }

/** A small network, every node of which has a name that would like to be somewhere else. */
function hostileNetwork(): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 8, { kernel: 3, stride: 2 })), 'hardSwish')
  const y = g.add(x, g.activation(g.conv2d(x, 8, { kernel: 3 }), 'relu6'))
  return hostilelyNamed(g.build(g.dense(g.globalAveragePool(y), 10)))
}
const graph = hostileNetwork()
const weights = plausibleWeights(graph, 3)
const dataset = { ...whole, splits, name: EVIL, classNames: whole.classNames.map((name) => `${EVIL}${name}`) }
const board = loadProfile('stm32f446-tflm-cmsisnn')
const { inputShape, mean, standardDeviation } = dataset
const float = await verifyOnnx(
  buildInferenceGraph(graph, weights, {
    batch: 'n',
    preparation: { inputShape, mean, standardDeviation, roundResized: true },
  }),
  dataset,
  'test',
)

function jobIn(t: ExecutionContext, changes: Partial<ExportJob> = {}): ExportJob & { readonly root: string } {
  const root = mkdtempSync(path.join(os.tmpdir(), 'frugal-card-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const record = { trial: 0, genome: [0], archId: archId(graph), costs: [], result: { ok: true, accuracy: 0.1 } }
  return {
    root,
    selection: { record: record as unknown as ExportJob['selection']['record'], rule: 'as asked' },
    graph,
    space: { id: 'mobilenet', version: '1' },
    dataset,
    trained: { ok: true, weights, loss: 1, accuracy: { test: float.accuracy, validation: 0.1 } },
    training: { engine: 'none', epochs: 1, seed: 1, recipe: { ...DEFAULT_RECIPE }, epochsRun: 1, keptEpoch: 1 },
    costModel: createCostModel(board),
    formats: parseFormats('c'),
    verify: false,
    name: EVIL,
    search: {
      trials: 1,
      failures: 0,
      cpuSeconds: 1,
      energy: { wattHours: 2, measuredWattHours: 1, basis: 'partly measured', sources: ['RAPL (package-0)'] },
      settings: {},
    },
    label: { periodSeconds: 10, gramsPerKwh: undefined },
    frugalVersion: '0',
    out: path.join(root, 'an "out" folder, ünïcode $HOME'),
    signal: new AbortController().signal,
    ...changes,
  }
}

/** Blocks of shell lines in the README, in their order. */
const shellBlocks = (page: string): readonly string[] =>
  [...page.matchAll(/^```(\w*)\n([\s\S]*?)\n```$/gm)]
    .filter(([, language]) => language === '')
    .map(([, , lines]) => lines!)

test('the schema in the package is the one that cards are made by, and refuses other cards', async (t) => {
  const file = path.join(import.meta.dirname, '../../export/card.schema.json')
  const stored: unknown = JSON.parse(readFileSync(file, 'utf8'))
  t.deepEqual(stored, JSON.parse(cardJsonSchema()), 'write it again: node bench/card-schema.ts')
  const job = jobIn(t, { label: { periodSeconds: 10, gramsPerKwh: 250 } })
  await exportNetwork(job)
  const card = JSON.parse(readFileSync(path.join(job.out, 'card.json'), 'utf8')) as Record<string, unknown>
  t.is(readFileSync(path.join(job.out, String(card['$schema'])), 'utf8'), cardJsonSchema())
  // Read back as any other program would read it.
  const published = z.fromJSONSchema(JSON.parse(cardJsonSchema()) as Parameters<typeof z.fromJSONSchema>[0])
  for (const schema of [published, cardSchema]) {
    t.true(schema.safeParse(card).success, JSON.stringify(schema.safeParse(card).error?.issues))
    t.false(schema.safeParse({ ...card, energy: undefined }).success)
    t.false(schema.safeParse({ ...card, trial: -1 }).success)
    t.false(schema.safeParse({ ...card, format: 'frugal-card/2' }).success)
    t.false(schema.safeParse({ ...card, unheardOf: 1 }).success)
  }
})

test('the energy label: inferences, a day with idle time, and carbon by the grid', (t) => {
  const costs = createCostModel(board).price(graph)
  const plain = energyLabel(costs, board, { periodSeconds: 10, gramsPerKwh: undefined })
  t.is(plain.microjoulesPerInference, 1000 * costs.energyMj)
  t.true(Math.abs(plain.inferencesPerWattHour * plain.microjoulesPerInference - 3.6e9) < 1)
  t.true(plain.microjoulesLow < plain.microjoulesPerInference && plain.microjoulesPerInference < plain.microjoulesHigh)
  const idleSeconds = 86_400 - 8640 * (costs.latencyMs / 1000)
  const expected = (8640 * costs.energyMj + idleSeconds * board.energy.idlePowerMw) / 1000
  t.true(Math.abs(plain.duty.joulesPerDay! / expected - 1) < 1e-9)
  t.false('gramsPerKwh' in plain || 'gramsCo2ePerYear' in plain.duty)

  const green = energyLabel(costs, board, { periodSeconds: 10, gramsPerKwh: 250 })
  t.true(Math.abs(green.duty.gramsCo2ePerYear! / ((expected * 365 * 250) / 3.6e6) - 1) < 1e-9)
  t.true(Math.abs(green.gramsCo2ePerMillionInferences! / ((costs.energyMj * 1000 * 250) / 3.6e6) - 1) < 1e-9)
  const busy = energyLabel(costs, board, { periodSeconds: costs.latencyMs / 2000, gramsPerKwh: 250 })
  t.is(busy.duty.joulesPerDay, null)
  t.false('gramsCo2ePerYear' in busy.duty)
})

test('the exported C is priced at the clock, memory and power of its board; other devices have none', (t) => {
  const slow = loadProfile('nrf52832-tflm-cmsisnn')
  const [here, there] = [costModelOfC(board)!, costModelOfC(slow)!]
  t.is(here.profile.flashBytes, board.flashBytes)
  const [a, b] = [here.price(graph), there.price(graph)]
  t.true(Math.abs((b.latencyMs * slow.clockHz) / (a.latencyMs * board.clockHz) - 1) < 1e-9, 'the same cycles')
  t.is(a.peakRamBytes, b.peakRamBytes)
  t.is(costModelOfC(loadProfile('titan-rtx')), undefined)
})

test('kernels that only the C has are in the table of layers, too', async (t) => {
  const fusing = { ...board, fusedActivations: [...board.fusedActivations, 'hardSwish' as const] }
  const { layers } = await exportNetwork(jobIn(t, { costModel: createCostModel(fusing) }))
  const alone = layers!.filter(({ cycles }) => cycles === undefined)
  t.deepEqual(
    alone.map(({ kind }) => kind),
    ['hardSwish'],
  )
  t.true(alone[0]!.cyclesOfC! > 0)
})

test('what the C takes is compared with the device, and too much is an error with the numbers', async (t) => {
  const free = { runtimeBytes: 0, constantBytes: 0, perKernelBytes: 0, perChannelBytes: 0 }
  const memory = { ...board.memory, weightBytes: 1e-6, biasBytes: 1e-6, flash: free }
  const tooSmall = { ...board, flashBytes: 900, memory }
  const job = jobIn(t, { costModel: createCostModel(tooSmall) })
  const error = await t.throwsAsync(exportNetwork(job), { instanceOf: UserError })
  t.regex(error!.message, /the C is over stm32f446-tflm-cmsisnn: it takes \d+ B of flash, the device has 900 B/)
  t.deepEqual(readdirSync(job.root), [], 'nothing was written')
})

const missing = ['cc', 'arm-none-eabi-gcc', 'arm-none-eabi-size', 'qemu-system-arm'].find(
  (tool) => findTool(tool) === undefined,
)
const measuring = missing === undefined ? test : test.skip

measuring(
  `measured: the C is within what was predicted, the same at each export, and every line of the README works${missing === undefined ? '' : ` (no ${missing})`}`,
  async (t) => {
    const [job, again] = [jobIn(t, { verify: true }), jobIn(t, { verify: true })]
    const [card, second] = await Promise.all([exportNetwork(job), exportNetwork(again)])
    t.deepEqual(second, card)
    t.true(cardSchema.safeParse(JSON.parse(JSON.stringify(card))).success)
    const { footprint, costOfC, layers } = card
    const ram = footprint!.arenaUsedBytes! + footprint!.stackBytes!
    t.true(ram <= costOfC!.peakRamBytes && ram >= 0.95 * costOfC!.peakRamBytes, `${ram} of ${costOfC!.peakRamBytes} B`)
    const flash = footprint!.flashBytes! / costOfC!.flashBytes
    t.true(flash > 0.95 && flash < 1.05, `${footprint!.flashBytes} of ${costOfC!.flashBytes} B`)
    t.false(
      card.warnings.some((warning) => /predicted/.test(warning)),
      card.warnings.join(),
    )
    for (const { id, cycles, cyclesOfC, instructionsOfC, macs } of layers!) {
      t.true(
        cycles! > 0 && cyclesOfC! > instructionsOfC! && instructionsOfC! >= macs,
        `${id}: ${cyclesOfC}, ${instructionsOfC}`,
      )
    }

    const folder = path.join(job.out)
    const page = readFileSync(path.join(folder, 'README.md'), 'utf8')
    t.regex(page, /Instructions of the C were counted on an emulated Cortex-M4/)
    const blocks = shellBlocks(page)
    t.is(blocks.length, 3)
    for (const block of blocks) {
      const lines = block.startsWith('cd ') ? block : `cd c\n${block}`
      t.notThrows(() => execFileSync('sh', ['-ec', lines], { cwd: folder, stdio: 'pipe' }), block)
    }
    t.deepEqual(readdirSync(job.root), [path.basename(job.out)], 'nothing beside the folder')
  },
)
