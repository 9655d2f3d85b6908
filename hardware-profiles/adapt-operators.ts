import { UserError } from '../lib/errors.ts'
import type { KernelKind } from '../network/schedule.ts'
import { percentile90Of } from './cases/statistics.ts'
import { coefficientsOf, withCoefficients } from './coefficients.ts'
import {
  fitTable,
  type Measurement,
  type ModelForm,
  measurement,
  type Provenance,
  tableRow,
  toTableDigits,
} from './fit-table.ts'
import type { OperatorRow } from './operator-measurements.ts'
import type { Profile, ProfileTable, ProfileValidation } from './profile.ts'
import { CompiledTable } from './table.ts'

/** So many kernels for each term of the base's model fit a model of their own; fewer only scale the base's. */
const ROWS_PER_TERM = 3
const LEAST_ERROR = 0.05

export interface AdaptedOperators {
  readonly profile: Profile
  /** Errors of kernels that were left out, by kind, where there were enough to leave some out. */
  readonly validation: readonly ProfileValidation[]
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}

/**
 * A base profile with kernels that were timed one by one on the user's device: kinds with many get models of their own in
 * the base's terms, kinds with few are scaled, and kinds with none by what the timed ones have in common. Timed kernels
 * are exact from then on; the base's own measured kernels, of another device, are dropped.
 * @throws UserError where the base cannot run any of the kinds.
 */
export function adaptOperators(base: Profile, rows: readonly OperatorRow[]): AdaptedOperators {
  const source = `${base.id} adapted to ${rows.length} kernels timed on the device`
  const provenance: Provenance = { kind: 'measured', source }
  const kinds = byKind(base, rows)
  const ratios = ratiosOf(base, kinds)
  if (ratios.size === 0) throw new UserError(`${base.id} has no table for any of the operators; give another --base`)
  const common = median([...ratios.values()].map(median))
  const validation: ProfileValidation[] = []
  const tables = base.tables.map((table): ProfileTable => {
    const measured = kinds.get(table.kernel) ?? []
    const forms = formsOf(table)
    if (forms !== undefined && measured.length >= ROWS_PER_TERM * termsOf(forms)) {
      const fit = fitTable(table.kernel, forms, measured, provenance, `${table.kernel} kernels on the device`)
      validation.push(fit.validation)
      return fit.table
    }
    const own = ratios.get(table.kernel)
    return own === undefined
      ? scaledTable(
          table,
          common,
          { kind: 'derived', source: `${source}; none of this kind: scaled as the others` },
          0.3,
        )
      : withRows(scaledTable(table, median(own), provenance, spreadOf(own)), measured)
  })
  return {
    profile: { ...base, inferenceOverhead: toTableDigits(base.inferenceOverhead * common), tables, notes: [source] },
    validation,
  }
}

/** Kernels by kind, their times in the base's unit. */
function byKind(base: Profile, rows: readonly OperatorRow[]): ReadonlyMap<KernelKind, readonly Measurement[]> {
  const unitsPerMs = base.latencyUnit === 'cycles' ? base.clockHz / 1000 : 1000
  const kinds = new Map<KernelKind, Measurement[]>()
  for (const { kind, shape, latencyMs } of rows) {
    const found = measurement(kind, shape, latencyMs * unitsPerMs, shape.slice(0, 8).join('x'))
    kinds.set(kind, [...(kinds.get(kind) ?? []), found])
  }
  return kinds
}

/** Measured over what the base's models say, for the kinds that it has tables for. */
function ratiosOf(
  base: Profile,
  kinds: ReadonlyMap<KernelKind, readonly Measurement[]>,
): ReadonlyMap<KernelKind, readonly number[]> {
  const ratios = new Map<KernelKind, readonly number[]>()
  for (const { kernel, models } of base.tables) {
    const model = new CompiledTable({ kernel, models })
    const own = (kinds.get(kernel) ?? []).flatMap(({ facts, cost }) => {
      const expected = model.lookup(facts)?.cost ?? 0
      return expected > 0 ? [cost / expected] : []
    })
    if (own.length > 0) ratios.set(kernel, own)
  }
  return ratios
}

/** How differently a base's kernels would have to be scaled to be those timed: mean |ln| around the middle; lower is nearer. */
export function operatorSpread(base: Profile, rows: readonly OperatorRow[]): number {
  const logs = [...ratiosOf(base, byKind(base, rows)).values()].flat().map(Math.log)
  if (logs.length < rows.length) return Number.MAX_VALUE
  const middle = median(logs)
  return logs.reduce((sum, value) => sum + Math.abs(value - middle), 0) / logs.length
}

const spreadOf = (ratios: readonly number[]): number => {
  const middle = median(ratios)
  return Math.max(percentile90Of(ratios.map((ratio) => ratio / middle - 1)), LEAST_ERROR)
}

/** The base's terms to fit anew; undefined for a roofline, whose parts cannot be told apart by kernels alone. */
function formsOf({ models }: ProfileTable): readonly ModelForm[] | undefined {
  if (
    models.some(({ floor, compute, memory }) => floor !== undefined || compute !== undefined || memory !== undefined)
  ) {
    return undefined
  }
  return models.map(({ when, terms }) => ({
    ...(when === undefined ? {} : { when }),
    features: [...new Set(terms.map(({ feature }) => feature))],
  }))
}

const termsOf = (forms: readonly ModelForm[]): number => forms.reduce((sum, { features }) => sum + features.length, 0)

function scaledTable(table: ProfileTable, scale: number, provenance: Provenance, error: number): ProfileTable {
  const spec: ProfileTable = { kernel: table.kernel, models: table.models }
  const [scaled] = withCoefficients(
    [spec],
    coefficientsOf([spec]).map((value) => toTableDigits(value * scale)),
  )
  return {
    ...scaled!,
    models: scaled!.models.map((model) => ({ ...model, error90: Math.min(model.error90 + error, 10), provenance })),
  }
}

const withRows = (table: ProfileTable, measured: readonly Measurement[]): ProfileTable => ({
  ...table,
  rows: measured.flatMap(tableRow),
})
