import type { KernelKind } from '../../network/schedule.ts'
import { type ActivationKind, UNARY_FUNCTIONS } from '../../network/types.ts'
import type { ModelForm } from '../fit-table.ts'
import { FEW_WEIGHTS, TIMED_FUNCTIONS } from './micro-benchmarks.ts'

/** What is known of onnxruntime's kernels in one number format before they are timed. */
export interface HostForms {
  /** What is applied inside convolutions without another pass over the result. */
  readonly fused: readonly ActivationKind[]
  /**
   * What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out; one that
   * stands twice is needed before all of its own can be.
   */
  readonly forms: readonly (readonly [KernelKind, readonly ModelForm[]])[]
  /** Forms of what a table's rows cannot tell from each other, by kind. */
  readonly unusual: Partial<Record<KernelKind, readonly ModelForm[]>>
  /** Kinds that are not timed. */
  readonly alike: Partial<Record<KernelKind, Alike>>
}

/** The measured kind whose work is like that of another one. */
export interface Alike {
  readonly like: KernelKind
  readonly times: number
  readonly why: string
}

/** Channels that fill whole blocks are pooled by a faster kernel. */
const BLOCKED_MAPS: readonly ModelForm[] = [
  { when: { channelTail16: [0, 0] }, features: ['insideTapElements', 'outputs', 'one'] },
  { features: ['insideTapElements', 'outputs', 'one'] },
]
/** What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out. */
const PER_ELEMENT: readonly ModelForm[] = [{ features: ['outputs', 'one'] }]
/** Channels that runtimes do not lay out in blocks: windows are copied and multiplied. */
const ODD_CHANNELS: ModelForm['when'] = { channelTail4: [1, 3] }
const DEPTHWISE: readonly ModelForm[] = [
  { when: ODD_CHANNELS, features: ['groupTapElements', 'outputs', 'inChannels', 'one'] },
  { features: ['macs', 'macsBlocks8', 'macsBlocks16', 'insideMacs', 'weightElements', 'inputs', 'outputs', 'one'] },
]

/**
 * What a kernel's time is a sum of, by kind. A kind stands after those whose prices are needed to single it out; one that
 * stands twice is needed before all of its own can be.
 */
const FORMS: readonly (readonly [KernelKind, readonly ModelForm[]])[] = [
  [
    'dense',
    [
      { when: { weightElements: [0, FEW_WEIGHTS] }, features: ['weightElements', 'outputs', 'one'] },
      { features: ['weightElements', 'outputs', 'one'] },
    ],
  ],
  ['relu', PER_ELEMENT],
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
      // Vectors, as squeeze and excitation has them: reading the weights is all.
      { when: { pixels: [1, 1], kernelArea: [1, 1] }, features: ['weightElements', 'inputs', 'outputs', 'one'] },
      // Too few channels for a block of them, as in the first convolution of a network.
      { when: { inChannels: [1, 15] }, features: ['macs', 'insideTapElements', 'inputs', 'outputs', 'one'] },
      { when: ODD_CHANNELS, features: ['macs', 'insideTapElements', 'inputs', 'outputs', 'one'] },
      {
        when: { kernelArea: [1, 1] },
        features: ['macs', 'macsBlocks8', 'macsBlocks16', 'inputs', 'outputs', 'weightElements', 'one'],
      },
      { features: ['macs', 'macsBlocks8', 'macsBlocks16', 'insideMacs', 'outputs', 'weightElements', 'one'] },
    ],
  ],
  ['averagePool', BLOCKED_MAPS],
  ['maxPool', BLOCKED_MAPS],
  ['relu6', PER_ELEMENT],
  ['add', PER_ELEMENT],
  ['concat', [{ when: { channelTail16: [0, 0] }, features: ['outputs', 'one'] }, { features: ['outputs', 'one'] }]],
  ['multiply', []],
  ['unary', []],
  ['transposeConv2d', []],
  ['custom', []],
  ['batchNorm', PER_ELEMENT],
]

