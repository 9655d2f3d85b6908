import type { FeatureName } from '../../hardware-profiles/features.ts'
import { toTableDigits } from '../../hardware-profiles/fit-table.ts'
import type { ProfileTable, TableModel } from '../../hardware-profiles/profile.ts'
import type { KernelKind } from '../../network/schedule.ts'

/** A table of one documented rule, without measured rows. */
export function ruleTable(
  kernel: KernelKind,
  rule: Partial<Record<FeatureName, number>>,
  source: string,
  error90: number,
  extra: Partial<Pick<TableModel, 'fallback' | 'powerMw' | 'coverage'>> = {},
): ProfileTable {
  const terms = Object.entries(rule).map(([feature, coefficient]) => ({
    feature: feature as FeatureName,
    coefficient: toTableDigits(coefficient),
  }))
  return { kernel, models: [{ terms, coverage: {}, error90, provenance: { kind: 'derived', source }, ...extra }] }
}

/** Coefficient of a feature in the first model of a table. */
export function coefficientOf(table: ProfileTable, feature: FeatureName, model = 0): number {
  return table.models[model]?.terms.find((term) => term.feature === feature)?.coefficient ?? 0
}
