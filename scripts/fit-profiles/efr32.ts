import path from 'node:path'
import type { LayerSuite, NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { coefficientsOf } from '../../hardware-profiles/coefficients.ts'
import {
  fitTable,
  type Measurement,
  type ModelForm,
  measurement,
  type Provenance,
  tableRow,
} from '../../hardware-profiles/fit-table.ts'
import type { Profile, ProfileTable } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { type MlperfResult, mlperfResults } from './mlperf.ts'
import { ruleTable } from './operators.ts'
import { fittedTflmMemory } from './tflm-memory.ts'

const CLOCK_HZ = 78e6
/** The device's timer ticks at 32,768 Hz; times are printed with two or three digits. */
const TICK_S = 1 / 32_768

interface DeviceLayer extends Measurement {
  readonly model: string
}

/** Networks of one architecture trained for different words share their layers: they are left out together. */
const MODEL_FAMILIES: readonly (readonly string[])[] = [
  ['keyword_spotting_on_off_v3', 'keyword_spotting_pacman_v3', 'keyword_spotting_numbers'],
  ['keyword_spotting_alexa', 'keyword_spotting_heygecko'],
  ['keyword_spotting_mobilenetv2', 'keyword_spotting_with_transfer_learning'],
  ['keyword_spotting_on_off_v2', 'keyword_spotting_pacman_v2', 'keyword_spotting_pacman'],
]
const familyOf = (model: string): string => MODEL_FAMILIES.find((family) => family.includes(model))?.[0] ?? model

const lengths = (text: string): number[] => text.split('x').map(Number)

function mapShape(shape: readonly number[]): readonly [number, number, number] | undefined {
  if (shape.length === 4) return [shape[1]!, shape[2]!, shape[3]!]
  return shape.length === 2 ? [1, 1, shape[1]!] : undefined
}

/** Height and width of a pair that the profiler prints as width×height. */
const pairAfter = (options: string, name: string): readonly number[] =>
  lengths(new RegExp(`${name}:(\\d+x\\d+)`, 'i').exec(options)?.[1] ?? '1x1').reverse()

/** Kind and window of a layer, or undefined for what our networks have no kernel for. */
function kernelOf(op: string, options: string, input: readonly number[], weights: readonly number[]) {
  const stride = pairAfter(options, 'stride')
  const same = /padding:same/i.test(options) ? 1 : 0
  const filter = pairAfter(options, 'filter')
  const plain = { window: [1, 1, 1, 1, 0], operands: 1 }
  switch (op) {
    case 'conv_2d':
      return { ...plain, kind: 'conv2d' as const, window: [weights[1]!, weights[2]!, ...stride, same] }
    case 'depthwise_conv_2d':
      return { ...plain, kind: 'depthwiseConv2d' as const, window: [weights[1]!, weights[2]!, ...stride, same] }
    case 'fully_connected':
      return { ...plain, kind: 'dense' as const }
    case 'softmax':
      return { ...plain, kind: 'softmax' as const }
    case 'add':
      return { ...plain, kind: 'add' as const, operands: 2 }
    case 'max_pool_2d':
      return { ...plain, kind: 'maxPool' as const, window: [...filter, ...stride, same] }
    case 'average_pool_2d':
      return filter[0] === input[1] && filter[1] === input[2]
        ? { ...plain, kind: 'globalAveragePool' as const }
        : { ...plain, kind: 'averagePool' as const, window: [...filter, ...stride, same] }
    default:
      return undefined
  }
}

/** What the device reports of a layer: cycles of accelerator and CPU from their counters, and what the timer says. */
interface Counted {
  readonly kind: KernelKind
  readonly accelerator: number
  readonly cpu: number
  readonly timed: number
}

/** Below so many ticks the counters say more than the timer, */
const FEW_TICKS = 4
/** where CPU and accelerator mostly run one after the other: in convolutions and maximum pools they overlap, by how much differs. */
const MOST_OVERLAP = 0.5

/**
 * Share of the shorter of both counts that runs beside the longer, by kind: what single readings of a coarse timer cannot
 * tell, their sum over a kind's layers does.
 */
function overlapByKind(layers: readonly Counted[]): ReadonlyMap<KernelKind, number> {
  const sums = new Map<KernelKind, { timed: number; longer: number; shorter: number }>()
  for (const { kind, accelerator, cpu, timed } of layers) {
    const sum = sums.get(kind) ?? { timed: 0, longer: 0, shorter: 0 }
    sum.timed += timed
    sum.longer += Math.max(accelerator, cpu)
    sum.shorter += Math.min(accelerator, cpu)
    sums.set(kind, sum)
  }
  const share = (sum: { timed: number; longer: number; shorter: number }): number =>
    sum.shorter === 0 ? 0 : Math.min(Math.max(1 - (sum.timed - sum.longer) / sum.shorter, 0), 1)
  return new Map([...sums].map(([kind, sum]) => [kind, share(sum)]))
}

/** Cycles of a layer and how far they are to be trusted: the time lies between full overlap of accelerator and CPU and none. */
function cyclesOf({ accelerator, cpu, timed }: Counted, overlap: number): readonly [number, number] {
  const [longer, shorter] = [Math.max(accelerator, cpu), Math.min(accelerator, cpu)]
  const tick = TICK_S * CLOCK_HZ
  if (timed < FEW_TICKS * tick && longer > 0 && overlap < MOST_OVERLAP) return [longer + (1 - overlap) * shorter, 1]
  const cycles = Math.min(Math.max(timed, 0.98 * longer), longer + shorter)
  return [cycles, 1 / (1 + (tick / 2 / (0.05 * cycles)) ** 2)]
}

/** Layers measured on the device, as kernels with their cycles. */
function deviceLayers(data: string): readonly DeviceLayer[] {
  const found: { counted: Counted; numbers: readonly number[]; model: string }[] = []
  for (const row of readCsv(path.join(data, 'hardware', 'siliconlabs_mltk_layers.csv.gz'))) {
    if (!row['kind']!.startsWith('measured')) continue
    const [input, second] = row['in_shape']!.split(',').map(lengths)
    const output = lengths(row['out_shape']!)
    const kernel = kernelOf(row['op']!, row['options']!, input!, second ?? [])
    const from = mapShape(input!)
    const to = mapShape(output)
    if (kernel === undefined || from === undefined || to === undefined) continue
    const { kind, window, operands } = kernel
    // Additions of a constant or by broadcasting run on the CPU; our networks add equal shapes only.
    if (kind === 'add' && (second ?? []).join() !== input!.join()) continue
    if (kind === 'depthwiseConv2d' && from[2] !== to[2]) continue
    const ticks = Math.round(Number(row['time_s']) / TICK_S)
    const counted = {
      kind,
      accelerator: Number(row['acc_cycles']) || 0,
      cpu: Number(row['cpu_cycles']) || 0,
      timed: ticks < FEW_TICKS ? ticks * TICK_S * CLOCK_HZ : Number(row['time_s']) * CLOCK_HZ,
    }
    found.push({ counted, numbers: [...from, to[2], ...window, operands], model: row['model']! })
  }
  const overlap = overlapByKind(found.map(({ counted }) => counted))
  return found.map(({ counted, numbers, model }) => {
    const [cycles, weight] = cyclesOf(counted, overlap.get(counted.kind)!)
    return { ...measurement(counted.kind, numbers, cycles, familyOf(model), weight), model }
  })
}

const CONV_FEATURES = ['insideMacs', 'outputs', 'insideTaps', 'pixels', 'outChannels', 'one'] as const
/** The accelerator reads channels in pairs; odd channel counts lose that. Taps on padding are skipped. */
const FORMS: Partial<Record<KernelKind, readonly ModelForm[]>> = {
  conv2d: [{ when: { oddInChannels: [1, 1] }, features: CONV_FEATURES }, { features: CONV_FEATURES }],
  // Depthwise: the CPU sets up every pixel (about 1,400 cycles) while the accelerator works on the one before; with few
  // channels it does less, with many it waits for the accelerator.
  depthwiseConv2d: [
    { when: { outChannels: [1, 20] }, features: ['insideMacs', 'pixels'] },
    { when: { outChannels: [21, 56] }, features: ['pixels', 'one'] },
    { features: ['insideMacs', 'outputs', 'pixels', 'one'] },
  ],
  dense: [{ features: ['macs', 'outputs', 'one'] }],
  add: [{ features: ['outputs', 'one'] }],
  softmax: [{ features: ['outputs', 'one'] }],
  globalAveragePool: [{ features: ['inputs', 'outputs', 'one'] }],
  maxPool: [{ features: ['outputs', 'pixels', 'outChannels', 'one'] }],
  averagePool: [{ features: ['pixels', 'outChannels'] }],
}

/** Kernels that the accelerator's TFLM port leaves to the Cortex-M33, from what was measured there. */
function fallbackRules(): readonly ProfileTable[] {
  const requantise = 34
  const call = 2500
  const rule = (kind: KernelKind, cycles: number, source: string): ProfileTable =>
    ruleTable(kind, { outputs: cycles, one: call }, `on the host core: ${source}`, 0.5, { fallback: true })
  const times = (n: number): string =>
    `${n} requantisations an element at 34 cycles, as measured for the quantize operator`
  return [
    rule('relu', requantise, times(1)),
    rule('relu6', requantise, times(1)),
    rule('hardSwish', 3 * requantise, times(3)),
    rule('hardSigmoid', 4 * requantise, times(4)),
    rule('sigmoid', 686, 'the one measured logistic layer (140 elements, 96,000 cycles)'),
    rule('multiply', 83, 'the two measured multiplications with broadcasting (280 elements, 23,200 cycles)'),
    rule('concat', 5, 'the measured reshape, a copy, takes 5 cycles an element'),
    rule('batchNorm', 83 + 88, 'measured multiplication and addition with broadcasting'),
    rule('expertCombine', 83 + 88, 'measured multiplication and addition with broadcasting'),
  ]
}

/** Whole networks as sums of their layers, one family of networks left out at a time. */
function networkSuite(
  layers: readonly DeviceLayer[],
  tablesFrom: (train: readonly DeviceLayer[]) => readonly ProfileTable[],
  source: string,
): LayerSuite {
  const families = [...new Set(layers.map((layer) => layer.family))].sort()
  return {
    kind: 'layers',
    name: 'whole networks: sums of the layers that have a table',
    method: 'families of networks left out one at a time; networks of one architecture are one family',
    source,
    leftOut: true,
    folds: families.map((family) => ({
      coefficients: coefficientsOf([...tablesFrom(layers.filter((layer) => layer.family !== family))]),
    })),
    cases: [...new Set(layers.map((layer) => layer.model))].sort().map((model) => {
      const own = layers.filter((layer) => layer.model === model)
      const cycles = own.reduce((sum, { cost }) => sum + cost, 0)
      return {
        name: model,
        measured: Number((cycles / (CLOCK_HZ / 1000)).toPrecision(5)),
        fold: families.indexOf(own[0]!.family),
        kernels: own.map((layer) => ({ kind: layer.facts.kind, row: tableRow(layer).slice(0, -1) })),
      }
    }),
  }
}

/** Fits the profile of Silicon Labs' EFR32xG24 with its matrix-vector processor. */
export function efr32Profile(data: string): FittedProfile {
  const layers = deviceLayers(data)
  const provenance: Provenance = {
    kind: 'measured',
    source:
      'SiliconLabs/mltk@a071446: per-layer profiles of 22 networks taken on an EFR32xG24 with --accelerator mvp --device',
  }
  const fitKinds = (train: readonly DeviceLayer[]) =>
    (Object.keys(FORMS) as KernelKind[]).map((kind) =>
      fitTable(
        kind,
        FORMS[kind]!,
        train.filter(({ facts }) => facts.kind === kind),
        provenance,
        `${kind} cycles, left-out networks`,
      ),
    )
  const fitted = fitKinds(layers)
  const memory = fittedTflmMemory(data)
  const profile: Profile = {
    format: 'frugal-profile/1',
    id: 'efr32xg24-mvp',
    title: 'Silicon Labs EFR32xG24 with its matrix-vector processor (MVP), TensorFlow Lite Micro',
    family: 'npu',
    core: 'MVP accelerator + Cortex-M33',
    clockHz: CLOCK_HZ,
    ramBytes: 256 * 1024,
    flashBytes: 1536 * 1024,
    supplyVolts: 1.8,
    runtime: 'TensorFlow Lite Micro + MVP kernels (MLTK, 2022)',
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    latencyUnit: 'cycles',
    inferenceOverhead: 0,
    systematicError90: 0.03,
    tables: [...fitted.map(({ table }) => table), ...fallbackRules()],
    energy: {
      activePowerMw: 9.61,
      idlePowerMw: 2,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'measured',
        source:
          'MLPerf Tiny 0.7 and 1.0, silicon_labs xG24-DK2601B at 1.8 V: 8.4–11.0 mW over eight benchmark runs, means 9.18 and 10.05 mW; the mean of the two is used. Idle power is an estimate',
      },
    },
    memory: {
      ...memory,
      scratch: [],
      provenance: {
        kind: 'derived',
        source: `as TFLM on Cortex-M, without im2col buffers. ${memory.provenance.source}`,
      },
    },
    validation: [],
    notes: [
      'Layer times come from a 32,768 Hz timer with two or three digits; accelerator and CPU cycle counts bound them from both sides.',
      'MLPerf Tiny 0.7 results of this board (ic 240 ms, kws 63 ms, vww 186 ms) are of an older software version, 1.5 to 2 times slower than the layer profiles used here.',
    ],
  }
  const networks = networkSuite(
    layers,
    (train) => [...fitKinds(train).map(({ table }) => table), ...fallbackRules()],
    provenance.source,
  )
  const suites = fitted.flatMap(({ suite }) => (suite.rowFolds.length > 0 ? [suite] : []))
  return { profile, suites: [networks, ...suites, ...olderVersion(data)] }
}

/** The board's MLPerf Tiny results: whole networks, under an older and slower version of the kernels. */
function olderVersion(data: string): readonly NetworkSuite[] {
  const results = mlperfResults(data, '0.7', 'silicon_labs_xG24_DK2601B')
  const suite = (quantity: 'latency' | 'energy', figure: (result: MlperfResult) => number): NetworkSuite => ({
    ...{ kind: 'networks', name: 'MLPerf Tiny networks under an older version', quantity, leftOut: false, folds: [] },
    method: 'never fitted, but an older software version, 1.5 to 2 times slower where convolutions decide',
    source: 'MLPerf Tiny 0.7, silicon_labs xG24-DK2601B at 78 MHz, 1.8 V',
    cases: results.map((result) => [`mlperfTiny ${result.benchmark}`, figure(result), -1]),
  })
  return [suite('latency', ({ latencyMs }) => latencyMs), suite('energy', ({ energyMj }) => energyMj!)]
}
