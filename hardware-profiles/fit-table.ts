import type { KernelKind } from '../network/schedule.ts'
import type { Fold, OperatorSuite } from './cases/cases.ts'
import { percentile90Of } from './cases/statistics.ts'
import { coefficientsOf } from './coefficients.ts'
import { FEATURES, type FeatureName, type KernelFacts } from './features.ts'
import { BRANCHES, type Branches, branchFeatures, fitBranches } from './fit-branches.ts'
import { fitNonNegative } from './least-squares.ts'
import { type ProfileTable, type ProfileValidation, ROW_LENGTH, type TableModel } from './profile.ts'
import { CompiledTable, factsOfRow, fitsRow, rowKey } from './table.ts'

export type Provenance = TableModel['provenance']

/** One measured kernel. Kernels of one `family` are left out together in cross-validation. */
export interface Measurement {
  readonly facts: KernelFacts
  readonly cost: number
  readonly family: string
  /** Weight in the fit; less than 1 where the clock that measured it was coarse. */
  readonly weight: number
}

export interface ModelForm {
  readonly when?: TableModel['when']
  readonly features: readonly FeatureName[]
  /** What runs beside each other, on top of the features: the longest counts. */
  readonly branches?: Branches
}

/** What the coverage of a model is stated in. */
export const COVERED: readonly FeatureName[] = ['reduction', 'outChannels', 'pixels', 'kernelArea', 'strideArea']
/** As much as a profile may state. */
const MAX_ERROR90 = 10
export const toTableDigits = (value: number): number => Number(value.toPrecision(5))

/** Mean, share within 15 % and worst of absolute relative errors. */
export function summarise(errors: readonly number[]): Pick<ProfileValidation, 'cases' | 'mape' | 'within15' | 'worst'> {
  const absolute = errors.map(Math.abs)
  const { length } = absolute
  return {
    cases: length,
    mape: toTableDigits(absolute.reduce((sum, error) => sum + error, 0) / Math.max(length, 1)),
    within15: toTableDigits(absolute.filter((error) => error <= 0.15).length / Math.max(length, 1)),
    worst: toTableDigits(Math.max(0, ...absolute)),
  }
}

/** Whether a model's conditions hold for a kernel. */
export function applies(when: TableModel['when'], facts: KernelFacts): boolean {
  return Object.entries(when ?? {}).every(([name, bounds]) => {
    const value = FEATURES[name as FeatureName](facts)
    return bounds !== undefined && value >= bounds[0] && value <= bounds[1]
  })
}

/** A measured kernel as a row of a profile. */
export const tableRow = ({ facts: f, cost }: Measurement): number[] => [
  ...[f.inHeight, f.inWidth, f.inChannels, f.outChannels, f.kernelHeight, f.kernelWidth],
  ...[f.strideHeight, f.strideWidth, f.same, f.operands, toTableDigits(cost)],
]

const termsFrom = (features: readonly FeatureName[], coefficients: readonly number[]): TableModel['terms'] =>
  features.map((feature, i) => ({ feature, coefficient: toTableDigits(coefficients[i]!) }))

/** Terms of a form, and its branches. */
function fitForm(
  { features, branches }: ModelForm,
  own: readonly Measurement[],
): Pick<TableModel, 'terms' | 'floor' | 'compute' | 'memory'> {
  const kernels = own.map(({ facts }) => facts)
  const costs = own.map(({ cost }) => cost)
  const weights = own.map(({ weight }) => weight)
  if (branches === undefined) {
    const design = kernels.map((facts) => features.map((name) => FEATURES[name](facts)))
    return { terms: termsFrom(features, fitNonNegative(design, costs, weights)) }
  }
  const fitted = fitBranches(features, branches, kernels, costs, weights)
  const names = BRANCHES.filter((name) => branches[name] !== undefined)
  return {
    terms: termsFrom(features, fitted.terms),
    ...Object.fromEntries(
      names.map((name, at) => [name, termsFrom(branchFeatures(branches[name]), fitted.branches[at]!)]),
    ),
  }
}

