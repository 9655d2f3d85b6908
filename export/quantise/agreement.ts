import { roundEven } from '../../lib/round-even.ts'
import { ADD_SHIFT, addOperands } from './elementwise.ts'
import { INT8_MAX, INT8_MIN, quantiseMultiplier, scaleBy } from './fixed-point.ts'
import type { Clamp, Multiplier, Quantisation } from './types.ts'

/**
 * Two arithmetics bring sums back to int8: fixed point with factors of 31 bits and halves upwards (TFLite's, ours), and
 * single precision with halves to even (XNNPACK's, ONNX Runtime's). They can only differ beside halves. Scales are chosen so
 * that no integer lies in between, where that can be had: a hair's breadth off the range decides it.
 */

/** Scales that are tried, each 2^-23 (of weights) or 2^-18 (of activations) of itself above the one before. */
const TRIES = 48
const WEIGHT_STEP = 2 ** -23
const ACTIVATION_STEP = 2 ** -18

/** Sums beyond are not looked at: no network has them, and single precision does not hold them. */
const LARGEST_SUM = 2 ** 24

const single = Math.fround

/** A real factor, and what both arithmetics make of it. */
export interface Factor {
  readonly real: number
  readonly fixed: Multiplier
  /** A sum times the factor, rounded as in single precision. */
  readonly rounded: (sum: number) => number
}

/** Times a factor in single precision. */
const times =
  (factor: number) =>
  (sum: number): number =>
    roundEven(single(single(sum) * factor))

/** How many integers become different int8 values, of those whose value lies between `low` and `high`. */
function conflictsOf({ real, fixed, rounded }: Factor, low: number, high: number, enough: number): number {
  let conflicts = 0
  for (let value = low; value < high && conflicts < enough; value++) {
    const boundary = (value + 0.5) / real
    if (Math.abs(boundary) > LARGEST_SUM) continue
    const reach = Math.floor(Math.abs(boundary) * 2 ** -21)
    for (let x = Math.floor(boundary) - reach; x <= Math.ceil(boundary) + reach; x++) {
      if (rounded(x) !== scaleBy(x, fixed.multiplier, fixed.shift)) conflicts++
    }
  }
  return conflicts
}

/** How many sums become different int8 values, of those that `clamp` does not make alike. */
export const clampedConflicts = (
  factor: Factor,
  { zeroPoint }: Quantisation,
  clamp: Clamp,
  enough = Number.POSITIVE_INFINITY,
): number => conflictsOf(factor, clamp[0] - zeroPoint, clamp[1] - zeroPoint, enough)

/** The first of the scales from `scale` upwards with the fewest conflicts. */
function fewest(scale: number, step: number, conflicts: (scale: number, enough: number) => number): number {
  let best = scale
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < TRIES && least > 0; i++) {
    const candidate = single(scale * (1 + i * step))
    const found = conflicts(candidate, least)
    if (found < least) [best, least] = [candidate, found]
  }
  return best
}

/** The factor of a sum of products, as TFLite's kernels take it from the scales. Dense kernels multiply scales in single precision. */
export const productFactor = (input: number, weight: number, output: number, dense: boolean): number =>
  (dense ? single(input * weight) : input * weight) / output

/** A scale for weights, at most 6 millionths above the one given. @param clamp of the kernel's result. */
export function agreeingWeightScale(
  scale: number,
  input: Quantisation,
  output: Quantisation,
  clamp: Clamp,
  dense: boolean,
): number {
  return fewest(single(scale), WEIGHT_STEP, (candidate, enough) => {
    const real = productFactor(input.scale, candidate, output.scale, dense)
    const rounded = times(single(single(input.scale * candidate) / output.scale))
    const factor = { real, fixed: quantiseMultiplier(real), rounded }
    return clampedConflicts(factor, output, clamp, enough)
  })
}

/** The range that `real` values of a tensor have on its scale. */
const span = ({ zeroPoint }: Quantisation): readonly [number, number] => [INT8_MIN - zeroPoint, INT8_MAX - zeroPoint]

/** One value that differs in LiteRT counts as so many that differ in ONNX Runtime, whose sums depend on the processor too. */
const LITERT_WEIGHT = 64

/** The output of TFLite MUL, at most 0.02 % wider. ONNX Runtime adds the zero point, that of uint8, before it rounds. */
export function agreeingProduct([a, b]: readonly [Quantisation, Quantisation], output: Quantisation): Quantisation {
  const scale = fewest(output.scale, ACTIVATION_STEP, (candidate, enough) => {
    const real = (a.scale * b.scale) / candidate
    const held = single(single(a.scale * b.scale) / candidate)
    const fixed = quantiseMultiplier(real)
    const inLiteRt = LITERT_WEIGHT * conflictsOf({ real, fixed, rounded: times(held) }, ...span(output), enough)
    if (inLiteRt >= enough) return inLiteRt
    const zero = output.zeroPoint - INT8_MIN
    const rounded = (sum: number): number => roundEven(single(single(sum * held) + zero)) - zero
    return inLiteRt + conflictsOf({ real, fixed, rounded }, ...span(output), enough - inLiteRt)
  })
  return { ...output, scale }
}

