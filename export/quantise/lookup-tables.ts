import { addOperands, addValue } from './elementwise.ts'
import {
  clampInt8,
  clampTo,
  quantiseMultiplier,
  quantiseValue,
  roundAway,
  roundingShift,
  scaleBy,
} from './fixed-point.ts'
import type { Quantisation, QuantisedLookup } from './types.ts'

/** Scale and zero point that TFLite prescribes for values between 0 and 1: the outputs of softmax and sigmoid. */
export const UNIT_INTERVAL: Quantisation = { scale: 1 / 256, zeroPoint: -128 }

type Fixed = (q: number) => number

/** TFLite RELU and RELU6, and QUANTIZE where there are no bounds: scale, add the zero point, clamp. */
function requantise(from: Quantisation, to: Quantisation, low: number, high: number): Fixed {
  const { multiplier, shift } = quantiseMultiplier(from.scale / to.scale)
  return (q) => clampTo(scaleBy(q - from.zeroPoint, multiplier, shift) + to.zeroPoint, low, high)
}

const to16 = (x: number): number => (x << 16) >> 16
const saturate16 = (x: number): number => clampTo(x, -32768, 32767)
const highMultiply16 = (a: number, b: number): number =>
  a === -32768 && b === -32768 ? 32767 : Math.floor((a * b + 0x4000) / 0x8000)
const multiplier16 = (multiplier: number): number => Math.min((multiplier + 0x8000) >> 16, 32767)

/** TFLite HARD_SWISH on int8: 16-bit fixed point, x times the share of it that lies within −3 … 3. */
function hardSwish(from: Quantisation, to: Quantisation): Fixed {
  const hires = Math.fround(from.scale / 128)
  const output = quantiseMultiplier(Math.fround(hires / to.scale))
  const reluish = quantiseMultiplier(Math.fround(hires / Math.fround(3 / 32768)))
  const outputFactor = multiplier16(output.multiplier)
  const reluishFactor = multiplier16(reluish.multiplier)
  return (q) => {
    const input = to16((q - from.zeroPoint) * 128)
    const unshifted = highMultiply16(input, outputFactor)
    let share = input
    if (reluish.shift > 0) share = saturate16(share * 2 ** (reluish.shift - 1))
    share = highMultiply16(share, reluishFactor)
    if (reluish.shift > 0) share = saturate16(share * 2)
    if (reluish.shift < 0) share = roundingShift(share, -reluish.shift)
    share = (share + 32768) >> 1
    const product = Math.trunc((share * unshifted) / 32768)
    return clampInt8(roundingShift(product, -output.shift) + to.zeroPoint)
  }
}

/** What TFLite makes of hard sigmoid, which it has no kernel for: relu6(x + 3) as ADD, times 1/6 as MUL. */
export const HARD_SIGMOID = {
  three: { scale: Math.fround(3 / 127), zeroPoint: 0 },
  // 254 steps and not 255: 3 is a whole number of them, and not a half, which runtimes round differently.
  shifted: { scale: Math.fround(6 / 254), zeroPoint: -128 },
  /** 6 in steps of the sum, from its zero point: where relu6 ends. */
  most: 126,
  sixth: { scale: Math.fround(1 / 6 / 127), zeroPoint: 0 },
  /** Both constants are stored as this. */
  constant: 127,
} as const

function hardSigmoid(from: Quantisation, to: Quantisation): Fixed {
  const { three, shifted, most, sixth, constant } = HARD_SIGMOID
  const sum = { ...addOperands([from.scale, three.scale], shifted.scale), clamp: [-128, most] as const }
  const { multiplier, shift } = quantiseMultiplier((shifted.scale * sixth.scale) / to.scale)
  return (q) => {
    const relu6 = addValue(sum, [q - from.zeroPoint, constant], shifted.zeroPoint)
    return clampInt8(scaleBy((relu6 - shifted.zeroPoint) * constant, multiplier, shift) + to.zeroPoint)
  }
}

/** TFLite LOGISTIC as its optimised kernels do it: the nearest value to the exact function. */
const sigmoid =
  (from: Quantisation, to: Quantisation): Fixed =>
  (q) =>
    quantiseValue(1 / (1 + Math.exp(-from.scale * (q - from.zeroPoint))), to)

const FUNCTIONS: Readonly<Record<QuantisedLookup['activation'], (from: Quantisation, to: Quantisation) => Fixed>> = {
  relu: (from, to) => requantise(from, to, to.zeroPoint, 127),
  relu6: (from, to) => requantise(from, to, to.zeroPoint, clampInt8(to.zeroPoint + roundAway(6 / to.scale))),
  hardSwish,
  hardSigmoid,
  sigmoid,
}

const tabulate = (value: Fixed): Int8Array => Int8Array.from({ length: 256 }, (_, i) => value(i - 128))

/** All 256 values of an activation between two quantisations. */
export const activationTable = (
  activation: QuantisedLookup['activation'],
  from: Quantisation,
  to: Quantisation,
): Int8Array => tabulate(FUNCTIONS[activation](from, to))

/** All 256 values of TFLite QUANTIZE from int8 to int8; undefined when the quantisations are equal. */
export const requantisationTable = (from: Quantisation, to: Quantisation): Int8Array | undefined =>
  from.scale === to.scale && from.zeroPoint === to.zeroPoint ? undefined : tabulate(requantise(from, to, -128, 127))
