import path from 'node:path'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { fitNonNegative } from '../../hardware-profiles/least-squares.ts'
import { lowerSchedule } from '../../hardware-profiles/lowering.ts'
import { MemoryModel } from '../../hardware-profiles/memory.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'
import { zooNetworkOf } from './zoo-networks.ts'

const KIB = 1024

/** One line of the zoo's table: bytes of activations, of what the runtime keeps, of weights and of code. */
interface ZooMemory {
  readonly network: string
  readonly family: string
  readonly activations: number
  readonly runtime: number
  readonly weights: number
  readonly code: number
}

/** Memory of the plain int8 classifiers under one version of the tool; each network once. */
function zooMemory(data: string, version: RegExp, board = /H747/): readonly ZooMemory[] {
  const found = new Map<string, ZooMemory>()
  for (const row of readCsv(path.join(data, 'hardware', 'stm32_modelzoo.csv'))) {
    const network = zooNetworkOf(row)
    const bytes = (column: string): number => Number(row[column]) * KIB
    if (network === undefined || !board.test(row['board']!) || !version.test(row['tool_version']!)) continue
    if (!(bytes('act_ram_KiB') > 0) || !(bytes('weights_flash_KiB') > 0) || found.has(network.network)) continue
    found.set(network.network, {
      ...network,
      activations: bytes('act_ram_KiB'),
      runtime: bytes('runtime_ram_KiB'),
      weights: bytes('weights_flash_KiB'),
      code: bytes('code_flash_KiB'),
    })
  }
  return [...found.values()]
}

const lowered = (network: string) => lowerSchedule(scheduleOf(caseNetwork(network)))

/** Rows of the output between reading and writing; the growth up to which the tool writes over the operand. */
interface Overlay {
  readonly pointwiseRows: number
  readonly windowRows: number
}
const GROWTH = 2

const overlaid = ({
  pointwiseRows,
  windowRows,
}: Overlay): Pick<Profile['memory'], 'scratch' | 'overlayGrowth' | 'fusedPools'> => {
  const rows = (coefficient: number) => [{ feature: 'outRowElements' as const, coefficient }]
  return {
    overlayGrowth: GROWTH,
    fusedPools: true,
    scratch: [
      { kernel: 'conv2d', when: { kernelArea: [1, 1] }, terms: rows(pointwiseRows) },
      { kernel: 'conv2d', terms: rows(windowRows) },
      { kernel: 'depthwiseConv2d', terms: rows(pointwiseRows) },
    ],
  }
}

/** Padding, and scale and shift, are part of the kernels beside them: the runtime keeps nothing for them. */
const INSIDE_OTHERS: Profile['memory']['ram']['perKindBytes'] = { pad: 0, elementwise: 0, batchNorm: 0 }

const NOTHING: Profile['memory'] = {
  ...{ elementBytes: 1, weightBytes: 1, biasBytes: 4, weightsInRam: false, alignmentBytes: 4, scratch: [] },
  ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
  flash: { runtimeBytes: 0, constantBytes: 0, perKernelBytes: 0, perChannelBytes: 0 },
  provenance: { kind: 'derived', source: 'nothing but tensors' },
}

const activationsOf = (memory: Profile['memory'], network: string): number =>
  new MemoryModel(memory).peakRamBytes(lowered(network))

/** The rows that agree best with the activations, by trying them in tenths. */
function fitOverlay(rows: readonly ZooMemory[]): Overlay {
  let best = { pointwiseRows: 0, windowRows: 0, error: Number.POSITIVE_INFINITY }
  for (let pointwiseRows = 0; pointwiseRows <= 8; pointwiseRows += 0.4) {
    for (let windowRows = 0; windowRows <= 12; windowRows += 0.4) {
      const memory = { ...NOTHING, ...overlaid({ pointwiseRows, windowRows }) }
      const error = rows.reduce(
        (sum, { network, activations }) => sum + Math.abs(activationsOf(memory, network) / activations - 1),
        0,
      )
      if (error < best.error) best = { pointwiseRows, windowRows, error }
    }
  }
  return best
}

/** Memory under X-CUBE-AI, from the columns of ST's zoo on STM32H747I-DISCO under version 7.3. */
export const xcubeMemory = (data: string): Profile['memory'] => memoryFrom(zooMemory(data, /^7\.3/))

/** The same under version 8.1, which keeps a network's results apart where it has several: found on SSD. */
export const xcubeMemory8 = (data: string): Profile['memory'] => {
  const memory = xcubeMemory(data)
  const source = `${memory.provenance.source}. Several results have buffers of their own: found on SSD, not fitted`
  return { ...memory, ownResults: 'all', provenance: { ...memory.provenance, source } }
}

/** The STM32H747's largest internal RAM (AXI SRAM). */
const INTERNAL_BYTES = 512 * KIB