function tableFrom(
  kernel: KernelKind,
  forms: readonly ModelForm[],
  measurements: readonly Measurement[],
  provenance: Provenance,
  error90: readonly number[],
): ProfileTable {
  const models: TableModel[] = []
  const rows: number[] = []
  forms.forEach((form, at) => {
    const own = measurements.filter(({ facts }) => forms.findIndex(({ when }) => applies(when, facts)) === at)
    if (own.length === 0) return
    const covered = COVERED.map((name) => {
      const values = own.map(({ facts }) => FEATURES[name](facts))
      return [name, [Math.min(...values), Math.max(...values)]] as const
    })
    models.push({
      ...(form.when === undefined ? {} : { when: form.when }),
      ...fitForm(form, own),
      coverage: Object.fromEntries(covered) as TableModel['coverage'],
      error90: Math.min(error90[at] ?? 0, MAX_ERROR90),
      provenance,
    })
    if (fitsRow(kernel)) for (const measurement of own) rows.push(...tableRow(measurement))
  })
  return { kernel, models, rows }
}

/**
 * Fits one operator's table and measures its error on shape families that were left out (ten folds of families).
 * Rows of the same shape are averaged first, so that no left-out row is known exactly.
 */
export function fitTable(
  kernel: KernelKind,
  forms: readonly ModelForm[],
  all: readonly Measurement[],
  provenance: Provenance,
  name: string,
): { readonly table: ProfileTable; readonly validation: ProfileValidation; readonly suite: OperatorSuite } {
  const measurements = averageRepeats(all)
  const families = [...new Set(measurements.map(({ family }) => family))].sort()
  const folds = Math.min(10, families.length)
  const errors: { error: number; ofAnswer: number; form: number }[] = []
  const fitted: Fold[] = []
  for (let fold = 0; fold < folds; fold++) {
    const out = new Set(families.filter((_, i) => i % folds === fold))
    const train = measurements.filter(({ family }) => !out.has(family))
    const spec = tableFrom(kernel, forms, train.length === 0 ? measurements : train, provenance, [])
    fitted.push({ coefficients: coefficientsOf([spec]) })
    if (train.length === 0) continue
    const table = new CompiledTable(spec)
    for (const { facts, cost, family } of measurements) {
      if (!out.has(family)) continue
      const answer = table.lookup(facts)
      if (answer === undefined) continue
      const form = forms.findIndex(({ when }) => applies(when, facts))
      errors.push({ error: answer.cost / cost - 1, ofAnswer: cost / answer.cost - 1, form })
    }
  }
  const error90 = forms.map((_, at) =>
    // An interval is stated around the answer: what counts is how far the measurement lies from that.
    percentile90Of(errors.filter(({ form }) => form === at).map(({ ofAnswer }) => ofAnswer)),
  )
  const formOf = ({ facts }: Measurement): number => forms.findIndex(({ when }) => applies(when, facts))
  // The rows of a table stand in the order of its models.
  const inOrder = forms.flatMap((_, at) => measurements.filter((measurement) => formOf(measurement) === at))
  const table = tableFrom(kernel, forms, measurements, provenance, error90)
  return {
    table,
    suite: {
      kind: 'operators',
      kernel,
      name: `${kernel} cycles`,
      method: `${folds}-fold cross-validation; whole families of ${families.length} are left out`,
      source: provenance.source,
      leftOut: families.length > 1,
      folds: fitted,
      rowFolds: inOrder.map(({ family }) => families.indexOf(family) % Math.max(folds, 1)),
    },
    validation: {
      name,
      quantity: 'operatorLatency',
      method: `${folds}-fold cross-validation; whole shape families are left out (${families.length} families)`,
      ...summarise(errors.map(({ error }) => error)),
    },
  }
}

function averageRepeats(all: readonly Measurement[]): readonly Measurement[] {
  const groups = new Map<string, Measurement[]>()
  for (const measurement of all) {
    const key = rowKey(measurement.facts)
    groups.set(key, [...(groups.get(key) ?? []), measurement])
  }
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    cost: group.reduce((sum, { cost }) => sum + cost, 0) / group.length,
  }))
}

/** A measured kernel from its window and shapes, with facts as pricing will compute them. */
export function measurement(
  kind: KernelKind,
  row: readonly number[],
  cost: number,
  family: string,
  weight = 1,
): Measurement {
  if (row.length !== ROW_LENGTH - 1) throw new Error(`a kernel needs ${ROW_LENGTH - 1} numbers, not ${row.length}`)
  return { facts: factsOfRow(kind, row), cost, family, weight }
}
