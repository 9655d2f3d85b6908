import path from 'node:path'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import type { Fold, NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import { systematicErrorOf } from '../../hardware-profiles/cases/intervals.ts'
import { percentile90Of } from '../../hardware-profiles/cases/statistics.ts'
import { compareSuite, foldProfile } from '../../hardware-profiles/cases/validate.ts'
import { coefficientsOf, withCoefficients } from '../../hardware-profiles/coefficients.ts'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'
import { readCsv } from './csv.ts'
import { edgeTpuTemplate, type Host, isScaled } from './edgetpu-template.ts'
import type { FittedProfile } from './fitted-profile.ts'
import { fitLeastAbsolute } from './least-absolute.ts'
import { coverSeen } from './seen-kernels.ts'

interface Network {
  /** As `caseNetwork` reads it. */
  readonly network: string
  /** Networks of one family are left out together. */
  readonly family: string
}

/**
 * The networks of the data whose published topology can be built to the published number of weights. The table does not say
 * which SqueezeNet and which DenseNet: its columns of processors fit SqueezeNet 1.0 (283 ms a GMAC, MobileNet 288) and not 1.1
 * (660), and decide nothing about DenseNet, which is left out as the detection and segmentation networks are.
 */
const NETWORKS: Readonly<Record<string, Network>> = {
  'MobileNet v1 (224x224)': { network: 'mobilenetV1 1 224 1000', family: 'MobileNet' },
  'MobileNet v2 (224x224)': { network: 'mobilenetV2 1 224 1000', family: 'MobileNet' },
  'SqueezeNet (224x224)': { network: 'squeezenet 224', family: 'SqueezeNet' },
  'Inception v1 (224x224)': { network: 'inceptionV1 224', family: 'Inception' },
  'Inception v4 (299x299)': { network: 'inceptionV4 299', family: 'Inception' },
  'Inception-ResNet V2 (299x299)': { network: 'inceptionResnetV2 299', family: 'Inception' },
  'ResNet-50 V1 (299x299)': { network: 'resnet 50 299', family: 'ResNet' },
  'ResNet-50 V2 (299x299)': { network: 'resnetV2 50 299', family: 'ResNet' },
  'ResNet-152 V2 (299x299)': { network: 'resnetV2 152 299', family: 'ResNet' },
  'VGG16 (224x224)': { network: 'vgg 16 224', family: 'VGG' },
  'VGG19 (224x224)': { network: 'vgg 19 224', family: 'VGG' },
  'EfficientNet-EdgeTpu-S': { network: 'efficientnetEdge 1 224', family: 'EfficientNet-EdgeTPU' },
  'EfficientNet-EdgeTpu-M': { network: 'efficientnetEdge 1.1 240', family: 'EfficientNet-EdgeTPU' },
}

const HOSTS: readonly Host[] = [
  {
    id: 'edgetpu',
    title: 'Coral Dev Board, Edge TPU over PCIe',
    devices: ['Edge TPU Dev Board'],
    core: 'Edge TPU + 4 Cortex-A53',
    ramBytes: 1024 ** 3,
    flashBytes: 8e9,
    memorySource: 'the Dev Board has 1 GB of LPDDR4 and 8 GB of eMMC (vendor)',
  },
  {
    id: 'edgetpu-usb',
    title: 'Coral USB Accelerator, Edge TPU on USB 3.0 of a desktop computer',
    devices: ['Edge TPU USB Accelerator (USB 3.0) + desktop CPU', 'Edge TPU USB + Xeon E5-1650 v3'],
    core: 'Edge TPU + desktop CPU',
    ramBytes: 4 * 1024 ** 3,
    flashBytes: 64e9,
    memorySource: "tensors lie in the host's memory; 4 GiB and 64 GB stand for any desktop computer",
  },
]

interface Timed extends Network {
  readonly host: number
  readonly latencyMs: number
}

/** How the same networks are called in the vendor's other benchmark, run under its Python library. */
const FILES: Readonly<Record<string, Network>> = {
  'inception_v1_224_quant_edgetpu.tflite': NETWORKS['Inception v1 (224x224)']!,
  'inception_v4_299_quant_edgetpu.tflite': NETWORKS['Inception v4 (299x299)']!,
  'mobilenet_v1_1.0_224_quant_edgetpu.tflite': NETWORKS['MobileNet v1 (224x224)']!,
  'mobilenet_v2_1.0_224_quant_edgetpu.tflite': NETWORKS['MobileNet v2 (224x224)']!,
}

const timed = (data: string, networks: Readonly<Record<string, Network>>): readonly Timed[] =>
  readCsv(path.join(data, 'hardware', 'other_benchmarks.csv')).flatMap((row) => {
    const host = HOSTS.findIndex(({ devices }) => devices.includes(row['device']!))
    const network = networks[row['model']!]
    return host < 0 || network === undefined ? [] : [{ ...network, host, latencyMs: Number(row['latency_ms']) }]
  })

/** What is scaled: the chip's convolutions, depthwise convolutions and results; then per host what an inference costs once and a streamed byte. */
const CHIP = ['convolution', 'depthwise', 'results'] as const
const columnOf = (host: number, stream: boolean): number => CHIP.length + 2 * host + (stream ? 1 : 0)
const COLUMNS = CHIP.length + 2 * HOSTS.length

/** The template with its figures multiplied by one host's scales. */
function scaled(template: Profile, scales: readonly number[], host: number): Profile {
  const digits = (value: number): number => Number(value.toPrecision(5))
  const { weightStream } = template
  const coefficients = template.tables.flatMap(({ kernel, models }) =>
    models.flatMap(({ terms, fallback }) =>
      terms.map(({ feature, coefficient }) => {
        const part = fallback === true ? undefined : isScaled(kernel, feature)
        return part === undefined ? coefficient : digits(coefficient * scales[CHIP.indexOf(part)]!)
      }),
    ),
  )
  return {
    ...template,
    inferenceOverhead: digits(template.inferenceOverhead * scales[columnOf(host, false)]!),
    ...(weightStream === undefined
      ? {}
      : {
          weightStream: { ...weightStream, usPerByte: digits(weightStream.usPerByte * scales[columnOf(host, true)]!) },
        }),
    tables: withCoefficients(template.tables, coefficients),
  }
}

const templates = HOSTS.map(edgeTpuTemplate)

/** Time of each part at scale 1, in ms; the last column is what is not scaled. */
const designRow = ({ network, host }: Timed): readonly number[] => {
  const graph = caseNetwork(network)
  const none = new Array<number>(COLUMNS).fill(0)
  const at = (scales: readonly number[]): number =>
    createCostModel(scaled(templates[host]!, scales, host)).price(graph).latencyMs
  const fixed = at(none)
  return [...none.map((_, column) => at(none.map((_, other) => (other === column ? 1 : 0))) - fixed), fixed]
}

/** Scales for both hosts at once: the chip is one, so what it computes with is fitted to all rows. */
function fitRows(rows: readonly Timed[], design: ReadonlyMap<Timed, readonly number[]>): readonly number[] {
  const of = (row: Timed): readonly number[] => design.get(row)!
  return fitLeastAbsolute(
    rows.map((row) => of(row).slice(0, COLUMNS)),
    rows.map((row) => row.latencyMs - of(row)[COLUMNS]!),
  )
}

/** Both Edge TPU profiles, from whole networks of the vendor's table. */
export function edgeTpuProfiles(data: string): readonly FittedProfile[] {
  const rows = timed(data, NETWORKS)
  const again = timed(data, FILES)
  const design = new Map(rows.map((row) => [row, designRow(row)]))
  const families = [...new Set(rows.map(({ family }) => family))]
  const whole = fitRows(rows, design)
  const leftOut = families.map((family) =>
    fitRows(
      rows.filter((row) => row.family !== family),
      design,
    ),
  )
  const fitted = HOSTS.map((_, host) => {
    const template = templates[host]!
    const own = rows.filter((row) => row.host === host)
    const folds = leftOut.map((scales): Fold => {
      const { tables, inferenceOverhead, weightStream } = scaled(template, scales, host)
      return { coefficients: coefficientsOf(tables), inferenceOverhead, streamUsPerByte: weightStream!.usPerByte }
    })
    const foldOf = ({ family }: Network): number => families.indexOf(family)
    const suite: NetworkSuite = {
      kind: 'networks',
      name: 'whole networks',
      quantity: 'latency',
      source: "vendor's table of benchmarks, 13 of its 18 networks",
      method: `one network family (${families.join(', ')}) left out at a time, under both hosts`,
      leftOut: true,
      folds,
      cases: own.map((row) => [row.network, row.latencyMs, foldOf(row)]),
    }
    const repeated: NetworkSuite = {
      ...suite,
      name: 'four of the networks, timed again',
      source: "vendor's benchmark of its Python library, 200 runs each; never fitted",
      cases: again.filter((row) => row.host === host).map((row) => [row.network, row.latencyMs, foldOf(row)]),
    }
    return { profile: withErrors(scaled(template, whole, host), suite, own, foldOf), suites: [suite, repeated] }
  })
  // The chip is one, and start-up is known least: what it was off by under one host it may be off by under the other.
  const systematicError90 = Math.max(...fitted.map(({ profile }) => profile.systematicError90))
  return fitted.map(({ profile, suites }) => ({ profile: { ...profile, systematicError90 }, suites }))
}

/** The tables' errors are half of what left-out networks showed; the rest is shared by all kernels. */
function withErrors(
  fitted: Profile,
  suite: NetworkSuite,
  networks: readonly Timed[],
  foldOf: (network: Network) => number,
): Profile {
  const errors = compareSuite(fitted, suite).map(({ measured, predicted }) => measured / predicted - 1)
  const profile = coverSeen(
    { ...fitted, systematicError90: 0 },
    networks.map(({ network }) => network),
    Number((percentile90Of(errors) / 2).toPrecision(3)),
  )
  const systematicError90 = systematicErrorOf(
    networks.map((row) => ({
      network: row.network,
      measuredMs: row.latencyMs,
      model: createCostModel(foldProfile(profile, suite.folds[foldOf(row)]!)),
    })),
  )
  return { ...profile, systematicError90 }
}
