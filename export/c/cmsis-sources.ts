import { sizeOf } from '../../network/shapes.ts'
import type { QuantisedGraph, QuantisedKernel, QuantisedKind } from '../quantise/types.ts'

/**
 * Calls of CMSIS-NN that a macro switches on. Each stands before a kernel of the same name and says whether it did the
 * work; what it cannot do is left to the kernel. Results are the kernels' own, bit for bit, when the library is built to
 * round once, as the kernels do.
 */
const CMSIS_CALLS: Readonly<Partial<Record<QuantisedKind, string>>> = {
  conv2d: `
static int conv2d_cmsis(const conv2d_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
  const cmsis_nn_conv_params params = {
      -p->in_zero, p->out_zero, {w->stride_width, w->stride_height}, {w->pad_left, w->pad_top}, {1, 1}, {p->low, p->high}};
  const cmsis_nn_per_channel_quant_params factors = {(int32_t *)p->multipliers, (int32_t *)p->shifts};
  const cmsis_nn_dims from = {1, w->height, w->width, w->channels};
  const cmsis_nn_dims filter = {p->filters, w->kernel_height, w->kernel_width, w->channels};
  const cmsis_nn_dims bias = {1, 1, 1, p->filters}, to = {1, w->out_height, w->out_width, p->filters};
  cmsis_nn_context context;
  return lend_scratch(&context, arm_convolve_wrapper_s8_get_buffer_size(&params, &from, &filter, &to)) &&
         arm_convolve_wrapper_s8(&context, &params, &factors, &from, in, &filter, p->weights, &bias, p->bias, &to, out) ==
             ARM_CMSIS_NN_SUCCESS;
}
`,
  depthwiseConv2d: `
static int depthwise_cmsis(const depthwise_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
  const cmsis_nn_dw_conv_params params = {-p->in_zero, p->out_zero, 1, {w->stride_width, w->stride_height},
                                          {w->pad_left, w->pad_top}, {1, 1}, {p->low, p->high}};
  const cmsis_nn_per_channel_quant_params factors = {(int32_t *)p->multipliers, (int32_t *)p->shifts};
  const cmsis_nn_dims from = {1, w->height, w->width, w->channels};
  const cmsis_nn_dims filter = {1, w->kernel_height, w->kernel_width, w->channels};
  const cmsis_nn_dims bias = {1, 1, 1, w->channels}, to = {1, w->out_height, w->out_width, w->channels};
  cmsis_nn_context context;
  return lend_scratch(&context, arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &from, &filter, &to)) &&
         arm_depthwise_conv_wrapper_s8(&context, &params, &factors, &from, in, &filter, p->weights, &bias, p->bias, &to,
                                       out) == ARM_CMSIS_NN_SUCCESS;
}
`,
  dense: `
static int dense_cmsis(const dense_t *p, const int8_t *in, int8_t *out) {
  const cmsis_nn_fc_params params = {-p->in_zero, 0, p->out_zero, {p->low, p->high}};
  const cmsis_nn_per_tensor_quant_params factor = {p->multiplier, p->shift};
  const cmsis_nn_dims from = {1, 1, 1, p->features}, filter = {p->features, 1, 1, p->units};
  const cmsis_nn_dims bias = {1, 1, 1, p->units}, to = {1, 1, 1, p->units};
  const int32_t bytes = arm_fully_connected_s8_get_buffer_size(&filter);
  cmsis_nn_context context;
  if (!lend_scratch(&context, bytes)) return 0;
  /* Sums of weights, where the core's kernel wants them. */
  if (bytes > 0) arm_vector_sum_s8(context.buf, p->features, p->units, p->weights, -p->in_zero, 0, p->bias);
  return arm_fully_connected_s8(&context, &params, &factor, &from, in, &filter, p->weights, &bias, p->bias, &to, out) ==
         ARM_CMSIS_NN_SUCCESS;
}
`,
  averagePool: `
static int average_pool_cmsis(const average_pool_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
  const cmsis_nn_pool_params params = {
      {w->stride_width, w->stride_height}, {w->pad_left, w->pad_top}, {p->low, p->high}};
  const cmsis_nn_dims from = {1, w->height, w->width, w->channels}, to = {1, w->out_height, w->out_width, w->channels};
  const cmsis_nn_dims filter = {1, w->kernel_height, w->kernel_width, 1};
  cmsis_nn_context context;
  return lend_scratch(&context, arm_avgpool_s8_get_buffer_size(w->out_width, w->channels)) &&
         arm_avgpool_s8(&context, &params, &from, in, &filter, &to, out) == ARM_CMSIS_NN_SUCCESS;
}
`,
  maxPool: `
static int max_pool_cmsis(const max_pool_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
  const cmsis_nn_pool_params params = {
      {w->stride_width, w->stride_height}, {w->pad_left, w->pad_top}, {p->low, p->high}};
  const cmsis_nn_dims from = {1, w->height, w->width, w->channels}, to = {1, w->out_height, w->out_width, w->channels};
  const cmsis_nn_dims filter = {1, w->kernel_height, w->kernel_width, 1};
  const cmsis_nn_context context = {0, 0};
  return arm_max_pool_s8(&context, &params, &from, in, &filter, &to, out) == ARM_CMSIS_NN_SUCCESS;
}
`,
  add: `
static int add_cmsis(const add_t *p, const int8_t *const *in, int8_t *out) {
  const factor_t *f = p->factors;
  return p->operands == 2 &&
         arm_elementwise_add_s8(in[0], in[1], -p->in_zeros[0], f[0].multiplier, f[0].shift, -p->in_zeros[1],
                                f[1].multiplier, f[1].shift, p->left_shift, out, p->out_zero, p->result.multiplier,
                                p->result.shift, p->low, p->high, p->length) == ARM_CMSIS_NN_SUCCESS;
}
`,
}

