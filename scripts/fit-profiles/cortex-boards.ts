import path from 'node:path'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { coefficientsOf, withCoefficients } from '../../hardware-profiles/coefficients.ts'
import type { Profile, ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import { BY_WEIGHTS, BY_WORK, CACHED_WEIGHTS, type Groups } from './cortex-groups.ts'
import { readCsv } from './csv.ts'
import { densePowerShare, isDense, mean, withDensePower } from './dense-power.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { crossFit, fitScales, type MeasuredNetwork } from './from-networks.ts'
import { mlperfResults } from './mlperf.ts'
import { miniResNetMemorySuites, xcubeMemory, xcubeMemory8, xcubeMemory10, xcubeMemorySuites } from './xcube-memory.ts'
import { zooNetworkOf } from './zoo-networks.ts'

interface Board {
  readonly id: string
  readonly title: string
  readonly core: string
  readonly clockHz: number
  readonly ramBytes: number
  readonly flashBytes: number
  readonly supplyVolts: number
  readonly runtime: string
  readonly power: Profile['energy']
  readonly notes: readonly string[]
  readonly memory?: Profile['memory']
  readonly operatingPoints?: Profile['operatingPoints']
}

/** The operator profile's tables without their measured rows: whole networks say how fast this board runs each group. */
function templateOf(base: Profile, board: Board, source: string, groups: Groups): Profile {
  const provenance: TableModel['provenance'] = { kind: 'measured', source }
  const strip = (table: ProfileTable): ProfileTable => {
    const models = table.models.map((model) => ({ ...model, provenance }))
    if (table.kernel !== 'conv2d' || !groups.splitsWeights) return { kernel: table.kernel, models }
    const [pointwise, ...others] = models
    const large = { ...pointwise!.when, weightElements: [CACHED_WEIGHTS, 1e15] as [number, number] }
    return { kernel: 'conv2d', models: [{ ...pointwise!, when: large }, pointwise!, ...others] }
  }
  const { id, title, core, clockHz, ramBytes, flashBytes, supplyVolts, runtime, notes, memory, operatingPoints } = board
  return {
    ...base,
    ...{ id, title, core, clockHz, ramBytes, flashBytes, supplyVolts, runtime },
    inferenceOverhead: 0,
    tables: base.tables.map(strip),
    energy: board.power,
    ...(operatingPoints === undefined ? {} : { operatingPoints }),
    memory: memory ?? base.memory,
    validation: [],
    notes: [
      `No single kernel was timed: the tables of ${base.id} are scaled in ${groups.text} to agree with whole networks.`,
      ...notes,
    ],
  }
}

const mlperf = (data: string, version: string, systemId: string): MeasuredNetwork[] =>
  mlperfResults(data, version, systemId)
    .filter(({ skipsZeros }) => !skipsZeros)
    .map(({ benchmark, latencyMs, energyMj }) => ({
      network: `mlperfTiny ${benchmark}`,
      family: benchmark,
      latencyMs,
      ...(energyMj === undefined ? {} : { energyMj }),
    }))

/** Plain int8 classifiers of ST's model zoo on one board under one version of the tool; each measurement once. */
function zoo(data: string, board: RegExp, version: RegExp): readonly MeasuredNetwork[] {
  const found = new Map<string, MeasuredNetwork>()
  for (const row of readCsv(path.join(data, 'hardware', 'stm32_modelzoo.csv'))) {
    const ms = Number(row['inference_ms'])
    if (!board.test(row['board']!) || !version.test(row['tool_version']!) || !(ms > 0)) continue
    const known = zooNetworkOf(row)
    if (known !== undefined && !found.has(known.network)) found.set(known.network, { ...known, latencyMs: ms })
  }
  return [...found.values()]
}

const mlperfPower = (text: string, idlePowerMw: number, idle: string): Profile['energy'] => ({
  activePowerMw: 1,
  idlePowerMw,
  wakeUpEnergyMj: 0,
  provenance: { kind: 'measured', source: `mean of energy ÷ latency in ${text}; ${idle}` },
})
const ESTIMATED_IDLE = 'idle power is an estimate of the stop mode with RAM kept'
const KIB = 1024

const L4R5: Omit<Board, 'id' | 'title' | 'runtime' | 'power' | 'notes'> = {
  core: 'Cortex-M4F',
  clockHz: 120e6,
  ramBytes: 640 * KIB,
  flashBytes: 2048 * KIB,
  supplyVolts: 1.8,
}
const XCUBE = 'X-CUBE-AI 7.3 (MLPerf Tiny 1.0)'
const LEFT_OUT = 'one network left out at a time'

/** Networks of several boards as if all were as fast as the first, by the geometric means of their latencies. */
function atOneSpeed(boards: readonly (readonly MeasuredNetwork[])[]): readonly MeasuredNetwork[] {
  const speed = (networks: readonly MeasuredNetwork[]): number =>
    Math.exp(mean(networks.map(({ latencyMs }) => Math.log(latencyMs))))
  return boards.flatMap((networks) =>
    networks.map((one) => ({ ...one, latencyMs: (one.latencyMs * speed(boards[0]!)) / speed(networks) })),
  )
}

/** The same firmware at the same clock from a higher supply: power per network, mean of the four ratios. */
function l4r5At3Volts(data: string): NonNullable<Profile['operatingPoints']>[number] {
  const rows = readCsv(path.join(data, 'hardware', 'mlperf_tiny.csv'))
  const powers = (version: string, systemId: string, submitter: string): ReadonlyMap<string, number> =>
    new Map(
      rows
        .filter((row) => row['version'] === version && row['system_id'] === systemId && row['submitter'] === submitter)
        .map((row) => [row['benchmark']!, Number(row['power_mW'])]),
    )
  const high = powers('1.1', 'NUCLEO-L4R5ZI_X-CUBE-AI-7.3', 'Krai')
  const ratios = [...powers('1.0', 'NUCLEO_L4R5ZI', 'STMicroelectronics')].map(([name, mw]) => high.get(name)! / mw)
  return {
    name: '3v0',
    clockHz: L4R5.clockHz,
    volts: 3,
    powerScale: Number((ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toPrecision(4)),
    provenance: {
      kind: 'measured',
      source:
        'power of the four MLPerf Tiny networks at 3.0 V (1.1, Krai, X-CUBE-AI 7.3) over that at 1.8 V (1.0, STMicroelectronics): the current stays, 3.0 ÷ 1.8 is 1.667',
    },
  }
}

/** Boards that were measured with whole networks only. `m4` and `m33` are the operator profiles to start from. */
export function cortexBoards(data: string, m4: Profile, m33: Profile): readonly FittedProfile[] {
  const stOnly = (systemId: string): MeasuredNetwork[] =>
    readCsv(path.join(data, 'hardware', 'mlperf_tiny.csv'))
      .filter((row) => row['version'] === '1.0' && row['system_id'] === systemId)
      .filter((row) => row['submitter'] === 'STMicroelectronics')
      .map((row) => ({
        network: `mlperfTiny ${row['benchmark']}`,
        family: row['benchmark']!,
        latencyMs: Number(row['latency_ms']),
        energyMj: Number(row['energy_uJ']) / 1000,
      }))
  const systems = { l4r5: stOnly('NUCLEO_L4R5ZI'), u575: stOnly('NUCLEO-U575ZI-Q'), h7a3: stOnly('NUCLEO-H7A3ZI-Q') }
  const memory = xcubeMemory(data)
  const l4r5 = { ...L4R5, operatingPoints: [l4r5At3Volts(data)] }
  /** How the runtime's groups compare on other boards, or under another version. */
  const priorFrom = (
    template: Profile,
    { grouping, count, priorRidge }: Groups,
    boards: readonly (readonly MeasuredNetwork[])[],
  ): readonly number[] => fitScales(template, grouping, count, atOneSpeed(boards), priorRidge).scales
  const board = (
    base: Profile,
    facts: Board,
    source: string,
    networks: readonly MeasuredNetwork[],
    options: {
      readonly ridge: number
      readonly groups?: Groups
      readonly prior?: readonly (readonly MeasuredNetwork[])[]
      readonly method: string
      /** Boards under the same runtime that say what share of the power dense layers draw. */
      readonly denseFrom?: readonly (readonly MeasuredNetwork[])[]
    },
    memorySuites: readonly NetworkSuite[] = [],
  ): FittedProfile => {
    const { groups = BY_WEIGHTS } = options
    const template = templateOf(base, facts, source, groups)
    const { profile, suites } = crossFit(template, {
      ...{ name: 'whole networks', source, networks, grouping: groups.grouping, groups: groups.count },
      ...{ ridge: options.ridge, method: options.method },
      ...(options.prior === undefined ? {} : { prior: priorFrom(template, groups, options.prior) }),
      ...(options.denseFrom === undefined ? {} : { countsForPower: (network) => !isDense(network) }),
    })
    const share = options.denseFrom === undefined ? undefined : mean(options.denseFrom.map(densePowerShare))
    return { profile: withDensePower(profile, share), suites: [...suites, ...memorySuites] }
  }
  const transfer = (other: string) => `${LEFT_OUT}; the groups' proportions come from ${other} under the same runtime`
  const h747: Omit<Board, 'id' | 'title' | 'runtime'> = {
    memory: xcubeMemory8(data),
    core: 'Cortex-M7',
    clockHz: 400e6,
    ramBytes: 1024 * KIB,
    flashBytes: 2048 * KIB,
    supplyVolts: 3.3,
    power: {
      activePowerMw: 230,
      idlePowerMw: 6,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'derived',
        source:
          'not measured here: STM32H7A3 draws 157 mW at 280 MHz and 3.3 V in MLPerf Tiny 1.0; scaled by clock to 400 MHz. Idle power is an estimate',
      },
    },
    notes: ['Activations beyond about 512 KiB lie in slower memory: MobileNetV2 at 224 pixels is priced too low.'],
  }
  const zooFamilies = 'one family (MobileNet V1, V2, FD-MobileNet, ResNet) left out at a time'
  const stZoo = (version: string) =>
    `ST model zoo, STM32H747I-DISCO at 400 MHz, ${version}: plain int8 classifiers, parts transcribed by hand`
  const boards = [
    board(
      m4,
      {
        ...l4r5,
        id: 'stm32l4r5-tvm-cmsisnn',
        title: 'STM32L4R5ZI (NUCLEO-L4R5ZI), microTVM with CMSIS-NN',
        runtime: 'microTVM + CMSIS-NN (MLPerf Tiny 1.0, OctoML)',
        power: mlperfPower('MLPerf Tiny 1.0 (OctoML, 1.8 V)', 0.03, ESTIMATED_IDLE),
        notes: [],
      },
      'MLPerf Tiny 1.0, OctoML microTVM with CMSIS-NN on NUCLEO-L4R5ZI at 120 MHz',
      mlperf(data, '1.0', 'microtvm_cmsis_nn/NUCLEO_L4R5ZI'),
      { ridge: 0.02, method: LEFT_OUT },
    ),
    board(
      m4,
      {
        ...l4r5,
        id: 'stm32l4r5-xcubeai',
        title: 'STM32L4R5ZI (NUCLEO-L4R5ZI), X-CUBE-AI 7',
        runtime: XCUBE,
        memory,
        power: mlperfPower('MLPerf Tiny 1.0 (STMicroelectronics, 1.8 V)', 0.03, ESTIMATED_IDLE),
        notes: ['Version 8.1 and later are up to 35 % faster and skip the dead channels of the vww model.'],
      },
      'MLPerf Tiny 1.0, STMicroelectronics NUCLEO-L4R5ZI at 120 MHz, 1.8 V',
      systems.l4r5,
      {
        ...{ ridge: 1, prior: [systems.u575, systems.h7a3], method: transfer('NUCLEO-U575ZI-Q and NUCLEO-H7A3ZI-Q') },
        denseFrom: [systems.u575, systems.h7a3],
      },
    ),
    board(
      m33,
      {
        id: 'stm32u575-xcubeai',
        title: 'STM32U575ZI (NUCLEO-U575ZI-Q), X-CUBE-AI 7',
        core: 'Cortex-M33F',
        clockHz: 160e6,
        ramBytes: 768 * KIB,
        flashBytes: 2048 * KIB,
        supplyVolts: 1.8,
        runtime: XCUBE,
        memory,
        power: mlperfPower('MLPerf Tiny 1.0 (STMicroelectronics, 1.8 V)', 0.02, ESTIMATED_IDLE),
        notes: ['Version 8.1 and later are up to 35 % faster and skip the dead channels of the vww model.'],
      },
      "MLPerf Tiny 1.0, STMicroelectronics NUCLEO-U575ZI-Q, and ST model zoo's MiniResNets, B-U585I-IOT02A, both at 160 MHz",
      [...systems.u575, ...zoo(data, /U585/, /^7\.3/)],
      {
        ...{ ridge: 1, prior: [systems.l4r5, systems.h7a3] },
        method: `${transfer('NUCLEO-L4R5ZI and NUCLEO-H7A3ZI-Q')}; the four MiniResNets are left out together`,
        denseFrom: [systems.l4r5, systems.h7a3],
      },
      miniResNetMemorySuites(data),
    ),
    board(
      m4,
      {
        id: 'stm32h7a3-xcubeai',
        title: 'STM32H7A3ZI (NUCLEO-H7A3ZI-Q), X-CUBE-AI 7',
        core: 'Cortex-M7',
        clockHz: 280e6,
        ramBytes: 1380 * KIB,
        flashBytes: 2048 * KIB,
        supplyVolts: 3.3,
        runtime: XCUBE,
        memory,
        power: mlperfPower('MLPerf Tiny 1.0 (STMicroelectronics, 3.3 V)', 1, ESTIMATED_IDLE),
        notes: [
          'The same networks draw 122 mW under version 8.1 at 3.0 V: supply and version change the power by a quarter.',
        ],
      },
      'MLPerf Tiny 1.0, STMicroelectronics NUCLEO-H7A3ZI-Q at 280 MHz, 3.3 V',
      systems.h7a3,
      {
        ...{ ridge: 1, prior: [systems.l4r5, systems.u575], method: transfer('NUCLEO-L4R5ZI and NUCLEO-U575ZI-Q') },
        denseFrom: [systems.l4r5, systems.u575],
      },
    ),
    board(
      m4,
      { ...h747, id: 'stm32h747-xcubeai8', title: 'STM32H747I-DISCO, X-CUBE-AI 8.1', runtime: 'X-CUBE-AI 8.1' },
      stZoo('X-CUBE-AI 8.1'),
      zoo(data, /H747/, /^8\.1/),
      {
        ...{ ridge: 0.01, groups: BY_WORK, prior: [systems.h7a3] },
        method: `${zooFamilies}; proportions drawn to those of NUCLEO-H7A3ZI-Q, of the same core`,
      },
      xcubeMemorySuites(data, 'X-CUBE-AI 8.1', /^8\.1/),
    ),
    board(
      m4,
      {
        ...h747,
        id: 'stm32h747-xcubeai10',
        title: 'STM32H747I-DISCO, STM32Cube.AI 10.0',
        runtime: 'STM32Cube.AI 10.0',
        memory: xcubeMemory10(data),
      },
      stZoo('STM32Cube.AI 10.0'),
      zoo(data, /H747/, /10\.0/),
      {
        ridge: 0.01,
        groups: BY_WORK,
        prior: [zoo(data, /H747/, /^8\.1/)],
        method: `${zooFamilies}; proportions drawn to those of 8.1`,
      },
      xcubeMemorySuites(data, 'STM32Cube.AI 10.0', /10\.0/),
    ),
    stm32f746(data, m4),
  ]
  return withSharedWidth(boards)
}

const CHECKED = 'stm32u575-xcubeai'
const LIKE_CHECKED: readonly string[] = ['stm32l4r5-tvm-cmsisnn', 'stm32l4r5-xcubeai', 'stm32h7a3-xcubeai']

/**
 * Four networks of MLPerf Tiny, left out in turn, understate what networks of another kind are off by: on the board where
 * MiniResNets were measured too, the error is three times as large. The boards without such networks take that one's.
 */
function withSharedWidth(boards: readonly FittedProfile[]): readonly FittedProfile[] {
  const checked = boards.find(({ profile }) => profile.id === CHECKED)!.profile.systematicError90
  const note = `The 90 % interval is as wide as ${CHECKED}'s, where other kinds of networks were measured: the four of this board would make it too narrow.`
  return boards.map(({ profile, ...rest }) => {
    if (!LIKE_CHECKED.includes(profile.id) || profile.systematicError90 >= checked) return { profile, ...rest }
    return { ...rest, profile: { ...profile, systematicError90: checked, notes: [...profile.notes, note] } }
  })
}

/**
 * The STM32F746 is the STM32F446's profile times the ratio of the two boards on the networks that were measured on both
 * (their structures are not needed for a ratio).
 */
function stm32f746(data: string, m4: Profile): FittedProfile {
  const rows = readCsv(path.join(data, 'hardware', 'micronets_table4.csv'))
  const latency = (model: string, device: string): number =>
    Number(rows.find((row) => row['model'] === model && row['device'] === device)?.['latency_s'])
  const ratios = SHARED_MICRONETS.map((model) => latency(model, 'STM32F746ZG') / latency(model, 'STM32F446RE'))
  const ratio = ratios.reduce((sum, value) => sum + value, 0) / ratios.length
  const clockHz = 216e6
  const cycles = (ratio * clockHz) / m4.clockHz
  const spread = Math.max(...ratios.map((value) => Math.abs(value / ratio - 1)))
  const scaled = withCoefficients(
    m4.tables,
    coefficientsOf(m4.tables).map((coefficient) => coefficient * cycles),
  ).map((table) => ({
    kernel: table.kernel,
    models: table.models.map((model) => ({
      ...model,
      provenance: {
        kind: 'derived' as const,
        source: `stm32f446-tflm-cmsisnn × ${cycles.toFixed(3)} cycles: ${ratios.length} MicroNets networks run ${(1 / ratio).toFixed(2)} times faster on STM32F746ZG, with a spread of ${(100 * spread).toFixed(1)} %`,
      },
    })),
  }))
  const powers = rows
    .filter(
      (row) => row['device'] === 'STM32F746ZG' && Number(row['avg_power_mW']) > 0 && row['model'] !== 'AD-baseline',
    )
    .map((row) => Number(row['avg_power_mW']))
  const source = 'MicroNets (arXiv:2010.11267) Table 4 on STM32F746ZG'
  const profile: Profile = {
    ...m4,
    id: 'stm32f746-tflm-cmsisnn',
    title: 'STM32F746ZG (NUCLEO-F746ZG), TensorFlow Lite Micro with CMSIS-NN (derived from the STM32F446)',
    core: 'Cortex-M7',
    clockHz,
    ramBytes: 320 * KIB,
    flashBytes: 1024 * KIB,
    tables: scaled,
    inferenceOverhead: m4.inferenceOverhead * cycles,
    energy: {
      activePowerMw: Number((powers.reduce((sum, value) => sum + value, 0) / powers.length).toPrecision(4)),
      idlePowerMw: 50,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'measured',
        source: `mean power of ${powers.length} networks in ${source}; idle power is an estimate`,
      },
    },
    validation: [],
    notes: [
      'MicroNets ran the TFLM of 2020, which is slower than the runtime of the tables; only the ratio was taken from it.',
    ],
  }
  const row = rows.find(({ model, device }) => model === 'AD-baseline' && device === 'STM32F746ZG')
  const suite = (quantity: 'latency' | 'energy', measured: number): NetworkSuite => ({
    ...{ kind: 'networks', name: 'autoencoder of MicroNets', quantity, source, leftOut: true, folds: [] },
    method: 'not fitted; latency is printed with one digit, energy with three, under the TFLM of 2020',
    cases: [['mlperfTiny ad', measured, -1]],
  })
  return {
    profile,
    suites: [suite('latency', Number(row?.['latency_s']) * 1000), suite('energy', Number(row?.['energy_mJ']))],
  }
}

const SHARED_MICRONETS: readonly string[] = ['MicroNet-KWS-M', 'MicroNet-KWS-S', 'MicroNet-AD-S', 'DSCNN-S']