/** XNNPACK's mean: the sum of the int8 values themselves times a factor, and all zero points in one addend. */
function meanRounded(input: Quantisation, count: number, output: Quantisation): (sum: number) => number {
  const factor = single(single(input.scale / output.scale) * single(1 / count))
  const offset = count * input.zeroPoint
  const addend = single(output.zeroPoint - single(offset * factor))
  return (sum) => roundEven(single(single((sum + offset) * factor) + addend)) - output.zeroPoint
}

/** ONNX Runtime's mean: from the sum of q − zero point to an int8 difference. */
export const realMean = (input: Quantisation, count: number, { scale }: Pick<Quantisation, 'scale'>) =>
  times(single(input.scale / single(scale * count)))

/** The output of TFLite MEAN, at most 0.02 % wider, for XNNPACK's and for ONNX Runtime's. @param fixed the factor for a ratio of scales. */
export function agreeingMean(
  input: Quantisation,
  count: number,
  output: Quantisation,
  fixed: (ratio: number) => Multiplier,
): Quantisation {
  const scale = fewest(output.scale, ACTIVATION_STEP, (candidate, enough) => {
    const ratio = input.scale / candidate
    const [real, factor] = [ratio / count, fixed(ratio)]
    const rounded = meanRounded(input, count, { ...output, scale: candidate })
    const inLiteRt = LITERT_WEIGHT * conflictsOf({ real, fixed: factor, rounded }, ...span(output), enough)
    if (inLiteRt >= enough) return inLiteRt
    const held = realMean(input, count, { scale: candidate })
    return inLiteRt + conflictsOf({ real, fixed: factor, rounded: held }, ...span(output), enough - inLiteRt)
  })
  return { ...output, scale }
}

/** Bits of the larger factor in XNNPACK's addition, which has no common scale of the operands. */
const SHORT_BITS = 20

/** How many pairs of int8 values TFLite ADD and XNNPACK add to different int8 values. */
function sumConflicts(
  operands: readonly [Quantisation, Quantisation],
  output: Quantisation,
  enough = Number.POSITIVE_INFINITY,
): number {
  const { operands: factors, result } = addOperands(scalesOf(operands), output.scale)
  const { shift, multipliers } = shortFactors(operands, output)
  const terms = operands.map((operand, n) => {
    const [low, high] = span(operand)
    return Array.from({ length: high - low + 1 }, (_, i) => {
      const value = low + i
      const { multiplier, shift: left } = factors[n]!
      return { exact: scaleBy(value * 2 ** ADD_SHIFT, multiplier, left), short: value * multipliers[n]! }
    })
  })
  const [least, most] = span(output)
  let conflicts = 0
  for (const a of terms[0]!) {
    for (const b of terms[1]!) {
      const short = Math.floor((a.short + b.short) / 2 ** shift + 0.5)
      if (short < least || short > most) continue
      if (short !== scaleBy(a.exact + b.exact, result.multiplier, result.shift)) conflicts++
    }
    if (conflicts >= enough) break
  }
  return conflicts
}

const scalesOf = ([a, b]: readonly [Quantisation, Quantisation]): readonly [number, number] => [a.scale, b.scale]

/** XNNPACK's factors: whole numbers, the larger from 2^20 up to 2^21, and how far their sum is shifted to the right. */
function shortFactors(operands: readonly [Quantisation, Quantisation], { scale }: Quantisation) {
  const ratios = operands.map((operand) => single(operand.scale / scale))
  let shift = SHORT_BITS - Math.floor(Math.log2(Math.max(...ratios)))
  if (Math.max(...ratios) * 2 ** shift >= 2 ** (SHORT_BITS + 1)) shift--
  return { shift, multipliers: ratios.map((ratio) => roundEven(ratio * 2 ** shift)) }
}

/**
 * ONNX Runtime's sum of two int8 values, before it is cut off to int8: of uint8 there, in single precision, products
 * unrounded.
 */
