import type { Profile } from '../../hardware-profiles/profile.ts'

/** TFLM's memory as the single-kernel runs show it: arena and model size are exact in these terms. */
export const TFLM_MEMORY: Profile['memory'] = {
  elementBytes: 1,
  weightBytes: 1,
  biasBytes: 4,
  weightsInRam: false,
  alignmentBytes: 16,
  scratch: [
    { kernel: 'conv2d', when: { kernelArea: [1, 1], strideArea: [1, 1] }, terms: [] },
    { kernel: 'conv2d', terms: [{ feature: 'reduction', coefficient: 4 }] },
    { kernel: 'depthwiseConv2d', terms: [{ feature: 'windowElements', coefficient: 2 }] },
  ],
  ram: { constantBytes: 300, perKernelBytes: 312, perTensorBytes: 0, perChannelBytes: 8 },
  flash: { runtimeBytes: 88 * 1024, constantBytes: 512, perKernelBytes: 800, perChannelBytes: 24 },
  provenance: {
    kind: 'measured',
    source:
      'MicroNAS single-kernel runs: arena = tensors + im2col scratch of two int16 columns + 8 B a channel + 612 B exactly; model file = weights + 28 B a channel (bias 4, quantisation 24) + 1,312 B. How the two constants divide between network and kernel is derived; code size is the mean of binary minus model size in MicroNets Table 4 (88 KB)',
  },
}
