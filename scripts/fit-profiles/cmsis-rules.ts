import type { ProfileTable } from '../../hardware-profiles/profile.ts'
import { coefficientOf, ruleTable } from './operators.ts'

export interface MeasuredTables {
  readonly conv2d: ProfileTable
  readonly add: ProfileTable
  readonly softmax: ProfileTable
}

/**
 * Rules for the kernels that nobody measured on the board, from the rates of those that were: an int8 addition
 * requantises three times an element (two operands and the sum), which gives the price of one requantisation.
 */
export function cmsisRules(measured: MeasuredTables, depthwiseCyclesPerMac: number, depthwiseSource: string) {
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
        macs: depthwiseCyclesPerMac,
        macsTailChannels4: depthwiseCyclesPerMac,
        outputs: requantise,
        pixels: perWindow,
        one: callCycles,
      },
      `${depthwiseSource}; one requantisation an output at a third of the measured addition, window set-up as measured for convolutions; channels beyond a multiple of 4 run one by one at twice the price`,
      0.25,
    ),
    ruleTable(
      'dense',
      {
        macsBody16: coefficientOf(conv2d, 'macsBody16'),
        macsTail16: coefficientOf(conv2d, 'macsTail16'),
        outputs: coefficientOf(conv2d, 'outputs') + coefficientOf(conv2d, 'outChannels'),
        one: coefficientOf(conv2d, 'one'),
      },
      'the measured 1×1 convolution on a single pixel: CMSIS-NN uses the same inner loop',
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