/** A kernel's source with the call of CMSIS-NN before it, both only there under the macro. */
export function withCmsis(kind: string, text: string): string {
  const call = CMSIS_CALLS[kind as QuantisedKind]
  if (call === undefined) return text
  return text.replace(
    /KERNEL void (\w+)\([^)]*\) \{\n/,
    (head, name: string) =>
      `#if defined(FRUGAL_USE_CMSIS_NN)${call}#endif\n\n${head}#if defined(FRUGAL_USE_CMSIS_NN)\n  if (${name}_cmsis(p, in, out)) return;\n#endif\n`,
  )
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to

interface Scratch {
  /** Cores with vector instructions (Helium), and all others. */
  readonly helium: number
  readonly other: number
}

/** Channels that CMSIS-NN's Helium kernel of depthwise convolutions takes at a time. */
const HELIUM_CHANNELS = 124

/** Working memory that CMSIS-NN asks for: an upper bound by its documented rules; a kernel that asks for more runs without it. */
function scratchOf(kernel: QuantisedKernel): Scratch {
  const channels = kernel.outputShape.at(-1)!
  if (kernel.kind === 'routedExperts') return scratchOfGraphs(kernel.experts.map(({ graph }) => graph))
  if (kernel.kind === 'dense') return { helium: 4 * sizeOf(kernel.outputShape), other: 0 }
  if (kernel.kind === 'averagePool') return { helium: 0, other: 4 * channels }
  if (kernel.kind === 'conv2d') {
    const taps = kernel.kernel[0] * kernel.kernel[1] * kernel.inputShapes[0]!.at(-1)!
    return { helium: 4 * roundUp(taps, 16), other: 4 * roundUp(taps, 4) }
  }
  if (kernel.kind === 'depthwiseConv2d') {
    const area = kernel.kernel[0] * kernel.kernel[1]
    return { helium: 4 * HELIUM_CHANNELS * area, other: 2 * channels * area }
  }
  return { helium: 0, other: 0 }
}

const scratchOfGraphs = (graphs: readonly QuantisedGraph[]): Scratch => {
  const all = graphs.flatMap(({ kernels }) => kernels.map(scratchOf))
  const most = (values: readonly number[]): number => Math.max(4, ...values)
  return { helium: most(all.map(({ helium }) => helium)), other: most(all.map(({ other }) => other)) }
}

/** What stands before the kernels under the macro: the library's header, and the working memory that it is lent. */
export function cmsisPreamble(network: QuantisedGraph): string {
  const { helium, other } = scratchOfGraphs([network])
  return `
/* With FRUGAL_USE_CMSIS_NN, CMSIS-NN does what it can: the same results, in fewer cycles, with working memory beside the
 * arena. */
#if defined(FRUGAL_USE_CMSIS_NN)
#if !defined(CMSIS_NN_USE_SINGLE_ROUNDING)
#error "define CMSIS_NN_USE_SINGLE_ROUNDING here and for the library: this network was quantised for rounding once"
#endif
#include "arm_nnfunctions.h"
typedef int32_t shift_t;

#if defined(__ARM_FEATURE_MVE)
static int32_t scratch[${Math.ceil(helium / 4)}];
#else
static int32_t scratch[${Math.ceil(other / 4)}];
#endif

/* Whether the working memory is enough. */
static inline int lend_scratch(cmsis_nn_context *context, int32_t bytes) {
  context->buf = scratch;
  context->size = bytes;
  return bytes >= 0 && bytes <= (int32_t)sizeof scratch;
}
#else
typedef int8_t shift_t;
#endif
`
}
