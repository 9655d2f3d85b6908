import { withCmsis } from './cmsis-sources.ts'
import { eachWindow } from './each-window.ts'
import type { KernelSource, KernelSourceName, SourceName } from './source-names.ts'
import { WEIGHTED_SOURCES } from './weighted-sources.ts'

/**
 * The kernels in C99: int8 tensors, 32-bit sums, factors applied with a single rounding. A kernel reads its
 * parameters from a constant struct, so that experts share code and differ in parameters.
 */
const KERNEL_SOURCES: Readonly<Record<SourceName, KernelSource>> = {
  fixed: {
    needs: [],
    text: `
/* floor(x * multiplier * 2^(shift - 31) + 1/2) */
static int32_t scale(int32_t x, int32_t multiplier, int shift) {
  int total = 31 - shift;
  return (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << (total - 1))) >> total);
}

static int8_t clamp(int32_t x, int32_t low, int32_t high) {
  return (int8_t)(x < low ? low : x > high ? high : x);
}
`,
  },
  multiplier: {
    needs: ['fixed'],
    text: `
typedef struct {
  int32_t multiplier;
  int8_t shift;
} factor_t;
`,
  },
  pad: {
    needs: ['fixed'],
    text: `
/* a sliding window over a map of height x width x channels */
typedef struct {
  int32_t height, width, channels, out_height, out_width;
  int32_t kernel_height, kernel_width, stride_height, stride_width, pad_top, pad_left;
} window_t;

/* the part of a window's side that lies on the map */
static void inside(int32_t start, int32_t kernel, int32_t length, int32_t *first, int32_t *end) {
  *first = start < 0 ? -start : 0;
  *end = start + kernel > length ? length - start : kernel;
}
`,
  },
  ...WEIGHTED_SOURCES,
  add: {
    needs: ['multiplier'],
    text: `
typedef struct {
  int32_t length, operands;
  const factor_t *factors;
  const int8_t *in_zeros;
  factor_t result;
  int8_t left_shift, out_zero, low, high;
} add_t;

KERNEL void add(const add_t *p, const int8_t *const *in, int8_t *out) {
  for (int32_t i = 0; i < p->length; i++) {
    int32_t sum = 0;
    for (int32_t n = 0; n < p->operands; n++) {
      int32_t value = (in[n][i] - p->in_zeros[n]) * ((int32_t)1 << p->left_shift);
      sum += scale(value, p->factors[n].multiplier, p->factors[n].shift);
    }
    out[i] = clamp(scale(sum, p->result.multiplier, p->result.shift) + p->out_zero, p->low, p->high);
  }
}
`,
  },
  multiply: {
    needs: ['multiplier'],
    text: `
typedef struct {
  int32_t length, other_length;
  factor_t result;
  int8_t in_zero, other_zero, out_zero;
} multiply_t;

/* the second operand repeats: one value a channel, or as long as the first */
KERNEL void multiply(const multiply_t *p, const int8_t *in, const int8_t *other, int8_t *out) {
  for (int32_t i = 0, j = 0; i < p->length; i++) {
    int32_t product = (in[i] - p->in_zero) * (other[j] - p->other_zero);
    out[i] = clamp(scale(product, p->result.multiplier, p->result.shift) + p->out_zero, -128, 127);
    if (++j == p->other_length) j = 0;
  }
}
`,
  },
  averagePool: {
    needs: ['pad'],
    text: `
typedef struct {
  window_t window;
  int8_t low, high;
} average_pool_t;

KERNEL void average_pool(const average_pool_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
${eachWindow(`      const int32_t count = (end_y - first_y) * (end_x - first_x);
      for (int32_t c = 0; c < w->channels; c++) {
        int32_t sum = 0;
        for (int32_t ky = first_y; ky < end_y; ky++) {
          for (int32_t kx = first_x; kx < end_x; kx++) {
            sum += in[((top + ky) * w->width + left + kx) * w->channels + c];
          }
        }
        *out++ = clamp((sum > 0 ? sum + count / 2 : sum - count / 2) / count, p->low, p->high);
      }
`)}}
`,
  },
  maxPool: {
    needs: ['pad'],
    text: `
typedef struct {
  window_t window;
  int8_t low, high;
} max_pool_t;

KERNEL void max_pool(const max_pool_t *p, const int8_t *in, int8_t *out) {
  const window_t *w = &p->window;
${eachWindow(`      for (int32_t c = 0; c < w->channels; c++) {
        int32_t most = -128;
        for (int32_t ky = first_y; ky < end_y; ky++) {
          for (int32_t kx = first_x; kx < end_x; kx++) {
            int32_t value = in[((top + ky) * w->width + left + kx) * w->channels + c];
            if (value > most) most = value;
          }
        }
        *out++ = clamp(most, p->low, p->high);
      }
`)}}
`,
  },
  globalAveragePool: {
    needs: ['multiplier'],
    text: `
typedef struct {
  int32_t pixels, channels;
  factor_t result;
  int8_t in_zero, out_zero;
} mean_t;

KERNEL void mean(const mean_t *p, const int8_t *in, int8_t *out) {
  for (int32_t c = 0; c < p->channels; c++) {
    int32_t sum = 0;
    for (int32_t i = 0; i < p->pixels; i++) sum += in[i * p->channels + c] - p->in_zero;
    out[c] = clamp(scale(sum, p->result.multiplier, p->result.shift) + p->out_zero, -128, 127);
  }
}
`,
  },
  lookup: {
    needs: [],
    text: `
typedef struct {
  int32_t length;
  const int8_t *table;
} lookup_t;

KERNEL void lookup(const lookup_t *p, const int8_t *in, int8_t *out) {
  for (int32_t i = 0; i < p->length; i++) out[i] = p->table[in[i] + 128];
}
`,
  },
  exponential: {
    needs: ['fixed'],
    text: `
/* floor(a * b / 2^31 + 1/2) */
static int32_t high_multiply(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent, nearest, halves away from zero; exponent 0 to 31 */
static int32_t rounding_shift(int32_t x, int exponent) {
  int32_t mask = exponent == 0 ? 0 : 0x7fffffff >> (31 - exponent);
  int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

static int32_t saturating_shift(int32_t x, int exponent) {
  int64_t shifted = (int64_t)x * ((int64_t)1 << exponent);
  return shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

/* e^a in Q0.31 for a <= 0 in Q5.26 */
static int32_t exp_of_negative(int32_t a) {
  static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int32_t quarter = (int32_t)1 << 24;
  if (a == 0) return INT32_MAX;
  const int32_t modulo = (a & (quarter - 1)) - quarter;
  const int32_t x = modulo * 32 + ((int32_t)1 << 28);
  const int32_t x2 = high_multiply(x, x), x3 = high_multiply(x2, x), x4 = high_multiply(x2, x2);
  const int32_t tail = rounding_shift(high_multiply(rounding_shift(x4, 2) + x3, 715827883) + x2, 1);
  int32_t result = 1895147668 + high_multiply(1895147668, x + tail);
  for (int i = 0; i < 7; i++) {
    if ((modulo - a) & (quarter << i)) result = high_multiply(result, factors[i]);
  }
  return result;
}

/* 1 / (1 + a) in Q0.31 for 0 <= a < 1 in Q0.31: three steps of Newton and Raphson */
static int32_t reciprocal_of_one_plus(int32_t a) {
  const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
  int32_t x = 1515870810 + high_multiply(half, -1010580540);
  for (int i = 0; i < 3; i++) {
    x += saturating_shift(high_multiply(x, ((int32_t)1 << 29) - high_multiply(half, x)), 2);
  }
  return saturating_shift(x, 1);
}
`,
  },
  softmax: {
    needs: ['exponential', 'multiplier'],
    text: `
typedef struct {
  int32_t rows, length, difference_min;
  factor_t difference;
} softmax_t;

KERNEL void softmax(const softmax_t *p, const int8_t *in, int8_t *out) {
  for (int32_t row = 0; row < p->rows; row++, in += p->length, out += p->length) {
    int32_t largest = -128, sum = 0, headroom = 0;
    for (int32_t i = 0; i < p->length; i++) largest = in[i] > largest ? in[i] : largest;
    for (int32_t i = 0; i < p->length; i++) {
      if (in[i] - largest < p->difference_min) continue;
      sum += rounding_shift(exp_of_negative(scale(in[i] - largest, p->difference.multiplier, p->difference.shift)), 12);
    }
    while ((((uint32_t)sum << headroom) & 0x80000000u) == 0) headroom++;
    const int32_t factor = reciprocal_of_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
    for (int32_t i = 0; i < p->length; i++) {
      int32_t value = -128;
      if (in[i] - largest >= p->difference_min) {
        const int32_t power = exp_of_negative(scale(in[i] - largest, p->difference.multiplier, p->difference.shift));
        value += rounding_shift(high_multiply(factor, power), 35 - headroom);
      }
      out[i] = clamp(value, -128, 127);
    }
  }
}
`,
  },
  concat: {
    needs: [],
    text: `
typedef struct {
  int32_t pixels, channels, out_channels, offset;
  const int8_t *table;
} concat_t;

/* one operand's channels; with a table where it is quantised in another way than the result */
KERNEL void concat(const concat_t *p, const int8_t *in, int8_t *out) {
  out += p->offset;
  for (int32_t i = 0; i < p->pixels; i++, out += p->out_channels) {
    for (int32_t c = 0; c < p->channels; c++, in++) out[c] = p->table ? p->table[*in + 128] : *in;
  }
}
`,
  },
  routedExperts: {
    needs: ['multiplier'],
    text: `
/* the largest gates, lower index first of equal ones, and their shares of 2^22; a single one keeps its gate */
KERNEL void route(const int8_t *gates, int32_t zero, int32_t experts, int32_t top_k, int32_t *chosen, int32_t *shares) {
  int32_t total = 0;
  for (int32_t k = 0; k < top_k; k++) {
    int32_t best = -1;
    for (int32_t i = 0; i < experts; i++) {
      int taken = 0;
      for (int32_t j = 0; j < k; j++) taken |= chosen[j] == i;
      if (!taken && (best < 0 || gates[i] > gates[best])) best = i;
    }
    chosen[k] = best;
    shares[k] = gates[best] - zero;
    total += shares[k];
  }
  for (int32_t k = 0; top_k > 1 && k < top_k; k++) shares[k] = (shares[k] * 4194304 + total / 2) / total;
}

typedef struct {
  int32_t length;
  factor_t factor;
  int8_t in_zero, out_zero, gate_zero;
} combine_t;

/* adds an expert's output, weighted by its share */
KERNEL void combine(const combine_t *p, int32_t share, const int8_t *in, int8_t *out) {
  for (int32_t i = 0; i < p->length; i++) {
    const int32_t part = scale(share * (in[i] - p->in_zero), p->factor.multiplier, p->factor.shift);
    out[i] = clamp(out[i] + clamp(part + p->out_zero, -128, 127) - p->out_zero, -128, 127);
  }
}
`,
  },
}

/** The sources of some kernels and all that they need, each once, in an order in which they compile. */
export function kernelSources(kernels: ReadonlySet<KernelSourceName>): string {
  const wanted = new Set<SourceName>()
  const want = (name: SourceName): void => {
    if (wanted.has(name)) return
    for (const needed of KERNEL_SOURCES[name].needs) want(needed)
    wanted.add(name)
  }
  for (const kernel of kernels) want(kernel)
  return [...wanted].map((name) => withCmsis(name, KERNEL_SOURCES[name].text)).join('')
}