/** The network in which version 10 writes over nothing where it needs most: what a 1×1 convolution takes is what is left. */
const WITHOUT_OVERLAY = 'mobilenetV2 0.35 128 5'

/**
 * The same under version 10. What does not fit in internal RAM lies apart (MobileNetV1 1.0 and V2 0.35 at 224 pixels take
 * their largest maps, 784 and 588 KiB, and beside them what the rest needs); results keep their operand's place; and 1×1
 * convolutions take a buffer, which one network tells by itself.
 */
export const xcubeMemory10 = (data: string): Profile['memory'] => {
  const memory = xcubeMemory(data)
  const row = zooMemory(data, /10\.0/).find(({ network }) => network === WITHOUT_OVERLAY)!
  const work = Math.round(row.activations - activationsOf({ ...NOTHING, overlayGrowth: GROWTH }, WITHOUT_OVERLAY))
  const source = `${memory.provenance.source}; maps above 512 KiB in external RAM, which adds up, results in their operand's place: found on the rows of version 10; ${work} bytes beside 1×1 convolutions: from MobileNetV2 0.35 at 128 pixels under version 10; the last of several results has a buffer of its own: found on SSD under ST Edge AI 2.0 on the STM32N6`
  return {
    ...memory,
    internalBytes: INTERNAL_BYTES,
    overlayAligned: true,
    ownResults: 'last',
    workspace: [{ kernel: 'conv2d', when: { kernelArea: [1, 1] }, terms: [{ feature: 'one', coefficient: work }] }],
    provenance: { ...memory.provenance, source },
  }
}

/** The same columns under another version. */
export const xcubeMemorySuites = (data: string, version: string, rows: RegExp): readonly NetworkSuite[] =>
  suitesOf(
    zooMemory(data, rows),
    `fitted on the same networks under version 7.3, checked under ${version}`,
    `ST model zoo on STM32H747I-DISCO, ${version}: columns of RAM and flash`,
  )

/** The columns of the MiniResNets, which were not fitted, under the version that was, on another board. */
export const miniResNetMemorySuites = (data: string): readonly NetworkSuite[] =>
  suitesOf(
    zooMemory(data, /^7\.3/, /U585/),
    'fitted on other networks on the STM32H747 under the same version',
    "ST model zoo's MiniResNets on B-U585I-IOT02A, X-CUBE-AI 7.3: columns of RAM and flash",
  )

function suitesOf(lines: readonly ZooMemory[], method: string, source: string): readonly NetworkSuite[] {
  const suite = (quantity: 'peakRam' | 'flash', name: string, bytes: (row: ZooMemory) => number): NetworkSuite => ({
    ...{ kind: 'networks', name, quantity, method, source, leftOut: true, folds: [] },
    cases: lines.map((row) => [row.network, Math.round(bytes(row)), -1]),
  })
  return [
    suite('peakRam', 'activations and what the runtime keeps', ({ activations, runtime }) => activations + runtime),
    suite('flash', 'weights and code', ({ weights, code }) => weights + code),
  ]
}

function memoryFrom(rows: readonly ZooMemory[]): Profile['memory'] {
  const overlay = fitOverlay(rows)
  const lines = rows.map((row) => ({ row, of: lowered(row.network) }))
  const [ramConstant, ramPerKernel] = fitNonNegative(
    lines.map(({ of }) => [1, of.schedule.kernels.length]),
    lines.map(({ row }) => row.runtime),
  )
  const [codeConstant, codePerKernel, codePerChannel] = fitNonNegative(
    lines.map(({ of }) => [1, of.stored.kernels, of.stored.channels]),
    lines.map(({ row }) => row.code),
  )
  const round = (value: number | undefined): number => Number((value ?? 0).toPrecision(4))
  return {
    ...NOTHING,
    ...overlaid({ pointwiseRows: round(overlay.pointwiseRows), windowRows: round(overlay.windowRows) }),
    ram: {
      constantBytes: round(ramConstant),
      perKernelBytes: round(ramPerKernel),
      perKindBytes: INSIDE_OTHERS,
      perTensorBytes: 0,
      perChannelBytes: 0,
    },
    flash: {
      runtimeBytes: round(codeConstant),
      constantBytes: 0,
      perKernelBytes: round(codePerKernel),
      perChannelBytes: round(codePerChannel),
    },
    provenance: {
      kind: 'measured',
      source: `ST model zoo under X-CUBE-AI 7.3 on STM32H747I-DISCO, ${rows.length} networks: weights and biases exactly; a kernel writes over the operand that dies with it unless its output is more than twice as large, with some rows of scratch; code and what the runtime keeps by kernels and channels. A maximum pool takes the rows of the convolution before it; padding, scale and shift are part of other kernels: found on Tiny YOLO and the MiniResNets, not fitted`,
    },
  }
}
