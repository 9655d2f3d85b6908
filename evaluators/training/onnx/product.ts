import { activationAttributes, type Epilogue } from './batch-lanes.ts'
import { FUSED_DOMAIN, type Value } from './emitter.ts'
import type { TrainingScope } from './training-scope.ts'

/** Rows of `W[groups·outputs, inputs] · columns[groups·inputs, batch·h·w]`: one product per group. */
export interface ProductSize {
  readonly groups: number
  readonly outputs: number
  readonly inputs: number
}

/**
 * How the groups' weight matrices meet their operand. When all groups read one shared operand, the matrices stand above
 * one another as one; that also sums the operand's gradient over the groups at no cost.
 */
export const productSize = (
  scope: TrainingScope,
  shared: boolean,
  size: { readonly outputs: number; readonly inputs: number },
): ProductSize =>
  shared ? { groups: 1, outputs: size.outputs * scope.groups, inputs: size.inputs } : { groups: scope.groups, ...size }

/** One matrix product per group: `[groups·m, k] × [groups·k, n]`, either operand transposed on request. */
export function product(
  scope: TrainingScope,
  groups: number,
  a: Value,
  b: Value,
  rows: { readonly a: number; readonly b: number; readonly result: number; readonly columns: number },
  transposed: 'none' | 'a' | 'b' = 'none',
): Value {
  const { emitter } = scope
  const split = (x: Value, length: number): Value =>
    emitter.reshape(x, groups === 1 ? [length, -1] : [groups, length, -1])
  const attributes = { transA: transposed === 'a' ? 1n : 0n, transB: transposed === 'b' ? 1n : 0n }
  const dims = groups === 1 ? [rows.result, rows.columns] : [groups, rows.result, rows.columns]
  const operands = [split(a, rows.a), split(b, rows.b)]
  const result = emitter.node('FusedMatMul', operands, { domain: FUSED_DOMAIN, attributes, dims })
  return emitter.reshape(result, [groups * rows.result, -1])
}

/** activation(W · columns + bias + sum) in one node: a pointwise convolution, one per group. */
export function productWithEpilogue(
  scope: TrainingScope,
  weights: Value,
  columns: Value,
  size: ProductSize,
  width: number,
  { bias, sum, activation = 'none' }: Epilogue,
): Value {
  const { emitter } = scope
  const { groups, outputs, inputs } = size
  const rows = groups * outputs
  const dims = [1, rows, 1, width]
  const operands = [
    emitter.reshape(columns, [1, groups * inputs, 1, width]),
    emitter.reshape(weights, [rows, inputs, 1, 1]),
    bias === undefined ? '' : emitter.reshape(bias, [rows]),
  ]
  if (sum !== undefined) operands.push(emitter.reshape(sum, dims))
  const attributes = { kernel_shape: [1n, 1n], group: BigInt(groups), ...activationAttributes(activation) }
  return emitter.reshape(emitter.node('FusedConv', operands, { domain: FUSED_DOMAIN, attributes, dims }), [rows, -1])
}
