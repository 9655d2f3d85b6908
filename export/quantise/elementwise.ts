import { clampTo, quantiseMultiplier, scaleBy } from './fixed-point.ts'
import type { QuantisedAdd } from './types.ts'

export const ADD_SHIFT = 20

/**
 * Fixed-point factors of TFLite ADD: operands are brought to 2^20 · scale ÷ (2 · largest scale), so that a sum of two
 * cannot overflow.
 */
export function addOperands(
  scales: readonly [number, number],
  outputScale: number,
): Pick<QuantisedAdd, 'leftShift' | 'operands' | 'result'> {
  const common = Math.max(...scales) * 2
  return {
    leftShift: ADD_SHIFT,
    operands: scales.map((scale) => quantiseMultiplier(scale / common)),
    result: quantiseMultiplier(common / (2 ** ADD_SHIFT * outputScale)),
  }
}

/** One element of TFLite ADD. `values` are q − zero point. */
export function addValue(
  { leftShift, operands, result, clamp }: Pick<QuantisedAdd, 'leftShift' | 'operands' | 'result' | 'clamp'>,
  values: readonly number[],
  zeroPoint: number,
): number {
  let sum = 0
  for (let i = 0; i < operands.length; i++) {
    const { multiplier, shift } = operands[i]!
    sum += scaleBy(values[i]! * 2 ** leftShift, multiplier, shift)
  }
  return clampTo(scaleBy(sum, result.multiplier, result.shift) + zeroPoint, clamp[0], clamp[1])
}
