import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { z } from 'zod'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { costModelOfC } from '../../export/c-runtime.ts'
import { energyLabel } from '../../export/energy-label.ts'
import { type ExportJob, exportNetwork } from '../../export/export-network.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { cardJsonSchema, cardSchema } from '../../export/model-card.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { exportJob, hostileNetwork, shortened, subjectOf } from './jobs.ts'
import { EVIL, plausibleWeights } from './networks.ts'

const whole = await loadDataset('builtin', { seed: 1 })
const dataset = {
  ...shortened(whole, 60, 30, 20),
  name: EVIL,
  classNames: whole.classNames.map((name) => `${EVIL}${name}`),
}
const subject = await subjectOf(hostileNetwork(), plausibleWeights(hostileNetwork(), 3), dataset)
const { graph } = subject
const board = loadProfile('stm32f446-tflm-cmsisnn')

const jobFor = (t: ExecutionContext, changes: Partial<ExportJob> = {}) =>
  exportJob(t, subject, { formats: parseFormats('c'), name: EVIL, ...changes }, 'an "out" folder, ünïcode $HOME')

/** Blocks of shell lines in the README, in their order. */
const shellBlocks = (page: string): readonly string[] =>
  [...page.matchAll(/^```(\w*)\n([\s\S]*?)\n```$/gm)]
    .filter(([, language]) => language === '')
    .map(([, , lines]) => lines!)

test('the schema in the package is the one that cards are made by, and refuses other cards', async (t) => {
  const file = path.join(import.meta.dirname, '../../export/card.schema.json')
  const stored: unknown = JSON.parse(readFileSync(file, 'utf8'))
  t.deepEqual(stored, JSON.parse(cardJsonSchema()), 'write it again: node bench/card-schema.ts')
  const job = jobFor(t)
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
  const { layers } = await exportNetwork(jobFor(t, { costModel: createCostModel(fusing) }))
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
  const job = jobFor(t, { costModel: createCostModel(tooSmall) })
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
    const [job, again] = [jobFor(t, { verify: true }), jobFor(t, { verify: true })]
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
    t.regex(
      page,
      /is \*\*derived\*\* from its instructions and was never measured on a board: its interval is a stated ±30 %/,
    )
    const blocks = shellBlocks(page)
    t.is(blocks.length, 3)
    for (const block of blocks) {
      const lines = block.startsWith('cd ') ? block : `cd c\n${block}`
      t.notThrows(() => execFileSync('sh', ['-ec', lines], { cwd: folder, stdio: 'pipe' }), block)
    }
    t.deepEqual(readdirSync(job.root), [path.basename(job.out)], 'nothing beside the folder')
  },
)
