import type { ProfileTable } from '../../hardware-profiles/profile.ts'
import { coefficientOf, ruleTable } from './operators.ts'

export interface MeasuredTables {
  readonly conv2d: ProfileTable
  readonly add: ProfileTable
  readonly softmax: ProfileTable
}

/** Cycles per MAC that whole models give, and which models those are. */
export interface MacRates {
  readonly depthwise: number
  readonly dense: number
  readonly source: string
}

/**
 * Rules for the kernels that nobody measured on the board, from the rates of those that were: an int8 addition
 * requantises three times an element (two operands and the sum), which gives the price of one requantisation.
 */
export function cmsisRules(measured: MeasuredTables, rates: MacRates) {
  const { conv2d, add, softmax } = measured
  const addPerElement = coefficientOf(add, 'outputs')
  const callCycles = coefficientOf(add, 'one')
  const requantise = addPerElement / 3
  const perOutput = coefficientOf(conv2d, 'outputs', 1)
  const copy = coefficientOf(conv2d, 'insideTapElements', 1)
  const perWindow = coefficientOf(conv2d, 'pixels', 1)
  const exponential = coefficientOf(softmax, 'outputs')
  const elementwise = (cycles: number) => ({ outputs: cycles, one: callCycles })
  const requantised = (times: number): string =>
    `${times} requantisations an element at a third of the measured addition (${requantise.toFixed(1)} cycles) each`
  return [
    ruleTable(
      'depthwiseConv2d',
      {
        macs: rates.depthwise,
        macsTailChannels4: rates.depthwise,
        outputs: requantise,
        pixels: perWindow,
        one: callCycles,
      },
      `cycles per MAC from kws and vww of ${rates.source}; one requantisation an output at a third of the measured addition, window set-up as measured for convolutions; channels beyond a multiple of 4 run one by one at twice the price`,
      0.25,
    ),
    ruleTable(
      'dense',
      {
        macs: rates.dense,
        outputs: coefficientOf(conv2d, 'outputs'),
        one: callCycles,
      },
      `cycles per MAC from ad of ${rates.source}; requantisation as measured for 1×1 convolutions`,
      0.2,
    ),
    ruleTable('relu', elementwise(requantise), requantised(1), 0.4),
    ruleTable('relu6', elementwise(requantise), requantised(1), 0.4),
    ruleTable('hardSwish', elementwise(3 * requantise), `TFLM reference kernel: ${requantised(3)}`, 0.5),
    ruleTable(
      'hardSigmoid',
      elementwise(4 * requantise),
      `TFLite has no such kernel and lowers it to add, relu6 and multiply: ${requantised(4)}`,
      0.5,
    ),
    ruleTable(
      'sigmoid',
      elementwise(exponential),
      'one fixed-point exponential an element, priced as the measured softmax',
      0.5,
    ),
    ruleTable('multiply', elementwise(1.5 * requantise), `a product and one requantisation: ${requantised(1.5)}`, 0.4),
    ruleTable('concat', { outputs: copy, one: callCycles }, 'copies at the rate of the measured im2col copy', 0.5),
    ruleTable(
      'averagePool',
      { insideTapElements: copy, outputs: perOutput, pixels: perWindow, one: callCycles },
      'window elements at the measured im2col rate, one division an output at the price of a requantisation',
      0.4,
    ),
    ruleTable(
      'maxPool',
      { insideTapElements: copy, pixels: perWindow, one: callCycles },
      'window elements at the measured im2col rate',
      0.4,
    ),
    ruleTable(
      'batchNorm',
      elementwise(addPerElement + 1.5 * requantise),
      'not folded: one multiplication and one measured addition an element',
      0.4,
    ),
    ruleTable(
      'expertCombine',
      elementwise(addPerElement + 1.5 * requantise),
      'one multiplication by the gate and one measured addition an element',
      0.4,
    ),
  ]
}
