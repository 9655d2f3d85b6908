import path from 'node:path'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import type { Profile, ProfileTable, ProfileValidation, TableModel } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'
import { fitNonNegative } from './least-squares.ts'
import { kendallTau, percentile90, summarise } from './operators.ts'
import { mobilenetV1 } from './reference-nets.ts'

interface ZooModel {
  readonly name: string
  readonly family: string
  readonly us: number
  readonly weightBytes: number
  readonly outputs: number
}

/** Plain int8 classifiers that keep every activation on the chip and whose operators are counted. */
function zooModels(data: string): readonly ZooModel[] {
  return readCsv(path.join(data, 'hardware', 'stm32_modelzoo.csv'))
    .filter((row) => row['board']!.includes('N6') && row['macs_conv'] !== '' && !(Number(row['ext_ram_KiB']) > 0))
    .filter((row) => !/ssd/i.test(row['model']!))
    .map((row) => {
      const name = `${row['model']} ${row['resolution']}`
      const family = /v2/i.test(name) ? 'v2' : /fdmobilenet/i.test(name) ? 'fd' : 'v1'
      return {
        name,
        family,
        us: Number(row['inference_ms']) * 1000,
        weightBytes: Number(row['weights_flash_KiB']) * 1024,
        outputs: Number(row['out_elems']),
      }
    })
}

const features = ({ weightBytes, outputs }: ZooModel): number[] => [weightBytes, outputs, 1]
const fitZoo = (models: readonly ZooModel[]): number[] =>
  fitNonNegative(
    models.map(features),
    models.map(({ us }) => us),
  )
const predict = (model: ZooModel, coefficients: readonly number[]): number =>
  features(model).reduce((sum, value, i) => sum + value * coefficients[i]!, 0)

const ON_NPU: readonly KernelKind[] = [
  ...(['add', 'multiply', 'concat', 'batchNorm', 'averagePool', 'maxPool', 'globalAveragePool'] as const),
  ...(['relu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid'] as const),
]
/** 600 GOPS (vendor) are 300 GMAC/s. */
const US_PER_MAC_AT_PEAK = 1 / 300_000

function tablesOf(
  [usPerWeightByte, usPerOutput]: readonly number[],
  error90: number,
  models: readonly ZooModel[],
): readonly ProfileTable[] {
  const provenance: TableModel['provenance'] = {
    kind: 'measured',
    source: `${models.length} whole networks (MobileNet V1 and V2, FD-MobileNet) of ST's model zoo on STM32N6570-DK; weights stream from external flash, outputs pass through on-chip memory; no single kernel was timed`,
  }
  const round = (value: number): number => Number(value.toPrecision(4))
  const outputs = [{ feature: 'outputs' as const, coefficient: round(usPerOutput!) }]
  const weighted = (kernel: KernelKind): ProfileTable => ({
    kernel,
    models: [
      {
        terms: [{ feature: 'weightElements', coefficient: round(usPerWeightByte!) }],
        compute: [{ feature: 'macs', coefficient: round(US_PER_MAC_AT_PEAK) }],
        memory: outputs,
        coverage: { outChannels: [8, 1024], pixels: [1, 112 * 112], kernelArea: [1, 9] },
        error90,
        provenance,
      },
    ],
  })
  const elementwise = (kernel: KernelKind): ProfileTable => ({
    kernel,
    models: [
      {
        terms: outputs,
        coverage: kernel === 'add' || kernel === 'globalAveragePool' ? { outChannels: [8, 1280] } : {},
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
        error90: 0.7,
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

/** Fits the STM32N6 with its Neural-ART accelerator from whole networks. */
export function stm32n6Profile(data: string): Profile {
  const models = zooModels(data)
  const coefficients = fitZoo(models)
  const cases = models.map((model) => ({
    model: model.name,
    measured: model.us / 1000,
    predicted: Number(
      (predict(model, fitZoo(models.filter(({ family }) => family !== model.family))) / 1000).toPrecision(4),
    ),
    unit: 'ms',
  }))
  const errors = cases.map(({ measured, predicted }) => predicted / measured - 1)
  const latency: ProfileValidation = {
    name: 'whole networks, activations on the chip',
    quantity: 'latency',
    method: 'one network family (MobileNet V1, V2, FD-MobileNet) left out at a time',
    ...summarise(errors),
    kendallTau: kendallTau(cases),
    models: cases,
  }
  const profile: Profile = {
    format: 'frugal-profile/1',
    id: 'stm32n6-neuralart',
    title: 'STM32N6570-DK, Neural-ART accelerator, ST Edge AI 2.0 and 3.0',
    family: 'npu',
    core: 'Neural-ART at 1 GHz + Cortex-M55 at 800 MHz',
    clockHz: 1e9,
    ramBytes: 2800 * 1024,
    flashBytes: 64 * 1024 ** 2,
    runtime: 'ST Edge AI (STM32Cube.AI 10.0 and later), int8',
    dataType: 'int8',
    fusedActivations: ['relu', 'relu6'],
    latencyUnit: 'us',
    inferenceOverhead: Number(coefficients[2]!.toPrecision(4)),
    systematicError90: Math.min(percentile90(errors), 0.2),
    tables: [...tablesOf(coefficients, 0.1, models)],
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
      scratch: [],
      ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
      flash: { runtimeBytes: 60 * 1024, constantBytes: 0, perKernelBytes: 1024, perChannelBytes: 8 },
      provenance: {
        kind: 'derived',
        source:
          'greedy arena of int8 tensors, checked against the zoo; 8 B a channel for scales and 1 KB a kernel for its program are estimates; beyond 2,800 KiB activations spill to external memory, which is a cliff, so that is the limit',
      },
    },
    validation: [],
    notes: [
      'Weights stream at about 390 MB/s from external flash; for small networks that and the fixed 0.25 ms dominate.',
      'Networks below about 0.1 ms of streaming and nets with squeeze-and-excite were not measured.',
    ],
  }
  return { ...profile, validation: [latency, validateRam(profile)] }
}

/** Peak RAM of the zoo's MobileNetV1 networks against the planner. */
function validateRam(profile: Profile): ProfileValidation {
  const model = createCostModel(profile)
  const models = (
    [
      [0.25, 588],
      [0.5, 588],
      [1, 1568],
    ] as const
  ).map(([width, measured]) => ({
    model: `MobileNetV1 ${width} 224×224`,
    measured,
    predicted: Number((model.price(mobilenetV1(width, 224, 1000)).peakRamBytes / 1024).toPrecision(4)),
    unit: 'KiB',
  }))
  return {
    name: 'internal RAM of MobileNetV1',
    quantity: 'peakRam',
    method: 'not fitted; the tool leaves slack for small networks, for which it has plenty of RAM',
    ...summarise(models.map(({ measured, predicted }) => predicted / measured - 1)),
    models,
  }
}
