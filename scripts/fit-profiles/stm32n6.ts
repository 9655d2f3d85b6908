import path from 'node:path'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import type { Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import { storedSize } from '../../hardware-profiles/stored-size.ts'
import { countMacs } from '../../network/measure.ts'
import { type KernelKind, scheduleOf } from '../../network/schedule.ts'
import { type CsvRow, readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { crossFit, fitScales, type Grouping, type MeasuredNetwork } from './from-networks.ts'

/** A zoo row as a network that we can build; undefined for all others. */
function zooNetwork(row: CsvRow): { readonly network: string; readonly family: string } | undefined {
  const name = row['model']!
  const match = /^(fd|st fd)?_?(mobilenet)[ _]?b?(v1|v2b?)?[ _]?(?:a|w)?(\d\.\d+|\d{3})/i.exec(name)
  if (match === null || /ssd/i.test(name)) return undefined
  const digits = match[4]!
  const width = digits.includes('.') ? Number(digits) : Number(digits) / 100
  const maker = match[1] ? 'fdMobilenet' : /v2/i.test(match[3] ?? '') ? 'mobilenetV2' : 'mobilenetV1'
  const classes = CLASSES.find(([pattern]) => pattern.test(row['dataset']!))?.[1]
  if (classes === undefined) return undefined
  const [resolution, , channels] = row['resolution']!.split('x')
  const network = `${maker} ${width} ${resolution} ${classes}${channels === '1' ? ' 1' : ''}`
  return { network, family: maker }
}

/** Nothing that the host core runs was measured: its rates may be off by a factor of three. */
const HOST_ERROR90 = 2
const CLASSES: readonly (readonly [RegExp, number])[] = [
  [/imagenet/i, 1000],
  [/flowers/i, 5],
  [/food/i, 101],
  [/plant/i, 39],
  [/person/i, 2],
]

/** The zoo's rows of int8 networks that keep every activation on the chip. */
const zooRows = (data: string, version: RegExp): readonly { readonly row: CsvRow; readonly ms: number }[] =>
  readCsv(path.join(data, 'hardware', 'stm32_modelzoo.csv')).flatMap((row) => {
    const ms = Number(row['inference_ms'])
    if (!row['board']!.includes('N6') || !(ms > 0) || Number(row['ext_ram_KiB']) > 0) return []
    return /int8/i.test(row['format']!) && version.test(row['tool_version']!) ? [{ row, ms }] : []
  })

/** Plain int8 classifiers; where their operators were counted, the counts agree. */
function zooNetworks(data: string, version: RegExp): readonly (MeasuredNetwork & { readonly row: CsvRow })[] {
  return zooRows(data, version).flatMap(({ row, ms }) => {
    const found = zooNetwork(row)
    if (found === undefined) return []
    const macs = countMacs(caseNetwork(found.network))
    return Math.abs(macs / Number(row['macs']) - 1) < 0.001 ? [{ ...found, latencyMs: ms, row }] : []
  })
}

const ON_NPU: readonly KernelKind[] = [
  'add',
  'multiply',
  'concat',
  'batchNorm',
  'averagePool',
  'maxPool',
  'globalAveragePool',
  'relu',
  'relu6',
  'hardSwish',
  'hardSigmoid',
  'sigmoid',
]
/** 600 GOPS (vendor) are 300 GMAC/s. */
const US_PER_MAC_AT_PEAK = 1 / 300_000

/** µs to begin with, which the fit scales: per weight byte (about 390 MB/s), per element read. */
const US_PER_WEIGHT = 0.0026
const US_PER_INPUT = 0.001

function tablesOf(error90: number, count: number): readonly ProfileTable[] {
  const provenance: TableModel['provenance'] = {
    kind: 'measured',
    source: `${count} whole networks (MobileNet V1 and V2, FD-MobileNet) of ST's model zoo on STM32N6570-DK; weights stream from external flash, operands come from on-chip memory; no single kernel was timed`,
  }
  // What a kernel reads decides, not what it writes; channels are multiplied sixteen at a time.
  const inputs = [{ feature: 'inputs' as const, coefficient: US_PER_INPUT }]
  const start = { feature: 'one' as const, coefficient: 10 }
  const model: TableModel = {
    terms: [
      { feature: 'weightElements', coefficient: US_PER_WEIGHT },
      { feature: 'macsBlocks16', coefficient: US_PER_MAC_AT_PEAK },
      ...inputs,
      start,
    ],
    coverage: {},
    error90,
    provenance,
  }
  // One price, though of windows the networks had only those over the image: what they covered is told apart.
  const pointwise: TableModel = { ...model, when: { kernelArea: [1, 1] } }
  const overImages: TableModel = { ...model, when: { inChannels: [1, 4] } }
  const weighted = (kernel: KernelKind): ProfileTable => ({
    kernel,
    models: kernel === 'conv2d' ? [pointwise, overImages, model] : [model],
  })
  const elementwise = (kernel: KernelKind): ProfileTable => ({
    kernel,
    models: [
      {
        terms: [...inputs, start],
        coverage: {},
        error90: Math.max(error90, 0.3),
        provenance,
      },
    ],
  })
  const onHost = (kernel: KernelKind, usPerElement: number, source: string): ProfileTable => ({
    kernel,
    models: [
      {
        terms: [
          { feature: 'outputs', coefficient: usPerElement },
          { feature: 'one', coefficient: 20 },
        ],
        coverage: {},
        error90: HOST_ERROR90,
        fallback: true,
        provenance: { kind: 'derived', source: `on the Cortex-M55 at 800 MHz: ${source}, and 20 µs to hand over` },
      },
    ],
  })
  return [
    ...(['conv2d', 'depthwiseConv2d', 'dense'] as const).map(weighted),
    ...ON_NPU.map(elementwise),
    onHost('softmax', 0.1, 'about 80 cycles an element'),
    onHost('expertCombine', 0.02, 'about 16 cycles an element'),
  ]
}

/** What streams weights, computes, reads operands, starts a kernel; the host's kernels are not fitted. */
const grouping: Grouping = (kernel, _, feature) => {
  if (kernel === 'inference') return 5
  if (kernel === 'softmax' || kernel === 'expertCombine') return 4
  return feature === 'weightElements' ? 0 : feature === 'macsBlocks16' ? 1 : feature === 'inputs' ? 2 : 3
}

const GROUPS = 6

/**
 * AXISRAM3 to AXISRAM6, 448 KiB each. None is filled to its last byte: 256 and 192 KiB, which would fill one, lie in two
 * (YOLO LC at 256 pixels).
 */
const NPU_RAM = { bytes: 448 * 1024 - 32, count: 4 }

/**
 * Fits the STM32N6 with its Neural-ART accelerator from whole networks, once for each version of the tool: the two
 * differ by up to a fifth. The newer one was measured on fewer networks, so the older one's proportions hold it.
 */
export function stm32n6Profiles(data: string): readonly FittedProfile[] {
  const older = zooNetworks(data, /STEdgeAI 2\.0/)
  const newer = zooNetworks(data, /3\.0/)
  const first = fitVersion(
    'stm32n6-neuralart',
    'ST Edge AI 2.0 (STM32Cube.AI 10.0)',
    older,
    otherSuites(data, /STEdgeAI 2\.0/),
    { ridge: 0.001, copied: true },
  )
  const { scales } = fitScales(templateOf('stm32n6', '', older.length), grouping, GROUPS, older, 0.001)
  const held = { ridge: 0.1, prior: scales, copied: false }
  return [first, fitVersion('stm32n6-neuralart3', 'ST Edge AI 3.0', newer, otherSuites(data, /3\.0/), held)]
}

/** How a version is fitted, and whether it copies what a narrow depthwise convolution gave before it is read. */
interface VersionRules {
  readonly ridge: number
  readonly prior?: readonly number[]
  readonly copied: boolean
}

function fitVersion(
  id: string,
  version: string,
  networks: ReturnType<typeof zooNetworks>,
  others: OtherSuites,
  { copied, ...strength }: VersionRules,
): FittedProfile {
  const flash = fitFlash(networks.filter(({ family }) => family === FLASH_FAMILY))
  const fitted = crossFit(templateOf(id, version, networks.length, flash, copied), {
    name: 'whole networks, activations on the chip',
    source: `ST model zoo on STM32N6570-DK, ${version}; rows transcribed by hand`,
    networks,
    ...{ grouping, groups: GROUPS, ...strength },
    method: 'one network family (MobileNet V1, V2, FD-MobileNet) left out at a time',
  })
  const memory = [ramSuite(networks), others.ram, flashSuite(networks)]
  return { profile: fitted.profile, suites: [...fitted.suites, others.latency, ...memory] }
}

/** Plain networks of the zoo that are no MobileNets; all keep their activations on the chip. */
const OTHERS: readonly (readonly [RegExp, (resolution: string) => string])[] = [
  [/^tiny_yolo_v2$/, (resolution) => `tinyYolo ${resolution}`],
  [/^darknettiny_pt/, (resolution) => `darknetTiny ${resolution}`],
  [/^resnet18wd4_pt/, (resolution) => `resnet18Quarter ${resolution}`],
]

interface OtherSuites {
  readonly latency: NetworkSuite
  readonly ram: NetworkSuite
}

/** Networks of other kinds, which no coefficient was fitted to. */
function otherSuites(data: string, version: RegExp): OtherSuites {
  const found = new Map<string, { readonly row: CsvRow; readonly ms: number }>()
  for (const one of zooRows(data, version)) {
    const name = OTHERS.find(([pattern]) => pattern.test(one.row['model']!))?.[1]
    if (name !== undefined) found.set(name(one.row['resolution']!.split('x')[0]!), one)
  }
  const suite = (
    own: Pick<NetworkSuite, 'name' | 'quantity' | 'method'>,
    of: (one: { readonly row: CsvRow; readonly ms: number }) => number,
  ): NetworkSuite => ({
    ...{ kind: 'networks', leftOut: true, folds: [], ...own },
    source: 'ST model zoo on STM32N6570-DK; rows transcribed by hand, networks known by their weights to the byte',
    cases: [...found].map(([name, one]) => [name, of(one), -1]),
  })
  const latency = suite(
    {
      ...{ name: 'other networks, activations on the chip', quantity: 'latency' },
      method: 'never fitted: the profile knows MobileNets only',
    },
    ({ ms }) => ms,
  )
  const ram = suite(
    {
      ...{ name: 'internal RAM of other networks', quantity: 'peakRam' },
      method: 'no figure is fitted; that the map before a pool is never whole was found on Tiny YOLO and DarkNet',
    },
    ({ row }) => Math.round(Number(row['int_ram_KiB']) * 1024),
  )
  return { latency, ram }
}

function templateOf(id: string, version: string, count: number, bytesPerChannel = 0, copied = false): Profile {
  return {
    format: 'frugal-profile/1',
    id,
    title: `STM32N6570-DK, Neural-ART accelerator, ${version}`,
    family: 'npu',
    core: 'Neural-ART + Cortex-M55',
    clockHz: 1e9,
    ramBytes: 2800 * 1024,
    flashBytes: 64 * 1024 ** 2,
    runtime: version,
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    foldsPadding: true,
    convertsInput: true,
    latencyUnit: 'us',
    inferenceOverhead: 250,
    systematicError90: 0.1,
    tables: [...tablesOf(0.1, count)],
    energy: {
      activePowerMw: 300,
      idlePowerMw: 50,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'derived',
        source:
          'not measured: the vendor states 600 GOPS and 3 TOPS/W, which is 200 mW for the accelerator; 100 mW are assumed for memories and host',
      },
    },
    memory: {
      elementBytes: 1,
      weightBytes: 1,
      biasBytes: 4,
      weightsInRam: false,
      alignmentBytes: 32,
      banks: NPU_RAM,
      fusedPools: true,
      ...(copied ? { ownResults: 'last' as const } : {}),
      depthwiseBlocks: { below: 32, to: 16, ...(copied ? { copied } : {}) },
      scratch: [],
      ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
      flash: { runtimeBytes: 0, constantBytes: 0, perKernelBytes: 0, perChannelBytes: bytesPerChannel },
      provenance: {
        kind: 'derived',
        source: `int8 tensors placed largest first, each in the first of the accelerator's four banks of 448 KiB that has room and a byte to spare, larger ones beside them, the image converted into a second buffer, the map between a convolution and a maximum pool never whole, results of narrow depthwise convolutions stored with multiples of 16 channels${copied ? ', a second time while they are read' : ''}: rules found on the zoo's rows of RAM; flash is the tool's column of weights; beyond 2,800 KiB activations spill to external memory, which is a cliff, so that is the limit`,
      },
    },
    validation: [],
    notes: [
      'Weights stream at about 390 MB/s from external flash; for small networks that and the fixed 0.25 ms dominate.',
      'Networks below about 0.1 ms of streaming and nets with squeeze-and-excite were not measured.',
    ],
  }
}

/**
 * The network that a row's memory is of. The zoo's PyTorch variants of MobileNetV2 cut channels off instead of rounding them
 * to eights, and all but the "b" ones have a 1×1 convolution in the first block: the columns of weights of the two differ by
 * 8·8 bytes at width 0.25 and 24·24 at 0.75. At 0.5 they differ by 6 KB, so one of the two is rounded; it is the one without "b".
 */
function networkInMemory({ network, row }: ZooNetwork): string {
  const variant = /^mobilenetv2(b?)_a(\d{3})_pt/.exec(row['model']!)
  if (variant === null || (variant[1] === '' && variant[2] === '050')) return network
  return `${network.replace('mobilenetV2', 'mobilenetV2Cut')}${variant[1] === '' ? ' expanded' : ''}`
}

/** Internal RAM that the tool reports, against the planner. */
const ramSuite = (networks: readonly ZooNetwork[]): NetworkSuite => ({
  kind: 'networks',
  name: 'internal RAM',
  quantity: 'peakRam',
  method: 'no figure is fitted; the rule was found on these rows',
  source: 'ST model zoo on STM32N6570-DK',
  leftOut: true,
  folds: [],
  cases: networks.flatMap((one) => {
    const bytes = Number(one.row['int_ram_KiB']) * 1024
    return bytes > 0 ? [[networkInMemory(one), bytes, -1]] : []
  }),
})

/** The family that says what a channel takes in flash; the others check it. */
const FLASH_FAMILY = 'mobilenetV1'

type ZooNetwork = MeasuredNetwork & { readonly row: CsvRow }

/** Bytes of the tool's column of weights. */
const flashBytes = ({ row }: ZooNetwork): number => Number(row['weights_flash_KiB']) * 1024

/** Bytes a channel takes beside its weights and biases. */
function fitFlash(networks: readonly ZooNetwork[]): number {
  const given = networks.filter((one) => flashBytes(one) > 0)
  const stored = given.map(({ network }) => storedSize(scheduleOf(caseNetwork(network))))
  const [perChannel = 0] = fitNonNegative(
    stored.map(({ channels }) => [channels]),
    given.map((one, i) => Math.max(flashBytes(one) - stored[i]!.weightElements - 4 * stored[i]!.biasElements, 1)),
    given.map((one, i) => ((flashBytes(one) - stored[i]!.weightElements) / flashBytes(one)) ** 2),
  )
  return Number(perChannel.toPrecision(3))
}

/** The same column of the other families. */
const flashSuite = (networks: readonly ZooNetwork[]): NetworkSuite => ({
  kind: 'networks',
  name: 'weights',
  quantity: 'flash',
  method: 'fitted on MobileNet V1, checked on the other families; the column has no code',
  source: 'ST model zoo on STM32N6570-DK',
  leftOut: true,
  folds: [],
  cases: networks.flatMap((one) =>
    one.family !== FLASH_FAMILY && flashBytes(one) > 0 ? [[networkInMemory(one), Math.round(flashBytes(one)), -1]] : [],
  ),
})
