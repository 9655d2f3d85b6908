import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { fitTable, type Provenance } from '../../hardware-profiles/fit-table.ts'
import type { Profile, ProfileTable, ProfileValidation } from '../../hardware-profiles/profile.ts'
import { cmsisRules, type MacRates } from './cmsis-rules.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { CMSIS_CONV_FORMS, micronasKernels } from './micronas.ts'
import { micronetsSuites } from './micronets.ts'
import { mlperfResults, ratePerMac } from './mlperf.ts'
import { fittedTflmMemory, memorySuites } from './tflm-memory.ts'

interface Board {
  readonly id: string
  readonly title: string
  readonly core: string
  readonly clockHz: number
  readonly ramBytes: number
  readonly flashBytes: number
  readonly folders: readonly string[]
  readonly power: Profile['energy']
  /** Whole models on the same core with CMSIS-NN kernels: ad gives the dense rate, kws and vww the depthwise one, ic checks. */
  readonly reference: {
    readonly version: string
    readonly systemId: string
    readonly clockHz: number
    readonly text: string
  }
  /** Further systems that nothing was fitted on. */
  readonly checks: readonly {
    readonly version: string
    readonly systemId: string
    readonly clockHz: number
    readonly text: string
  }[]
}

const L4R5_MICROTVM: Board['reference'] = {
  version: '1.0',
  systemId: 'microtvm_cmsis_nn/NUCLEO_L4R5ZI',
  clockHz: 120e6,
  text: 'MLPerf Tiny 1.0, OctoML microTVM with CMSIS-NN on STM32L4R5 (Cortex-M4 at 120 MHz)',
}

const BOARDS: readonly Board[] = [
  {
    id: 'stm32f446-tflm-cmsisnn',
    title: 'STM32F446RE (NUCLEO-F446RE), TensorFlow Lite Micro with CMSIS-NN',
    core: 'Cortex-M4F',
    clockHz: 180e6,
    ramBytes: 128 * 1024,
    flashBytes: 512 * 1024,
    folders: ['lookUp/NUCLEOF446RE'],
    power: {
      activePowerMw: 164,
      idlePowerMw: 40,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'measured',
        source:
          'MicroNets (arXiv:2010.11267) Table 4: energy ÷ latency of five networks on STM32F446RE is 161–168 mW, mean 164; idle power is an estimate (about a quarter of the active power) and wake-up energy is not known',
      },
    },
    reference: L4R5_MICROTVM,
    checks: [
      {
        version: '0.5',
        systemId: 'Nucleo-L4R5ZI',
        clockHz: 120e6,
        text: 'MLPerf Tiny 0.5 reference, TFLM 2.3.1 (2020) on STM32L4R5: an older and slower runtime',
      },
    ],
  },
  {
    id: 'stm32l552-tflm-cmsisnn',
    title: 'STM32L552ZE (NUCLEO-L552ZE-Q), TensorFlow Lite Micro with CMSIS-NN',
    core: 'Cortex-M33F',
    clockHz: 80e6,
    ramBytes: 256 * 1024,
    flashBytes: 512 * 1024,
    // The older run is the same board: 376 shapes measured in both differ by 0.6 % on average.
    folders: ['lookUp/NUCLEO', 'lookUp/NUCLEO_old'],
    power: {
      activePowerMw: 30,
      idlePowerMw: 5,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'derived',
        source:
          'not measured on this board: STM32L4R5 (same low-power class) draws 40–55 mW at 120 MHz in MLPerf Tiny, scaled by clock to 80 MHz',
      },
    },
    reference: {
      version: '1.1',
      systemId: 'NRF5340-DK_MICROTVM-CMSIS-NN',
      clockHz: 128e6,
      text: 'MLPerf Tiny 1.1, Krai microTVM with CMSIS-NN on nRF5340 (Cortex-M33 at 128 MHz)',
    },
    checks: [],
  },
  {
    id: 'nrf52832-tflm-cmsisnn',
    title: 'nRF52832 (Arduino Nicla Sense ME), TensorFlow Lite Micro with CMSIS-NN',
    core: 'Cortex-M4F',
    clockHz: 64e6,
    ramBytes: 64 * 1024,
    flashBytes: 512 * 1024,
    folders: ['lookUp/NiclaSense'],
    power: {
      activePowerMw: 10,
      idlePowerMw: 0.006,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'vendor',
        source:
          'about 52 µA/MHz from flash at 3.0 V with the DC/DC converter (vendor figure, seen in public board notes) at 64 MHz; idle power (1.9 µA) is recalled; neither was measured during inference',
      },
    },
    reference: L4R5_MICROTVM,
    checks: [],
  },
]

