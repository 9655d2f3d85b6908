import { withCoefficients } from '../coefficients.ts'
import { type Profile, type ProfileTable, ROW_LENGTH } from '../profile.ts'
import { CompiledTable, factsOfRow, rowKey } from '../table.ts'
import type { LayerSuite } from './cases.ts'
import type { Comparison } from './statistics.ts'

/**
 * Networks as sums of their kernels, each network with the coefficients of its fold and without the measured rows of any
 * kernel that the fold's networks have.
 */
export function compareLayers(profile: Profile, { folds, cases }: LayerSuite): readonly Comparison[] {
  const unitMs = profile.latencyUnit === 'cycles' ? 1000 / profile.clockHz : 1e-3
  return folds.flatMap((fold, number) => {
    const own = cases.filter((one) => one.fold === number)
    const known = new Set(own.flatMap(({ kernels }) => kernels.map(({ kind, row }) => keyOf(kind, row))))
    const tables = new Map(
      withCoefficients(profile.tables, fold.coefficients).map((table) => [
        table.kernel,
        new CompiledTable(withoutRows(table, known)),
      ]),
    )
    return own.map(({ name, measured, kernels }): Comparison => {
      let predicted = profile.inferenceOverhead * unitMs
      let variance = 0
      for (const { kind, row } of kernels) {
        const answer = tables.get(kind)?.lookup(factsOfRow(kind, row))
        if (answer === undefined) continue
        predicted += answer.cost * unitMs
        variance += (answer.cost * unitMs * answer.error90) ** 2
      }
      const error = Math.sqrt(variance + (predicted * profile.systematicError90) ** 2)
      return { name, measured, predicted, covered: Math.abs(measured - predicted) <= error }
    })
  })
}

const keyOf = (kind: ProfileTable['kernel'], row: readonly number[]): string =>
  `${kind} ${rowKey(factsOfRow(kind, row))}`

function withoutRows(table: ProfileTable, known: ReadonlySet<string>): ProfileTable {
  if (table.rows === undefined) return table
  const rows: number[] = []
  for (let start = 0; start < table.rows.length; start += ROW_LENGTH) {
    const row = table.rows.slice(start, start + ROW_LENGTH)
    if (!known.has(keyOf(table.kernel, row))) rows.push(...row)
  }
  return { ...table, rows }
}
