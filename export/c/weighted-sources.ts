import type { WeightedKernel } from '../quantise/weight-bits.ts'
import { eachWindow } from './each-window.ts'
import type { KernelSource, SourceName } from './source-names.ts'

type Kind = WeightedKernel['kind']
type WeightedSource = Extract<SourceName, Kind | `${Kind}4` | `${Kind}Struct` | 'products4'>

/**
 * Sums of products. Kernels for weights of 4 bits read the same structs: their weights lie two in a byte, the lower half
 * first, and are taken apart as they are used, so that they need no memory of their own.
 */
export const WEIGHTED_SOURCES: Readonly<Record<WeightedSource, KernelSource>> = {
  products4: {
    needs: ['fixed'],
    text: `
/* two weights of -7 to 7 in a byte: the lower one; the upper one is what a shift to the right leaves */
static inline int32_t lower(int32_t pair) { return ((pair & 15) ^ 8) - 8; }

/* the sum of count products; the first weight is the one at that place */
static inline int32_t products4(const int8_t *values, int32_t zero, const int8_t *weights, int32_t at, int32_t count) {
  int32_t sum = 0, i = 0;
  weights += at >> 1;
  if ((at & 1) && count > 0) sum = (values[i++] - zero) * (*weights++ >> 4);
  for (; i + 1 < count; i += 2) {
    const int32_t pair = *weights++;
    sum += (values[i] - zero) * lower(pair) + (values[i + 1] - zero) * (pair >> 4);
  }
  if (i < count) sum += (values[i] - zero) * lower(*weights);
  return sum;
}
`,
  },
  conv2dStruct: {
    needs: ['pad'],
    text: `
typedef struct {
  window_t window;
  int32_t filters;
  const int8_t *weights;
  const int32_t *bias, *multipliers;
  const shift_t *shifts;
  int8_t in_zero, out_zero, low, high;
} conv2d_t;
`,
  },
  conv2d: {
    needs: ['conv2dStruct'],
    text: `
KERNEL void conv2d(const conv2d_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
  const int32_t row = w->kernel_width * w->channels;
${eachWindow(`      const int32_t count = (end_x - first_x) * w->channels;
      for (int32_t f = 0; f < p->filters; f++) {
        int32_t sum = p->bias[f];
        for (int32_t ky = first_y; ky < end_y; ky++) {
          const int8_t *values = in + ((top + ky) * w->width + left + first_x) * w->channels;
          const int8_t *weights = p->weights + (f * w->kernel_height + ky) * row + first_x * w->channels;
          for (int32_t i = 0; i < count; i++) sum += (values[i] - p->in_zero) * weights[i];
        }
        *out++ = clamp(scale(sum, p->multipliers[f], p->shifts[f]) + p->out_zero, p->low, p->high);
      }
`)}}
`,
  },
  conv2d4: {
    needs: ['conv2dStruct', 'products4'],
    text: `
KERNEL void conv2d4(const conv2d_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
  const int32_t row = w->kernel_width * w->channels;
${eachWindow(`      const int32_t count = (end_x - first_x) * w->channels;
      for (int32_t f = 0; f < p->filters; f++) {
        int32_t sum = p->bias[f];
        for (int32_t ky = first_y; ky < end_y; ky++) {
          const int8_t *values = in + ((top + ky) * w->width + left + first_x) * w->channels;
          sum += products4(values, p->in_zero, p->weights, (f * w->kernel_height + ky) * row + first_x * w->channels, count);
        }
        *out++ = clamp(scale(sum, p->multipliers[f], p->shifts[f]) + p->out_zero, p->low, p->high);
      }
`)}}
`,
  },
  depthwiseConv2dStruct: {
    needs: ['pad'],
    text: `
typedef struct {
  window_t window;
  const int8_t *weights;
  const int32_t *bias, *multipliers;
  const shift_t *shifts;
  int8_t in_zero, out_zero, low, high;
} depthwise_t;
`,
  },
  depthwiseConv2d: {
    needs: ['depthwiseConv2dStruct'],
    text: `
KERNEL void depthwise(const depthwise_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
${eachWindow(`      for (int32_t c = 0; c < w->channels; c++) {
        int32_t sum = p->bias[c];
        for (int32_t ky = first_y; ky < end_y; ky++) {
          const int8_t *values = in + ((top + ky) * w->width + left) * w->channels + c;
          const int8_t *weights = p->weights + ky * w->kernel_width * w->channels + c;
          for (int32_t kx = first_x; kx < end_x; kx++) {
            sum += (values[kx * w->channels] - p->in_zero) * weights[kx * w->channels];
          }
        }
        *out++ = clamp(scale(sum, p->multipliers[c], p->shifts[c]) + p->out_zero, p->low, p->high);
      }
`)}}
`,
  },
  depthwiseConv2d4: {
    needs: ['depthwiseConv2dStruct', 'products4'],
    text: `
KERNEL void depthwise4(const depthwise_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
${eachWindow(`      for (int32_t c = 0; c < w->channels; c++) {
        int32_t sum = p->bias[c];
        for (int32_t ky = first_y; ky < end_y; ky++) {
          const int8_t *values = in + ((top + ky) * w->width + left) * w->channels + c;
          for (int32_t kx = first_x; kx < end_x; kx++) {
            const int32_t at = (ky * w->kernel_width + kx) * w->channels + c;
            const int32_t pair = p->weights[at >> 1];
            sum += (values[kx * w->channels] - p->in_zero) * (at & 1 ? pair >> 4 : lower(pair));
          }
        }
        *out++ = clamp(scale(sum, p->multipliers[c], p->shifts[c]) + p->out_zero, p->low, p->high);
      }
`)}}
`,
  },
  denseStruct: {
    needs: ['fixed'],
    text: `
typedef struct {
  int32_t features, units;
  const int8_t *weights;
  const int32_t *bias;
  int32_t multiplier;
  int8_t shift, in_zero, out_zero, low, high;
} dense_t;
`,
  },
  dense: {
    needs: ['denseStruct'],
    text: `
KERNEL void dense(const dense_t *p, const int8_t *in, int8_t *out) {
  const int8_t *weights = p->weights;
  for (int32_t unit = 0; unit < p->units; unit++) {
    int32_t sum = p->bias[unit];
    for (int32_t i = 0; i < p->features; i++) sum += (in[i] - p->in_zero) * *weights++;
    out[unit] = clamp(scale(sum, p->multiplier, p->shift) + p->out_zero, p->low, p->high);
  }
}
`,
  },
  dense4: {
    needs: ['denseStruct', 'products4'],
    text: `
KERNEL void dense4(const dense_t *p, const int8_t *in, int8_t *out) {
  for (int32_t unit = 0; unit < p->units; unit++) {
    int32_t sum = p->bias[unit] + products4(in, p->in_zero, p->weights, unit * p->features, p->features);
    out[unit] = clamp(scale(sum, p->multiplier, p->shift) + p->out_zero, p->low, p->high);
  }
}
`,
  },
}