/** Without a window a sequence is multiplied as it lies. */
const LINE_PRODUCT: ModelForm = {
  when: { line: [1, 1], kernelArea: [1, 1] },
  features: ['macs', 'inputs', 'outputs', 'weightElements', 'one'],
}

/** On a sequence no kernel of maps runs: windows are copied and multiplied. */
const LINE: ModelForm = {
  when: { line: [1, 1] },
  features: ['macs', 'groupTapElements', 'weightElements', 'groups', 'outputs', 'one'],
}

const POOLED_LINE: ModelForm = { when: { line: [1, 1] }, features: ['insideTapElements', 'outputs', 'one'] }

/**
 * Forms of what a table's rows cannot tell from each other, by kind: convolutions in groups, for which runtimes have fast
 * kernels where the groups fill whole blocks of channels; those whose window has gaps, most of which may lie outside a small map;
 * products of a map with one factor for each channel, for which runtimes leave their layout of maps and come back, and of two
 * maps, which they merge into the function before where the two are one (SiLU, GELU); recurrent kernels.
 */
const UNUSUAL_FORMS: Partial<Record<KernelKind, readonly ModelForm[]>> = {
  conv2d: [
    LINE_PRODUCT,
    LINE,
    {
      when: { grouped: [1, 1], channelTail16: [0, 0] },
      features: ['macs', 'inputs', 'outputs', 'weightElements', 'grouped'],
    },
    {
      when: { grouped: [1, 1] },
      features: ['macs', 'groupTapElements', 'groups', 'outputs', 'weightElements', 'grouped'],
    },
    { when: { dilation: [2, 1e6] }, features: ['insideMacs', 'outputs', 'weightElements', 'dilation', 'one'] },
  ],
  depthwiseConv2d: [LINE],
  multiply: [{ when: { broadcast: [1, 1] }, features: ['outputs', 'one'] }, { features: ['outputs', 'one'] }],
  unary: TIMED_FUNCTIONS.map((name) => {
    const place = 1 + UNARY_FUNCTIONS.indexOf(name)
    return { when: { elementFunction: [place, place] }, features: ['outputs', 'one'] }
  }),
  transposeConv2d: [{ features: ['macs', 'inputs', 'outputs', 'weightElements', 'one'] }],
  averagePool: [POOLED_LINE],
  maxPool: [POOLED_LINE],
  custom: [
    ...[1, 3, 4].map(
      (gates): ModelForm => ({
        when: { steps: [1, 1e9], gates: [gates, gates] },
        features: ['macs', 'steps', 'stepElements', 'one'],
      }),
    ),
    ...[1, 2].map(
      (place): ModelForm => ({ when: { rowNorm: [place, place] }, features: ['outputs', 'pixels', 'one'] }),
    ),
  ],
}

/**
 * Kinds that are not timed, and the measured kind whose work is like theirs. How many times as long they take was seen on a
 * ViT, a ShuffleNet and a small transformer: there they read and write maps that other kernels have just driven from the caches.
 */
const ALIKE: Partial<Record<KernelKind, Alike>> = {
  elementwise: { like: 'relu', times: 2.4, why: 'an operation on two operands that lie apart' },
  transpose: { like: 'relu', times: 2.5, why: 'each element, but not one after the other' },
  slice: { like: 'concat', times: 2.4, why: 'a copy of rows, of which each has to be found' },
  split: { like: 'concat', times: 2.4, why: 'a copy of rows, of which each has to be found' },
  unary: { like: 'sigmoid', times: 1.7, why: 'a function of each element that takes longer (GELU)' },
  expertCombine: { like: 'relu', times: 2, why: 'a product and a sum for each element, as two passes' },
}

/** Kernels of float32 networks. */
export const FLOAT_FORMS: HostForms = { fused: ['relu'], forms: FORMS, unusual: UNUSUAL_FORMS, alike: ALIKE }
