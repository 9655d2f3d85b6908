import { loadProfile, type Profile } from '../../hardware-profiles/index.ts'
import type { ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'

const PROVENANCE = { kind: 'measured', source: 'made up' } as const

/** A model of one term, right to a tenth. */
export const termOf = (feature: TableModel['terms'][number]['feature'], coefficient: number): TableModel => ({
  terms: [{ feature, coefficient }],
  coverage: {},
  error90: 0.1,
  provenance: PROVENANCE,
})

const tableOf = (kernel: ProfileTable['kernel'], ...model: Parameters<typeof termOf>): ProfileTable => ({
  kernel,
  models: [termOf(...model)],
})

/** A device on which each kind of kernel costs a round number of cycles for one thing; 2000 cycles are 1 ms. */
export const MADE_UP: Profile = {
  ...loadProfile('stm32f446-tflm-cmsisnn'),
  ...{
    id: 'made-up',
    title: 'made up',
    core: 'a made-up core',
    notes: ['made up'],
    validation: [],
    operatingPoints: [],
  },
  ...{ clockHz: 2e6, latencyUnit: 'cycles', inferenceOverhead: 5000, systematicError90: 0.05, fusedActivations: [] },
  tables: [
    tableOf('conv2d', 'macs', 2),
    tableOf('depthwiseConv2d', 'macs', 5),
    tableOf('dense', 'macs', 3),
    tableOf('relu', 'outputs', 4),
    tableOf('maxPool', 'outputs', 6),
    tableOf('globalAveragePool', 'inputs', 1),
    tableOf('add', 'outputs', 7),
  ],
  energy: { activePowerMw: 50, idlePowerMw: 2, wakeUpEnergyMj: 0.5, provenance: PROVENANCE },
}

export interface Sizes {
  /** Of the square map. */
  readonly size: number
  readonly filters: number
  readonly relus: number
  readonly blocks: number
  readonly pools: number
}

/** 3×1 convolution; ReLUs; blocks of a depthwise and a 1×1 convolution and a sum; pools; a classifier. */
export function madeUpNetwork({ size, filters, relus, blocks, pools }: Sizes): NetworkGraph {
  const b = new GraphBuilder()
  let x = b.conv2d(b.input([size, size, 3]), filters, { kernel: [3, 1] })
  for (let i = 0; i < relus; i++) x = b.activation(x, 'relu')
  for (let i = 0; i < blocks; i++) {
    x = b.add(x, b.conv2d(b.depthwiseConv2d(x, { kernel: 3 }), filters, { kernel: 1 }))
  }
  for (let i = 0; i < pools; i++) x = b.maxPool(x, { kernel: 2, stride: 1 })
  return b.build(b.dense(b.globalAveragePool(x), 10))
}

/**
 * What such a network takes on the made-up device, in ms: 1×1 convolutions, others, depthwise ones, dense layers,
 * activations, pooling, sums; then its kernels, and 1.
 */
export function madeUpParts({ size, filters, relus, blocks, pools }: Sizes): readonly number[] {
  const map = size * size * filters
  const cycles = [
    2 * blocks * map * filters,
    2 * 9 * map,
    5 * blocks * 9 * map,
    3 * 10 * filters,
    4 * relus * map,
    6 * pools * map + map,
    7 * blocks * map,
  ]
  return [...cycles.map((value) => value / 2000), 3 + relus + 3 * blocks + pools, 1]
}
