/*
 * Runs each kernel of shapes.h once on an emulated Cortex-M55, between two calls of `mark`, for count-kernels.ts, which
 * follows the instructions. Values do not matter for what is counted: the kernels' loops depend on the shapes only.
 */
#include <stdint.h>
#include "arm_nnfunctions.h"

enum { CONV2D, DEPTHWISE, DENSE, ADD, MULTIPLY, AVERAGE_POOL, MAX_POOL, SOFTMAX };

struct shape {
  int kind, height, width, channels, filters, kernel_height, kernel_width, stride;
};

static const struct shape shapes[] = {
#include "shapes.h"
};

#define CHANNELS 1024
static int8_t input[96 * 1024], operand[32 * 1024], weights[128 * 1024], output[96 * 1024], buffer[16 * 1024];
static int32_t bias[CHANNELS], multipliers[CHANNELS], shifts[CHANNELS];

__attribute__((noinline)) void mark(int at) { __asm__ volatile("" ::"r"(at) : "memory"); }

/* TFLite's `same`: the smaller half of the padding comes first. */
static int out_size(int in, int stride) { return (in + stride - 1) / stride; }
static int padding(int in, int kernel, int stride) {
  const int all = (out_size(in, stride) - 1) * stride + kernel - in;
  return all > 0 ? all / 2 : 0;
}

static void run(const struct shape *s) {
  const cmsis_nn_context context = {buffer, sizeof buffer};
  const int out_h = out_size(s->height, s->stride), out_w = out_size(s->width, s->stride);
  const cmsis_nn_dims in = {1, s->height, s->width, s->channels}, out = {1, out_h, out_w, s->filters};
  const cmsis_nn_dims biases = {1, 1, 1, s->filters};
  const cmsis_nn_tile pad = {padding(s->width, s->kernel_width, s->stride), padding(s->height, s->kernel_height, s->stride)};
  const cmsis_nn_tile stride = {s->stride, s->stride}, one = {1, 1};
  const cmsis_nn_activation range = {-128, 127};
  const cmsis_nn_per_channel_quant_params quant = {multipliers, shifts};
  const int size = s->height * s->width * s->channels;
  const cmsis_nn_pool_params pool = {stride, pad, range};
  const cmsis_nn_dims window = {1, s->kernel_height, s->kernel_width, 1};
  switch (s->kind) {
  case CONV2D: {
    const cmsis_nn_conv_params conv = {3, -5, stride, pad, one, range};
    const cmsis_nn_dims filter = {s->filters, s->kernel_height, s->kernel_width, s->channels};
    mark(0);
    arm_convolve_wrapper_s8(&context, &conv, &quant, &in, input, &filter, weights, &biases, bias, &out, output);
    break;
  }
  case DEPTHWISE: {
    const cmsis_nn_dw_conv_params conv = {3, -5, 1, stride, pad, one, range};
    const cmsis_nn_dims filter = {1, s->kernel_height, s->kernel_width, s->channels};
    mark(0);
    arm_depthwise_conv_wrapper_s8(&context, &conv, &quant, &in, input, &filter, weights, &biases, bias, &out, output);
    break;
  }
  case DENSE: {
    const cmsis_nn_fc_params dense = {3, 0, -5, range};
    const cmsis_nn_per_tensor_quant_params one_quant = {1 << 30, -3};
    const cmsis_nn_dims flat = {1, 1, 1, s->channels}, filter = {s->channels, 1, 1, s->filters};
    const cmsis_nn_dims row = {1, 1, 1, s->filters};
    mark(0);
    arm_fully_connected_s8(&context, &dense, &one_quant, &flat, input, &filter, weights, &biases, bias, &row, output);
    break;
  }
  case ADD:
    mark(0);
    arm_elementwise_add_s8(input, operand, 3, 1 << 30, 0, 4, 1 << 30, -1, 20, output, -5, 1 << 30, -18, -128, 127, size);
    break;
  case MULTIPLY:
    mark(0);
    arm_elementwise_mul_s8(input, operand, 3, 4, output, -5, 1 << 30, -3, -128, 127, size);
    break;
  case AVERAGE_POOL:
    mark(0);
    arm_avgpool_s8(&context, &pool, &in, input, &window, &out, output);
    break;
  case MAX_POOL:
    mark(0);
    arm_max_pool_s8(&context, &pool, &in, input, &window, &out, output);
    break;
  case SOFTMAX:
    mark(0);
    arm_softmax_s8(input, s->height * s->width, s->channels, 1 << 30, 20, -3600, output);
    break;
  }
  mark(1);
}

static void leave(void) {
  const uintptr_t arguments[2] = {0x20026, 0};
  register int r0 __asm__("r0") = 0x20;
  register const void *r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  for (;;) {
  }
}

extern uint32_t stack_top;
void start(void) {
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* vectors and floating point on */
  __asm__ volatile("dsb\n isb");
  for (int i = 0; i < CHANNELS; i++) {
    multipliers[i] = 1 << 30;
    shifts[i] = -8;
  }
  for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) run(&shapes[i]);
  leave();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[2] = {&stack_top, (const void *)start};
