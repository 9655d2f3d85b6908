import type { Kernel, KernelKind } from '../../network/schedule.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { OperatorSuite } from '../cases/cases.ts'
import { coefficientsOf } from '../coefficients.ts'
import { emptyFacts, FEATURES, type KernelFacts, readFacts } from '../features.ts'
import { fitTable, type Measurement, type ModelForm, type Provenance } from '../fit-table.ts'
import type { ProfileTable, TableModel } from '../profile.ts'
import { CompiledTable } from '../table.ts'
import type { MicroBenchmark } from './micro-benchmarks.ts'

/** Least times of the two chains of a micro-benchmark. */
export interface ChainTime {
  readonly benchmark: MicroBenchmark
  readonly shortMs: number
  readonly longMs: number
}

/** What onnxruntime applies inside convolutions without another pass over the result. */
export const HOST_FUSED = ['relu'] as const
const FUSION = { fusedActivations: new Set(HOST_FUSED) }

/** Channels that fill whole blocks are pooled by a faster kernel. */
const BLOCKED_MAPS: readonly ModelForm[] = [
  { when: { channelTail16: [0, 0] }, features: ['insideTapElements', 'outputs', 'one'] },
  { features: ['insideTapElements', 'outputs', 'one'] },
]
/** What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out. */
const PER_ELEMENT: readonly ModelForm[] = [{ features: ['outputs', 'one'] }]
const DEPTHWISE: readonly ModelForm[] = [
  { features: ['macs', 'macsBlocks8', 'macsBlocks16', 'insideMacs', 'weightElements', 'inputs', 'outputs', 'one'] },
]

/**
 * What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out; one that
 * stands twice is needed before all of its own can be.
 */
const FORMS: readonly (readonly [KernelKind, readonly ModelForm[]])[] = [
  ['dense', [{ features: ['weightElements', 'outputs', 'one'] }]],
  ['relu', PER_ELEMENT],
  ['hardSwish', PER_ELEMENT],
  ['hardSigmoid', PER_ELEMENT],
  ['sigmoid', PER_ELEMENT],
  ['softmax', PER_ELEMENT],
  ['depthwiseConv2d', DEPTHWISE],
  ['globalAveragePool', [{ features: ['inputs', 'outputs', 'one'] }]],
  ['depthwiseConv2d', DEPTHWISE],
  [
    'conv2d',
    [
      {
        when: { kernelArea: [1, 1] },
        features: ['macs', 'macsBlocks8', 'macsBlocks16', 'inputs', 'outputs', 'weightElements', 'one'],
      },
      // The first convolution of a network: too few channels for a block of them.
      { when: { inChannels: [1, 15] }, features: ['macs', 'insideTapElements', 'outputs', 'one'] },
      { features: ['macs', 'macsBlocks8', 'macsBlocks16', 'insideMacs', 'outputs', 'weightElements', 'one'] },
    ],
  ],
  ['averagePool', BLOCKED_MAPS],
  ['maxPool', BLOCKED_MAPS],
  ['relu6', PER_ELEMENT],
  ['add', PER_ELEMENT],
  ['concat', PER_ELEMENT],
  ['multiply', PER_ELEMENT],
  ['batchNorm', PER_ELEMENT],
]

/**
 * Products of a map with one factor for each channel, for which runtimes leave their layout of maps and come back; and of two
 * maps, which they merge into the function before it where they know the two as one (SiLU, GELU).
 */
const MULTIPLY_FORMS: readonly ModelForm[] = [
  { when: { broadcast: [1, 1] }, features: ['outputs', 'one'] },
  { when: { broadcast: [0, 0], kernelArea: [1, 1], dilation: [1, 1], grouped: [0, 0] }, features: ['outputs', 'one'] },
]

/** Convolutions in groups. Runtimes have fast kernels for groups that fill whole blocks of channels only. */
const GROUPED_FORMS: readonly ModelForm[] = [
  {
    when: { grouped: [1, 1], channelTail16: [0, 0] },
    features: ['macs', 'outputs', 'grouped'],
  },
  { when: { grouped: [1, 1] }, features: ['macs', 'insideTapElements', 'outputs', 'weightElements', 'grouped'] },
]

/** Convolutions whose window has gaps: most of it may lie outside a small map. */
const DILATED_FORMS: readonly ModelForm[] = [
  {
    when: { dilation: [2, 1e6], grouped: [0, 0] },
    features: ['insideMacs', 'outputs', 'weightElements', 'dilation', 'one'],
  },
]

const UNUSUAL_FORMS = [...GROUPED_FORMS, ...DILATED_FORMS, ...MULTIPLY_FORMS]

/** Kinds that no chain can single out, and the measured kind that does the same work. */
const ALIKE: Partial<Record<KernelKind, { readonly like: KernelKind; readonly times: number; readonly why: string }>> =
  {
    elementwise: { like: 'relu', times: 1.2, why: 'an operation on two operands, a fifth more than on one' },
    expertCombine: { like: 'relu', times: 2, why: 'a product and a sum for each element, as two passes' },
  }
