import type { Kernel, KernelKind } from '../../network/schedule.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { OperatorSuite } from '../cases/cases.ts'
import { coefficientsOf } from '../coefficients.ts'
import { emptyFacts, FEATURES, type KernelFacts, readFacts } from '../features.ts'
import { applies, fitTable, type Measurement, type ModelForm, type Provenance } from '../fit-table.ts'
import type { ProfileTable, TableModel } from '../profile.ts'
import { CompiledTable } from '../table.ts'
import type { Alike, HostForms } from './float-forms.ts'
import type { MicroBenchmark } from './micro-benchmarks.ts'
import { withSteadyWeights } from './steady-weights.ts'

/** Least times of the two chains of a micro-benchmark. */
export interface ChainTime {
  readonly benchmark: MicroBenchmark
  readonly shortMs: number
  readonly longMs: number
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

/** How onnxruntime merges kernels. */
const fusionOf = ({ fused }: HostForms) => ({ fusedActivations: new Set(fused), mergesSums: true })

/** Kernels of one repetition, and its time in µs. */
function blockOf({ benchmark, shortMs, longMs }: ChainTime, forms: HostForms) {
  const fusion = fusionOf(forms)
  const [short, long] = benchmark.repeats
  const { kernels } = scheduleOf(benchmark.build(long), fusion)
  const more = kernels.length - scheduleOf(benchmark.build(short), fusion).kernels.length
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
export function fitHostTables(chains: readonly ChainTime[], provenance: Provenance, host: HostForms): HostTables {
  const { alike } = host
  const blocks = chains.map((chain) => blockOf(chain, host)).filter(({ us }) => us > 0)
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
  for (const [kind, forms] of host.forms) {
    const all = measured(kind)
    const [usual, unusual] = [all.filter(({ facts }) => !isUnusual(facts)), all.filter(({ facts }) => isUnusual(facts))]
    const special = unusualModels(kind, host.unusual[kind] ?? [], unusual, provenance)
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
  for (const kind of Object.keys(alike) as KernelKind[]) {
    const like = tables.get(alike[kind]!.like)
    if (like === undefined) continue
    const rest = likeTable(kind, like, alike[kind]!)
    keep(kind, { ...rest, models: [...(tables.get(kind)?.models ?? []), ...rest.models] })
  }
  return { tables: [...tables.values()], suites: [...suites.values()] }
}

/** Models of what rows cannot tell from each other: each form is fitted on its own kernels. */
function unusualModels(
  kind: KernelKind,
  forms: readonly ModelForm[],
  all: readonly Measurement[],
  provenance: Provenance,
): TableModel[] {
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

function likeTable(kernel: KernelKind, { kernel: like, models }: ProfileTable, { times, why }: Alike): ProfileTable {
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
export function overheadUs(chains: readonly ChainTime[], tables: readonly ProfileTable[], forms: HostForms): number {
  const compiled = new Map(tables.map((table) => [table.kernel, new CompiledTable(table)]))
  const left = chains
    .map(({ benchmark, shortMs }) => {
      const { kernels } = scheduleOf(benchmark.build(benchmark.repeats[0]), fusionOf(forms))
      const costs = kernels.map((kernel) => compiled.get(kernel.kind)?.lookup(factsOf(kernel))?.cost ?? 0)
      return 1000 * shortMs - costs.reduce((sum, cost) => sum + cost, 0)
    })
    .sort((a, b) => a - b)
  return Math.max(left[Math.floor(left.length / 2)] ?? 0, 0)
}
