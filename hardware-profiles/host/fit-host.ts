import type { Kernel, KernelKind } from '../../network/schedule.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { UNARY_FUNCTIONS } from '../../network/types.ts'
import type { OperatorSuite } from '../cases/cases.ts'
import { coefficientsOf } from '../coefficients.ts'
import { emptyFacts, FEATURES, type KernelFacts, readFacts } from '../features.ts'
import { applies, fitTable, type Measurement, type ModelForm, type Provenance } from '../fit-table.ts'
import type { ProfileTable, TableModel } from '../profile.ts'
import { CompiledTable } from '../table.ts'
import { FEW_WEIGHTS, type MicroBenchmark, TIMED_FUNCTIONS } from './micro-benchmarks.ts'
import { withSteadyWeights } from './steady-weights.ts'

/** Least times of the two chains of a micro-benchmark. */
export interface ChainTime {
  readonly benchmark: MicroBenchmark
  readonly shortMs: number
  readonly longMs: number
}

/** What onnxruntime applies inside convolutions without another pass over the result. */
export const HOST_FUSED = ['relu'] as const
const FUSION = { fusedActivations: new Set(HOST_FUSED), mergesSums: true }

/** Channels that fill whole blocks are pooled by a faster kernel. */
const BLOCKED_MAPS: readonly ModelForm[] = [
  { when: { channelTail16: [0, 0] }, features: ['insideTapElements', 'outputs', 'one'] },
  { features: ['insideTapElements', 'outputs', 'one'] },
]
/** What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out. */
const PER_ELEMENT: readonly ModelForm[] = [{ features: ['outputs', 'one'] }]
/** Channels that runtimes do not lay out in blocks: windows are copied and multiplied. */
const ODD_CHANNELS: ModelForm['when'] = { channelTail4: [1, 3] }
const DEPTHWISE: readonly ModelForm[] = [
  { when: ODD_CHANNELS, features: ['groupTapElements', 'outputs', 'inChannels', 'one'] },
  { features: ['macs', 'macsBlocks8', 'macsBlocks16', 'insideMacs', 'weightElements', 'inputs', 'outputs', 'one'] },
]

/**
 * What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out; one that
 * stands twice is needed before all of its own can be.
 */
const FORMS: readonly (readonly [KernelKind, readonly ModelForm[]])[] = [
  [
    'dense',
    [
      { when: { weightElements: [0, FEW_WEIGHTS] }, features: ['weightElements', 'outputs', 'one'] },
      { features: ['weightElements', 'outputs', 'one'] },
    ],
  ],
  ['relu', PER_ELEMENT],
  ['hardSwish', PER_ELEMENT],
  ['hardSigmoid', PER_ELEMENT],
  ['sigmoid', PER_ELEMENT],
  ['softmax', [{ features: ['outputs', 'pixels', 'one'] }]],
  ['depthwiseConv2d', DEPTHWISE],
  ['globalAveragePool', [{ features: ['inputs', 'outputs', 'one'] }]],
  ['depthwiseConv2d', DEPTHWISE],
  [
    'conv2d',
    [
      // Vectors, as squeeze and excitation has them: reading the weights is all.
      { when: { pixels: [1, 1], kernelArea: [1, 1] }, features: ['weightElements', 'inputs', 'outputs', 'one'] },
      // Too few channels for a block of them, as in the first convolution of a network.
      { when: { inChannels: [1, 15] }, features: ['macs', 'insideTapElements', 'inputs', 'outputs', 'one'] },
      { when: ODD_CHANNELS, features: ['macs', 'insideTapElements', 'inputs', 'outputs', 'one'] },
      {
        when: { kernelArea: [1, 1] },
        features: ['macs', 'macsBlocks8', 'macsBlocks16', 'inputs', 'outputs', 'weightElements', 'one'],
      },
      { features: ['macs', 'macsBlocks8', 'macsBlocks16', 'insideMacs', 'outputs', 'weightElements', 'one'] },
    ],
  ],
  ['averagePool', BLOCKED_MAPS],
  ['maxPool', BLOCKED_MAPS],
  ['relu6', PER_ELEMENT],
  ['add', PER_ELEMENT],
  ['concat', [{ when: { channelTail16: [0, 0] }, features: ['outputs', 'one'] }, { features: ['outputs', 'one'] }]],
  ['multiply', []],
  ['unary', []],
  ['transposeConv2d', []],
  ['custom', []],
  ['batchNorm', PER_ELEMENT],
]

/** On a sequence no kernel of maps runs: windows are copied and multiplied. */
const LINE: ModelForm = {
  when: { line: [1, 1] },
  features: ['macs', 'groupTapElements', 'weightElements', 'groups', 'outputs', 'one'],
}

const POOLED_LINE: ModelForm = { when: { line: [1, 1] }, features: ['insideTapElements', 'outputs', 'one'] }

/**
 * Forms of what a table's rows cannot tell from each other, by kind: convolutions in groups, for which runtimes have fast
 * kernels where the groups fill whole blocks of channels; those whose window has gaps, most of which may lie outside a small map;
 * products of a map with one factor for each channel, for which runtimes leave their layout of maps and come back, and of two
 * maps, which they merge into the function before where the two are one (SiLU, GELU); recurrent kernels.
 */
