import type { Op, Shape } from './types.ts'

/** Names of custom kernels that normalise rows, and of those that do so with the sum of two operands. */
export const ROW_NORMS: readonly [ReadonlySet<string>, ReadonlySet<string>] = [
  new Set(['LayerNormalization', 'SimplifiedLayerNormalization', 'RMSNormalization']),
  new Set(['SkipLayerNormalization', 'SkipSimplifiedLayerNormalization']),
]

export const isRowNorm = (op: Op): boolean => op.kind === 'custom' && ROW_NORMS[0].has(op.name)

/** Makes a sum the norm of its rows, which also takes over the constants that the norm reads. */
export function normaliseSum(
  sum: { kind: string; op: Op; weightElements: number },
  shape: Shape,
  from: readonly number[],
  unread: number[],
): void {
  sum.kind = 'custom'
  sum.op = { kind: 'custom', name: 'SkipLayerNormalization', shape }
  for (const link of from) {
    sum.weightElements += unread[link] ?? 0
    unread[link] = 0
  }
}