export function realSum([a, b]: readonly [Quantisation, Quantisation], output: Quantisation) {
  const [ratioA, ratioB] = [single(a.scale / output.scale), single(b.scale / output.scale)]
  const [zeroA, zeroB, zero] = [a, b, output].map(({ zeroPoint }) => zeroPoint - INT8_MIN) as [number, number, number]
  const addend = single(zero - single(ratioA * zeroA + single(ratioB * zeroB)))
  return (p: number, q: number): number =>
    roundEven(single((p - INT8_MIN) * ratioA + single((q - INT8_MIN) * ratioB + addend))) + INT8_MIN
}

/** How many pairs TFLite ADD and ONNX Runtime add to different values. */
function realSumConflicts(
  operands: readonly [Quantisation, Quantisation],
  output: Quantisation,
  enough = Number.POSITIVE_INFINITY,
): number {
  const factors = addOperands(scalesOf(operands), output.scale)
  const shares = operands.map(({ zeroPoint }, n) =>
    Array.from({ length: 256 }, (_, i) => {
      const { multiplier, shift } = factors.operands[n]!
      return scaleBy((i + INT8_MIN - zeroPoint) * 2 ** ADD_SHIFT, multiplier, shift)
    }),
  )
  const { multiplier, shift } = factors.result
  const sum = realSum(operands, output)
  let conflicts = 0
  for (let q = INT8_MIN; q <= INT8_MAX; q++) {
    for (let p = INT8_MIN; p <= INT8_MAX; p++) {
      const found = sum(p, q)
      if (found < INT8_MIN || found > INT8_MAX) continue
      const exact = shares[0]![p - INT8_MIN]! + shares[1]![q - INT8_MIN]!
      if (found !== scaleBy(exact, multiplier, shift) + output.zeroPoint) conflicts++
    }
    if (conflicts >= enough) break
  }
  return conflicts
}

/** The output of TFLite ADD of two, at most 0.02 % wider: all pairs of int8 values are compared. */
export function agreeingSum(operands: readonly [Quantisation, Quantisation], output: Quantisation): Quantisation {
  const scale = fewest(output.scale, ACTIVATION_STEP, (candidate, enough) => {
    const tried = { ...output, scale: candidate }
    const inLiteRt = LITERT_WEIGHT * sumConflicts(operands, tried, enough / LITERT_WEIGHT)
    return inLiteRt >= enough ? inLiteRt : inLiteRt + realSumConflicts(operands, tried, enough - inLiteRt)
  })
  return { ...output, scale }
}

/** Factors of an ADD whose scales are given: TFLite's, and XNNPACK's where they make a difference. */
export function givenSum(
  operands: readonly [Quantisation, Quantisation],
  output: Quantisation,
): ReturnType<typeof addOperands> {
  if (sumConflicts(operands, output, 1) === 0) return addOperands(scalesOf(operands), output.scale)
  const { shift, multipliers } = shortFactors(operands, output)
  const whole = (factor: number): Multiplier => {
    const { multiplier, shift: bits } = quantiseMultiplier(factor)
    return { multiplier, shift: bits - ADD_SHIFT }
  }
  return { leftShift: ADD_SHIFT, operands: multipliers.map(whole), result: quantiseMultiplier(2 ** -shift) }
}

/** Multipliers that are tried beside the nearest, in units of the 31st bit: a unit of the 24th is 128. */
const OFFSETS = [0, 1, -1, 3, -3, 8, -8, 16, -16, 32, -32, 48, -48, 64, -64, 96, -96, 128, -128]

/** The factor in fixed point, of those beside the nearest, that rounds as single precision does for most sums. */
function closest({ real, rounded }: Omit<Factor, 'fixed'>, bases: readonly Multiplier[], low: number, high: number) {
  let best = bases[0]!
  let least = Number.POSITIVE_INFINITY
  for (const { multiplier: base, shift } of bases) {
    for (const offset of OFFSETS) {
      const multiplier = base + offset
      if (least === 0 || multiplier < 1 || multiplier >= 2 ** 31) continue
      const fixed = { multiplier, shift }
      const found = conflictsOf({ real, fixed, rounded }, low, high, least)
      if (found < least) [best, least] = [fixed, found]
    }
  }
  return best
}

/** The factor of sums of products and of products, where scales are given. @param held it in single precision. @param clamp of the result. */
export function givenFactor(real: number, held: number, { zeroPoint }: Quantisation, clamp: Clamp): Multiplier {
  const bases = [quantiseMultiplier(real), quantiseMultiplier(held)]
  return closest({ real, rounded: times(held) }, bases, clamp[0] - zeroPoint, clamp[1] - zeroPoint)
}

/** The factor of TFLite MEAN where scales are given. @param nearest TFLite's. */
export function givenMean(input: Quantisation, count: number, output: Quantisation, nearest: Multiplier): Multiplier {
  const real = input.scale / output.scale / count
  return closest({ real, rounded: meanRounded(input, count, output) }, [nearest], ...span(output))
}