/** Fits the Cortex-M profiles under TFLM with CMSIS-NN. */
export function cortexMProfiles(data: string): readonly FittedProfile[] {
  return BOARDS.map((board) => fitBoard(data, board))
}

function fitBoard(data: string, board: Board): FittedProfile {
  const kernels = micronasKernels(data, board.folders)
  const provenance: Provenance = {
    kind: 'measured',
    source: `MicroNAS (tk-king/MicroNas@fa6b6d2), ${board.folders.join(' and ')}, single kernels under TFLM with CMSIS-NN int8`,
  }
  const fitted = (kind: 'conv2d' | 'add' | 'globalAveragePool' | 'softmax', forms: Parameters<typeof fitTable>[1]) =>
    fitTable(kind, forms, kernels.get(kind) ?? [], provenance, `${kind} cycles on left-out shapes`)
  const conv2d = fitted('conv2d', CMSIS_CONV_FORMS)
  const add = fitted('add', [{ features: ['outputs', 'one'] }])
  const pool = fitted('globalAveragePool', [{ features: ['inputs', 'outputs'] }])
  const softmax = fitted('softmax', [{ features: ['outputs', 'one'] }])
  const measured = [conv2d, add, pool, softmax]
  const tables = { conv2d: conv2d.table, add: add.table, softmax: softmax.table }
  const memory = fittedTflmMemory(data)
  const assemble = (rates: Pick<MacRates, 'depthwise' | 'dense'>, validation: readonly ProfileValidation[]): Profile =>
    profileOf(
      board,
      memory,
      [...measured.map(({ table }) => table), ...cmsisRules(tables, { ...rates, source: board.reference.text })],
      validation,
    )

  const reference = mlperfResults(data, board.reference.version, board.reference.systemId)
  const only = (...names: readonly string[]) => reference.filter(({ benchmark }) => names.includes(benchmark))
  const nothing = assemble({ depthwise: 0, dense: 0 }, [])
  const dense = ratePerMac(nothing, 'dense', only('ad'), board.reference.clockHz)
  const withDense = assemble({ depthwise: 0, dense }, [])
  const depthwise = ratePerMac(withDense, 'depthwiseConv2d', only('kws', 'vww'), board.reference.clockHz)
  const rates = { depthwise, dense }
  const profile = assemble(rates, [])
  const mlperfSuite = (
    system: Board['reference'],
    benchmarks: readonly string[],
    leftOut: boolean,
    method: string,
  ): NetworkSuite => ({
    kind: 'networks',
    quantity: 'latency',
    name: leftOut ? 'whole networks' : 'whole networks that were fitted or ran under another version',
    source: system.text,
    method,
    leftOut,
    clockHz: system.clockHz,
    folds: [],
    cases: mlperfResults(data, system.version, system.systemId)
      .filter(({ benchmark }) => benchmarks.includes(benchmark))
      .map(({ benchmark, latencyMs }) => [`mlperfTiny ${benchmark}`, latencyMs, -1]),
  })
  return {
    profile,
    suites: [
      ...measured.flatMap(({ suite }) => (suite.rowFolds.length > 0 ? [suite] : [])),
      mlperfSuite(board.reference, ['ic'], true, 'another board of the same core, by clock; nothing was fitted on it'),
      mlperfSuite(
        board.reference,
        ['ad', 'kws', 'vww'],
        false,
        'fitted: the dense rate on ad, the depthwise rate on kws and vww',
      ),
      ...board.checks.map((check) =>
        mlperfSuite(check, ['ad', 'kws', 'ic', 'vww'], false, 'never fitted, but an older and slower runtime'),
      ),
      ...micronetsSuites(data, profile),
      ...memorySuites(data),
    ],
  }
}

function profileOf(
  board: Board,
  memory: Profile['memory'],
  tables: readonly ProfileTable[],
  validation: readonly ProfileValidation[],
): Profile {
  return {
    format: 'frugal-profile/1',
    id: board.id,
    title: board.title,
    family: 'cortex-m',
    core: board.core,
    clockHz: board.clockHz,
    ramBytes: board.ramBytes,
    flashBytes: board.flashBytes,
    supplyVolts: 3.3,
    runtime: 'TensorFlow Lite Micro + CMSIS-NN',
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    latencyUnit: 'cycles',
    inferenceOverhead: 14_000,
    systematicError90: 0.12,
    tables: [...tables],
    energy: board.power,
    memory,
    validation: [...validation],
    notes: [
      'Only 1-D windows (3×1 … 1×30) and 1×1 convolutions were measured; square windows follow from the same loop model.',
      'Depthwise, dense, pooling, multiply, concat and stand-alone activations have no measured rows here: see the rule in each table.',
      'Inference overhead is total minus kernel cycles in the single-kernel runs (about 14,000 cycles).',
    ],
  }
}
