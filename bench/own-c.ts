/**
 * Makes hardware-profiles/devices/stm32f446-frugal-c.profile.json: writes the C of many networks, counts its instructions
 * on an emulated Cortex-M4, measures what it takes of memory, and fits; prints the error on networks that were left out.
 * Run: node bench/own-c.ts [--measurements FILE] [--dry-run]. FILE keeps what was measured, a line a network.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { summarise, toTableDigits } from '../hardware-profiles/fit-table.ts'
import { createCostModel, loadProfile, type Profile, parseProfile } from '../hardware-profiles/index.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { type Case, caseOf, fitFlash, fitTables } from '../scripts/own-c/fit.ts'
import { type MeasuredC, measureC } from '../scripts/own-c/measure.ts'
import { measuredNetworks, type NamedNetwork } from '../scripts/own-c/networks.ts'
import { benchArguments } from './usage.ts'

const { values } = benchArguments('bench/own-c.ts [--measurements FILE] [--dry-run]', {
  measurements: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
})
const ID = 'stm32f446-frugal-c'
const FILE = path.join(import.meta.dirname, '..', 'hardware-profiles', 'devices', `${ID}.profile.json`)
/** Stack of the deepest kernel; measured: 44 to 172 bytes. */
const STACK_BYTES = 176
/**
 * Arm's Cortex-M4 manual gives the inner loop of a convolution (two loads, subtract, compare, multiply-add, branch) 8 to 11
 * cycles for its six instructions; 9 is taken.
 */
const CYCLES_PER_INSTRUCTION = 1.5
const SYSTEMATIC_ERROR90 = 0.3

const known = new Map<string, MeasuredC>()
const cache = values.measurements
if (cache !== undefined && existsSync(cache)) {
  for (const line of readFileSync(cache, 'utf8').trim().split('\n')) {
    const measured = JSON.parse(line) as MeasuredC
    known.set(measured.name, measured)
  }
}

async function measured(network: NamedNetwork): Promise<MeasuredC> {
  const before = known.get(network.name)
  if (before !== undefined) return before
  const now = await measureC(network)
  if (cache !== undefined) appendFileSync(cache, `${JSON.stringify(now)}\n`)
  return now
}

const networks = await measuredNetworks()
const all: { readonly network: NamedNetwork; readonly case: Case; readonly leftOut: boolean }[] = []
/** Every third network of a space is left out of the fits; the special ones are the only ones with their kinds. */
for (const network of networks) {
  const leftOut = / [25]$/.test(network.name)
  all.push({ network, case: caseOf(network, await measured(network)), leftOut })
}
const fitted = all.filter(({ leftOut }) => !leftOut).map((entry) => entry.case)
const board = loadProfile('stm32f446-tflm-cmsisnn')
const derived = {
  kind: 'derived',
  source:
    `instructions of the exported C, counted on an emulated Cortex-M4 (QEMU, gcc 12 -O2) over ${fitted.length} networks, x ${CYCLES_PER_INSTRUCTION} cycles ` +
    'per instruction: by Arm’s instruction timings the loop of a convolution takes 8 to 11 cycles for 6 instructions; never run on the board',
} as const

const profile: Profile = {
  format: 'frugal-profile/1',
  id: ID,
  title: 'STM32F446RE (NUCLEO-F446RE), C exported by Frugal',
  family: 'cortex-m',
  core: board.core,
  clockHz: board.clockHz,
  ramBytes: board.ramBytes,
  flashBytes: board.flashBytes,
  supplyVolts: board.supplyVolts!,
  runtime: 'C exported by frugal export: plain C99 kernels, no library',
  dataType: 'int8',
  fusedActivations: ['relu', 'relu6'],
  latencyUnit: 'cycles',
  inferenceOverhead: 300,
  systematicError90: SYSTEMATIC_ERROR90,
  tables: fitTables(fitted, CYCLES_PER_INSTRUCTION, derived),
  energy: board.energy,
  memory: {
    elementBytes: 1,
    weightBytes: 1,
    biasBytes: 4,
    weightsInRam: false,
    alignmentBytes: 16,
    scratch: [],
    ram: { constantBytes: STACK_BYTES, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
    flash: fitFlash(fitted),
    provenance: {
      kind: 'simulated',
      source:
        `arena as planned and declared in the C, plus ${STACK_BYTES} B of stack (44 to 172 B measured on an emulated Cortex-M4); flash: sections of the ` +
        `smallest program around the model, linked by gcc 12 -O2, over ${fitted.length} networks`,
    },
  },
  validation: [],
  notes: [
    'Latency is derived, not measured: what one instruction takes depends on flash wait states and branches; compare networks with it, not boards.',
  ],
}

const model = createCostModel(profile)
const method = 'networks of both search spaces that were left out of the fits'
const checks = all
  .filter(({ leftOut }) => leftOut)
  .map(({ network, case: { measured } }) => {
    const costs = model.price(network.graph, { layers: true })
    const count = costs.layers.reduce((sum, { id }) => sum + measured.instructions[id]!, 0)
    const cycles = costs.layers.reduce((sum, { latencyMs }) => sum + (latencyMs / 1000) * profile.clockHz, 0)
    return {
      layers: costs.layers.map(
        ({ id, latencyMs }) =>
          ((latencyMs / 1000) * profile.clockHz) / CYCLES_PER_INSTRUCTION / measured.instructions[id]! - 1,
      ),
      instructions: cycles / CYCLES_PER_INSTRUCTION / count - 1,
      ram: costs.peakRamBytes / (measured.arenaUsedBytes + measured.stackBytes) - 1,
      flash: costs.flashBytes / measured.flashBytes - 1,
    }
  })
const suites = [
  [
    'operatorLatency',
    'instructions of a kernel, times a stated number of cycles',
    checks.flatMap(({ layers }) => layers),
  ],
  [
    'latency',
    'instructions of a network, times a stated number of cycles',
    checks.map(({ instructions }) => instructions),
  ],
  ['peakRam', 'arena written to, and stack', checks.map(({ ram }) => ram)],
  ['flash', 'sections of the linked program', checks.map(({ flash }) => flash)],
] as const
const complete: Profile = {
  ...profile,
  validation: suites.map(([quantity, name, errors]) => ({
    name: `${name} (emulated Cortex-M4)`,
    quantity,
    method,
    ...summarise(errors),
  })),
}
for (const { quantity, cases, mape, within15, worst } of complete.validation) {
  console.log(
    `${quantity}: ${cases} cases, MAPE ${(100 * mape).toFixed(2)} %, within 15 % ${(100 * within15).toFixed(1)} %, worst ${(100 * worst).toFixed(2)} %`,
  )
}
const below = checks.filter(({ ram }) => ram < 0).length
console.log(`RAM below what was measured: ${below} of ${checks.length} networks`)
const flashErrors = all.map(({ network, case: { measured } }) => [
  network.name,
  toTableDigits(model.price(network.graph).flashBytes / measured.flashBytes - 1),
])
console.log(
  `flash, all networks: ${flashErrors.filter(([, error]) => Math.abs(error as number) <= 0.05).length} of ${all.length} within 5 %`,
)
if (!values['dry-run']) {
  const text = `${JSON.stringify(complete, null, 1)}\n`
  parseProfile(complete, ID)
  writeFileAtomic(FILE, text)
}
