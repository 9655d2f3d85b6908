import type { Kernel, KernelKind } from '../../network/schedule.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { emptyFacts, type KernelFacts, readFacts } from '../features.ts'
import { fitTable, type Measurement, type ModelForm, type Provenance } from '../fit-table.ts'
import type { ProfileTable } from '../profile.ts'
import { CompiledTable } from '../table.ts'
import { LONG_CHAIN, type MicroBenchmark, SHORT_CHAIN } from './micro-benchmarks.ts'

/** Least times of the two chains of a micro-benchmark. */
export interface ChainTime {
  readonly benchmark: MicroBenchmark
  readonly shortMs: number
  readonly longMs: number
}

/** What onnxruntime applies inside convolutions. */
export const HOST_FUSED = ['relu', 'relu6'] as const
const FUSION = { fusedActivations: new Set(HOST_FUSED) }

const POINTWISE: ModelForm['when'] = { kernelArea: [1, 1] }
/** Channels that fill whole blocks are pooled by a faster kernel. */
const POOLING: readonly ModelForm[] = [
  { when: { channelTail16: [0, 0] }, features: ['insideTapElements', 'outputs', 'one'] },
  { features: ['insideTapElements', 'outputs', 'one'] },
]
/** What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out. */
const FORMS: Partial<Record<KernelKind, readonly ModelForm[]>> = {
  dense: [{ features: ['weightElements', 'outputs', 'one'] }],
  relu: [{ features: ['outputs', 'one'] }],
  hardSwish: [{ features: ['outputs', 'one'] }],
  hardSigmoid: [{ features: ['outputs', 'one'] }],
  sigmoid: [{ features: ['outputs', 'one'] }],
  softmax: [{ features: ['outputs', 'one'] }],
  add: [{ features: ['outputs', 'one'] }],
  conv2d: [
    {
      when: POINTWISE,
      features: ['macs', 'macsBlocks8', 'macsBlocks16', 'inputs', 'outputs', 'weightElements', 'one'],
    },
    { features: ['macs', 'macsBlocks8', 'macsBlocks16', 'insideTapElements', 'outputs', 'weightElements', 'one'] },
  ],
  depthwiseConv2d: [{ features: ['macs', 'macsBlocks8', 'macsBlocks16', 'weightElements', 'outputs', 'one'] }],
  averagePool: POOLING,
  maxPool: POOLING,
  multiply: [{ features: ['outputs', 'one'] }],
  globalAveragePool: [{ features: ['inputs', 'outputs', 'one'] }],
  batchNorm: [{ features: ['outputs', 'one'] }],
}

/** Kinds that no chain can single out, and the measured kind that does the same work. */
const ALIKE: Partial<Record<KernelKind, { readonly like: KernelKind; readonly times: number; readonly why: string }>> =
  {
    relu6: { like: 'relu', times: 1, why: 'bounds each element, as relu does' },
    multiply: { like: 'add', times: 1, why: 'one operation on each pair of elements, as add' },
    concat: { like: 'add', times: 1, why: 'copies each element, at most what add takes' },
    expertCombine: { like: 'add', times: 2, why: 'a product and a sum for each element, as two additions' },
  }

function factsOf(kernel: Kernel): KernelFacts {
  const facts = emptyFacts()
  readFacts(kernel, facts)
  return facts
}

/** Kernels of one repetition, and its time in µs. */
function blockOf({ benchmark, shortMs, longMs }: ChainTime) {
  const { kernels } = scheduleOf(benchmark.build(LONG_CHAIN), FUSION)
  const us = (1000 * (longMs - shortMs)) / (LONG_CHAIN - SHORT_CHAIN)
  return { family: benchmark.name, facts: kernels.slice(-kernels.length / LONG_CHAIN).map(factsOf), us }
}

export interface HostTables {
  readonly tables: readonly ProfileTable[]
  readonly suites: readonly ReturnType<typeof fitTable>['suite'][]
}

/**
 * Tables of the host from the times of chains. Of a block with several kinds, those already fitted are subtracted; of
 * kernels of one kind each counts by its MACs (two convolutions there and back have the same).
 */
export function fitHostTables(chains: readonly ChainTime[], provenance: Provenance): HostTables {
  const blocks = chains.map(blockOf).filter(({ us }) => us > 0)
  const fitted = new Map<KernelKind, ReturnType<typeof fitTable>>()
  const tables = new Map<KernelKind, ProfileTable>()
  const compiled = new Map<KernelKind, CompiledTable>()
  const keep = (kind: KernelKind, table: ProfileTable): void => {
    tables.set(kind, table)
    compiled.set(kind, new CompiledTable(table))
  }
  const keepLike = (kind: KernelKind): void => {
    const table = tables.get(ALIKE[kind]?.like ?? kind)
    if (table !== undefined) keep(kind, likeTable(kind, table))
  }
  for (const [kind, forms] of Object.entries(FORMS) as [KernelKind, readonly ModelForm[]][]) {
    const measurements = blocks.flatMap(({ family, facts, us }): Measurement[] => {
      const own = facts.filter((one) => one.kind === kind)
      const others = facts.filter((one) => one.kind !== kind)
      if (own.length === 0 || others.some((one) => !compiled.has(one.kind))) return []
      const rest = us - others.reduce((sum, one) => sum + compiled.get(one.kind)!.lookup(one)!.cost, 0)
      const weightOf = (one: KernelFacts): number => Math.max(one.macs, 1)
      const all = own.reduce((sum, one) => sum + weightOf(one), 0)
      return rest > 0 ? own.map((one) => ({ facts: one, cost: (rest * weightOf(one)) / all, family, weight: 1 })) : []
    })
    if (measurements.length === 0) {
      keepLike(kind)
      continue
    }
    const fit = fitTable(kind, forms, measurements, provenance, `${kind} on left-out shapes`)
    fitted.set(kind, fit)
    keep(kind, fit.table)
  }
  for (const kind of Object.keys(ALIKE) as KernelKind[]) if (!tables.has(kind)) keepLike(kind)
  return { tables: [...tables.values()], suites: [...fitted.values()].map(({ suite }) => suite) }
}

function likeTable(kernel: KernelKind, { kernel: like, models }: ProfileTable): ProfileTable {
  const { times, why } = ALIKE[kernel]!
  return {
    kernel,
    models: models.map((model) => ({
      ...model,
      terms: model.terms.map(({ feature, coefficient }) => ({ feature, coefficient: coefficient * times })),
      coverage: {},
      error90: Math.max(model.error90, 0.4),
      provenance: { kind: 'derived', source: `${why}; priced from the measured ${like}` },
    })),
  }
}

/** What an inference costs beside its kernels, in µs: the middle of what short chains leave over. */
export function overheadUs(chains: readonly ChainTime[], tables: readonly ProfileTable[]): number {
  const compiled = new Map(tables.map((table) => [table.kernel, new CompiledTable(table)]))
  const left = chains
    .map(({ benchmark, shortMs }) => {
      const { kernels } = scheduleOf(benchmark.build(SHORT_CHAIN), FUSION)
      const costs = kernels.map((kernel) => compiled.get(kernel.kind)?.lookup(factsOf(kernel))?.cost ?? 0)
      return 1000 * shortMs - costs.reduce((sum, cost) => sum + cost, 0)
    })
    .sort((a, b) => a - b)
  return Math.max(left[Math.floor(left.length / 2)] ?? 0, 0)
}
