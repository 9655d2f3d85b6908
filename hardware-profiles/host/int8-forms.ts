import type { ModelForm } from '../fit-table.ts'
import type { HostForms } from './float-forms.ts'

const PER_ELEMENT: readonly ModelForm[] = [{ features: ['outputs', 'one'] }]
/** Maps lie with their channels last: a pool takes them as they are. */
const POOLED: readonly ModelForm[] = [{ features: ['insideTapElements', 'outputs', 'one'] }]
/** A vector of 16 channels is taken at once; what is left over, one by one. */
const DEPTHWISE: readonly ModelForm[] = [
  { when: { channelTail16: [1, 15] }, features: ['macs', 'insideTaps', 'pixels', 'outputs', 'one'] },
  { features: ['macs', 'insideTaps', 'pixels', 'outputs', 'inputs', 'one'] },
]
/** Windows are copied and multiplied, each group by itself. */
const WINDOWED: ModelForm['features'] = [
  ...([
    'macs',
    'macsBlocks16',
    'groupTapElements',
    'insideTaps',
    'pixels',
    'outputs',
    'weightElements',
    'one',
  ] as const),
]

/**
 * Kernels of int8 networks as quantisers write them: uint8 values, int8 weights. Functions that have no integer kernel (hard-swish, hard
 * sigmoid) are timed with the conversions around them.
 */
export const INT8_FORMS: HostForms = {
  fused: ['relu', 'relu6'],
  forms: [
    ['dense', [{ features: ['weightElements', 'outputs', 'one'] }]],
    ['hardSwish', PER_ELEMENT],
    ['hardSigmoid', PER_ELEMENT],
    ['sigmoid', PER_ELEMENT],
    ['softmax', [{ features: ['outputs', 'pixels', 'one'] }]],
    ['depthwiseConv2d', DEPTHWISE],
    ['globalAveragePool', [{ features: ['inputs', 'outputs', 'one'] }]],
    ['depthwiseConv2d', DEPTHWISE],
    [
      'conv2d',
      [
        { when: { pixels: [1, 1], kernelArea: [1, 1] }, features: ['weightElements', 'inputs', 'outputs', 'one'] },
        {
          when: { kernelArea: [1, 1] },
          features: ['macs', 'macsBlocks16', 'inputs', 'outputs', 'pixels', 'weightElements', 'one'],
        },
        { features: WINDOWED },
      ],
    ],
    ['averagePool', POOLED],
    ['maxPool', POOLED],
    ['add', PER_ELEMENT],
    ['concat', PER_ELEMENT],
    ['multiply', []],
  ],
  unusual: {
    conv2d: [
      {
        when: { line: [1, 1], kernelArea: [1, 1] },
        features: ['macs', 'inputs', 'outputs', 'pixels', 'weightElements', 'one'],
      },
      { when: { line: [1, 1] }, features: WINDOWED },
      {
        when: { grouped: [1, 1] },
        features: ['macs', 'groupTapElements', 'groups', 'outputs', 'weightElements', 'grouped'],
      },
      {
        when: { dilation: [2, 1e6] },
        features: ['macs', 'groupTapElements', 'outputs', 'weightElements', 'dilation', 'one'],
      },
    ],
    depthwiseConv2d: [{ when: { line: [1, 1] }, features: ['macs', 'groupTapElements', 'groups', 'outputs', 'one'] }],
    averagePool: [{ when: { line: [1, 1] }, features: ['insideTapElements', 'outputs', 'one'] }],
    maxPool: [{ when: { line: [1, 1] }, features: ['insideTapElements', 'outputs', 'one'] }],
    multiply: [{ when: { broadcast: [1, 1] }, features: ['outputs', 'one'] }, { features: ['outputs', 'one'] }],
  },
  alike: {
    elementwise: { like: 'add', times: 1, why: 'two operands brought to one scale' },
    transpose: { like: 'concat', times: 4, why: 'each element, but not one after the other' },
    slice: { like: 'concat', times: 1, why: 'a copy of rows' },
    split: { like: 'concat', times: 1, why: 'a copy of rows' },
    unary: { like: 'hardSwish', times: 1.5, why: 'a function of each element between two conversions' },
    quantize: { like: 'hardSwish', times: 0.4, why: 'one of the two conversions around it' },
    dequantize: { like: 'hardSwish', times: 0.33, why: 'one of the two conversions around it' },
    expertCombine: { like: 'add', times: 2, why: 'a product and a sum for each element, as two passes' },
  },
}

/** Products in float whose weights change: nothing is laid out before, so that windows are copied and multiplied. */
export const DEQUANTISED_FORMS: HostForms = {
  fused: ['relu'],
  forms: [
    ['dense', [{ features: ['weightElements', 'outputs', 'one'] }]],
    ['depthwiseConv2d', [{ features: ['groupTapElements', 'outputs', 'inChannels', 'one'] }]],
    ['globalAveragePool', [{ features: ['inputs', 'outputs', 'one'] }]],
    ['depthwiseConv2d', [{ features: ['groupTapElements', 'outputs', 'inChannels', 'one'] }]],
    [
      'conv2d',
      [
        { when: { kernelArea: [1, 1] }, features: ['macs', 'inputs', 'outputs', 'weightElements', 'one'] },
        { features: ['macs', 'groupTapElements', 'outputs', 'weightElements', 'one'] },
      ],
    ],
  ],
  unusual: {
    conv2d: [
      { when: { line: [1, 1] }, features: ['macs', 'groupTapElements', 'outputs', 'weightElements', 'one'] },
      {
        when: { grouped: [1, 1] },
        features: ['macs', 'groupTapElements', 'groups', 'outputs', 'weightElements', 'grouped'],
      },
      {
        when: { dilation: [2, 1e6] },
        features: ['macs', 'groupTapElements', 'outputs', 'weightElements', 'dilation', 'one'],
      },
    ],
    depthwiseConv2d: [{ when: { line: [1, 1] }, features: ['macs', 'groupTapElements', 'groups', 'outputs', 'one'] }],
  },
  alike: {},
}
