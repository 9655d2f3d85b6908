import { UserError } from '../lib/errors.ts'
import type { Profile } from './profile.ts'

type Table = Profile['tables'][number]
const PARTS = ['terms', 'floor', 'compute', 'memory'] as const

/** Every coefficient of tables, in their order: terms, floor, compute and memory of each model. */
export const coefficientsOf = (tables: readonly Table[]): number[] =>
  tables.flatMap(({ models }) =>
    models.flatMap((model) => PARTS.flatMap((part) => (model[part] ?? []).map(({ coefficient }) => coefficient))),
  )

/** Tables with other coefficients, given as `coefficientsOf` lists them. @throws UserError when their number differs. */
export function withCoefficients(tables: readonly Table[], coefficients: readonly number[]): Table[] {
  let next = 0
  const replaced = tables.map((table) => ({
    ...table,
    models: table.models.map((model) => {
      const parts = PARTS.flatMap((part) => {
        const terms = model[part]
        if (terms === undefined) return []
        return [[part, terms.map(({ feature }) => ({ feature, coefficient: coefficients[next++] ?? 0 }))] as const]
      })
      return { ...model, ...Object.fromEntries(parts) }
    }),
  }))
  if (next !== coefficients.length) {
    throw new UserError(`a fold has ${coefficients.length} coefficients; its tables need ${next}`)
  }
  return replaced
}