/** A kernel that is merged into what comes before it takes no less than this share of the block. */
const LEAST_SHARE = 0.01
/** Of kernels that take next to nothing, because they are merged into others, no error is worth more. */
const MOST_ERROR90 = 1

function factsOf(kernel: Kernel): KernelFacts {
  const facts = emptyFacts()
  readFacts(kernel, facts)
  return facts
}

/** Kernels of one repetition, and its time in µs. */
function blockOf({ benchmark, shortMs, longMs }: ChainTime) {
  const [short, long] = benchmark.repeats
  const { kernels } = scheduleOf(benchmark.build(long), FUSION)
  const more = kernels.length - scheduleOf(benchmark.build(short), FUSION).kernels.length
  const end = kernels.length - benchmark.closing
  const us = (1000 * (longMs - shortMs)) / (long - short)
  return {
    subject: benchmark.subject,
    family: benchmark.name,
    facts: kernels.slice(end - more / (long - short), end).map(factsOf),
    us,
  }
}

export interface HostTables {
  readonly tables: readonly ProfileTable[]
  readonly suites: readonly OperatorSuite[]
}

/**
 * Tables of the host from the times of chains. Of a block with several kinds, those already fitted are subtracted; of
 * kernels of one kind each counts by its MACs (two convolutions there and back have the same).
 */
export function fitHostTables(chains: readonly ChainTime[], provenance: Provenance): HostTables {
  const blocks = chains.map(blockOf).filter(({ us }) => us > 0)
  const suites = new Map<KernelKind, OperatorSuite>()
  const tables = new Map<KernelKind, ProfileTable>()
  const compiled = new Map<KernelKind, CompiledTable>()
  const keep = (kind: KernelKind, table: ProfileTable): void => {
    tables.set(kind, table)
    compiled.set(kind, new CompiledTable(table))
  }
  const measured = (kind: KernelKind): readonly Measurement[] =>
    blocks.flatMap(({ subject, family, facts, us }): Measurement[] => {
      if (subject !== kind) return []
      const own = facts.filter((one) => one.kind === kind)
      const others = facts.filter((one) => one.kind !== kind)
      if (others.some((one) => !compiled.has(one.kind))) return []
      const rest = us - others.reduce((sum, one) => sum + compiled.get(one.kind)!.lookup(one)!.cost, 0)
      const weightOf = (one: KernelFacts): number => Math.max(one.macs, 1)
      const all = own.reduce((sum, one) => sum + weightOf(one), 0)
      const cost = Math.max(rest, LEAST_SHARE * us)
      return own.map((one) => ({ facts: one, cost: (cost * weightOf(one)) / all, family, weight: 1 }))
    })
  for (const [kind, forms] of FORMS) {
    const all = measured(kind)
    const [usual, unusual] = [all.filter(({ facts }) => !isUnusual(facts)), all.filter(({ facts }) => isUnusual(facts))]
    const special = unusual.length === 0 ? [] : fitTable(kind, UNUSUAL_FORMS, unusual, provenance, kind).table.models
    if (usual.length === 0) {
      if (special.length > 0) keep(kind, { kernel: kind, models: special.map(bounded) })
      continue
    }
    const { table, suite } = fitTable(kind, forms, usual, provenance, `${kind} on left-out shapes`)
    // Only the models hold what was timed of the unusual; the suite's folds leave them as they are.
    const fixed = coefficientsOf([{ kernel: kind, models: special }])
    const folds = suite.folds.map((fold) => ({ ...fold, coefficients: [...fixed, ...fold.coefficients] }))
    suites.set(kind, { ...suite, folds })
    keep(kind, { ...table, models: [...special, ...table.models].map(bounded) })
  }
  for (const kind of Object.keys(ALIKE) as KernelKind[]) {
    const like = tables.get(ALIKE[kind]!.like)
    if (like !== undefined) keep(kind, likeTable(kind, like))
  }
  return { tables: [...tables.values()], suites: [...suites.values()] }
}

/** A table's rows tell neither groups nor gaps nor factors from each other. */
const isUnusual = (facts: KernelFacts): boolean =>
  facts.dilation > 1 || facts.kind === 'multiply' || FEATURES.grouped(facts) === 1

const bounded = (model: TableModel): TableModel => ({ ...model, error90: Math.min(model.error90, MOST_ERROR90) })

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
      const { kernels } = scheduleOf(benchmark.build(benchmark.repeats[0]), FUSION)
      const costs = kernels.map((kernel) => compiled.get(kernel.kind)?.lookup(factsOf(kernel))?.cost ?? 0)
      return 1000 * shortMs - costs.reduce((sum, cost) => sum + cost, 0)
    })
    .sort((a, b) => a - b)
  return Math.max(left[Math.floor(left.length / 2)] ?? 0, 0)
}