const UNUSUAL_FORMS: Partial<Record<KernelKind, readonly ModelForm[]>> = {
  conv2d: [
    LINE,
    {
      when: { grouped: [1, 1], channelTail16: [0, 0] },
      features: ['macs', 'inputs', 'outputs', 'weightElements', 'grouped'],
    },
    {
      when: { grouped: [1, 1] },
      features: ['macs', 'groupTapElements', 'groups', 'outputs', 'weightElements', 'grouped'],
    },
    { when: { dilation: [2, 1e6] }, features: ['insideMacs', 'outputs', 'weightElements', 'dilation', 'one'] },
  ],
  depthwiseConv2d: [LINE],
  multiply: [{ when: { broadcast: [1, 1] }, features: ['outputs', 'one'] }, { features: ['outputs', 'one'] }],
  unary: TIMED_FUNCTIONS.map((name) => {
    const place = 1 + UNARY_FUNCTIONS.indexOf(name)
    return { when: { elementFunction: [place, place] }, features: ['outputs', 'one'] }
  }),
  transposeConv2d: [{ features: ['macs', 'inputs', 'outputs', 'weightElements', 'one'] }],
  averagePool: [POOLED_LINE],
  maxPool: [POOLED_LINE],
  custom: [
    ...[1, 3, 4].map(
      (gates): ModelForm => ({
        when: { steps: [1, 1e9], gates: [gates, gates] },
        features: ['macs', 'steps', 'stepElements', 'one'],
      }),
    ),
    ...[1, 2].map(
      (place): ModelForm => ({ when: { rowNorm: [place, place] }, features: ['outputs', 'pixels', 'one'] }),
    ),
  ],
}

interface Alike {
  readonly like: KernelKind
  readonly times: number
  readonly why: string
}

/**
 * Kinds that are not timed, and the measured kind whose work is like theirs. How many times as long they take was seen on a
 * ViT, a ShuffleNet and a small transformer: there they read and write maps that other kernels have just driven from the caches.
 */
const ALIKE: Partial<Record<KernelKind, Alike>> = {
  elementwise: { like: 'relu', times: 2.4, why: 'an operation on two operands that lie apart' },
  transpose: { like: 'relu', times: 2.5, why: 'each element, but not one after the other' },
  slice: { like: 'concat', times: 2.4, why: 'a copy of rows, of which each has to be found' },
  split: { like: 'concat', times: 2.4, why: 'a copy of rows, of which each has to be found' },
  unary: { like: 'sigmoid', times: 1.7, why: 'a function of each element that takes longer (GELU)' },
  expertCombine: { like: 'relu', times: 2, why: 'a product and a sum for each element, as two passes' },
}
/** Least relative half-width of the 90 % interval of such kinds. */
const ALIKE_ERROR90 = 0.6
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
      // What is left over is as uncertain as the whole block is.
      const weight = (cost / us) ** 2
      return own.map((one) => ({ facts: one, cost: (cost * weightOf(one)) / all, family, weight }))
    })
  for (const [kind, forms] of FORMS) {
    const all = measured(kind)
    const [usual, unusual] = [all.filter(({ facts }) => !isUnusual(facts)), all.filter(({ facts }) => isUnusual(facts))]
    const special = unusualModels(kind, unusual, provenance)
    if (usual.length === 0) {
      if (special.length > 0) keep(kind, { kernel: kind, models: special.map(bounded) })
      continue
    }
    const { table, suite } = fitTable(
      kind,
      forms,
      withSteadyWeights(forms, usual),
      provenance,
      `${kind} on left-out shapes`,
    )
    // Only the models hold what was timed of the unusual; the suite's folds leave them as they are.
    const fixed = coefficientsOf([{ kernel: kind, models: special }])
    const folds = suite.folds.map((fold) => ({ ...fold, coefficients: [...fixed, ...fold.coefficients] }))
    suites.set(kind, { ...suite, folds })
    keep(kind, { ...table, models: [...special, ...table.models].map(bounded) })
  }
  for (const kind of Object.keys(ALIKE) as KernelKind[]) {
    const like = tables.get(ALIKE[kind]!.like)
    if (like === undefined) continue
    const rest = likeTable(kind, like)
    keep(kind, { ...rest, models: [...(tables.get(kind)?.models ?? []), ...rest.models] })
  }
  return { tables: [...tables.values()], suites: [...suites.values()] }
}

/** Models of what rows cannot tell from each other: each form is fitted on its own kernels. */
function unusualModels(kind: KernelKind, all: readonly Measurement[], provenance: Provenance): TableModel[] {
  const forms = UNUSUAL_FORMS[kind] ?? []
  return forms.flatMap((form) => {
    const own = all.filter(({ facts }) => forms.find(({ when }) => applies(when, facts)) === form)
    return own.length === 0 ? [] : fitTable(kind, [form], withSteadyWeights([form], own), provenance, kind).table.models
  })
}

/** Kinds of which a table's rows tell nothing. */
const WITHOUT_ROWS: ReadonlySet<KernelKind> = new Set(['multiply', 'unary', 'transposeConv2d', 'custom'])

const isUnusual = (facts: KernelFacts): boolean =>
  WITHOUT_ROWS.has(facts.kind) || facts.dilation > 1 || FEATURES.grouped(facts) === 1 || FEATURES.line(facts) === 1

const bounded = (model: TableModel): TableModel => ({ ...model, error90: Math.min(model.error90, MOST_ERROR90) })

function likeTable(kernel: KernelKind, { kernel: like, models }: ProfileTable): ProfileTable {
  const { times, why } = ALIKE[kernel]!
  return {
    kernel,
    models: models.map((model) => ({
      ...model,
      terms: model.terms.map(({ feature, coefficient }) => ({ feature, coefficient: coefficient * times })),
      coverage: {},
      error90: Math.max(model.error90, ALIKE_ERROR90),
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
