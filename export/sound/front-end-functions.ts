/**
 * Window, transform, energies, bands and logarithm in C99: the steps of `createSpectrogram`, number by number. Shifts to
 * the right round down, as every compiler's do.
 */
export const FRONT_END_FUNCTIONS = `
/* cos and sin of 2 pi k / (2 POINTS), k = 0 to POINTS, times 32767 */
static int32_t cos_at(uint32_t k) { return k <= QUARTER ? cosine[k] : -cosine[2 * QUARTER - k]; }
static int32_t sin_at(uint32_t k) { return cosine[k <= QUARTER ? QUARTER - k : k - QUARTER]; }

/* Windowed samples, even ones as real and odd ones as imaginary parts, where the transform wants them. */
static void load_frame(const int16_t *samples) {
  uint32_t to = 0;
  for (uint32_t i = 0; i < POINTS; i++) {
    const uint32_t n = 2 * i;
    re[to] = n < FRAME ? samples[n] * window[n < FRAME - 1 - n ? n : FRAME - 1 - n] : 0;
    im[to] = n + 1 < FRAME ? samples[n + 1] * window[n + 1 < FRAME - 2 - n ? n + 1 : FRAME - 2 - n] : 0;
    /* the next place counts from the highest bit */
    uint32_t bit = POINTS >> 1;
    while (to & bit) {
      to ^= bit;
      bit >>= 1;
    }
    to |= bit;
  }
}

/* Complex Fourier transform in place, divided by POINTS: each stage halves. */
static void transform(void) {
  for (uint32_t half = 1; half < POINTS; half *= 2) {
    for (uint32_t j = 0; j < half; j++) {
      const int32_t c = cos_at(j * (POINTS / half)), s = sin_at(j * (POINTS / half));
      for (uint32_t a = j; a < POINTS; a += 2 * half) {
        const uint32_t b = a + half;
        const int32_t tr = (int32_t)(((int64_t)re[b] * c + (int64_t)im[b] * s + 32768) >> 16);
        const int32_t ti = (int32_t)(((int64_t)im[b] * c - (int64_t)re[b] * s + 32768) >> 16);
        const int32_t ar = (re[a] + 1) >> 1, ai = (im[a] + 1) >> 1;
        re[a] = ar + tr;
        im[a] = ai + ti;
        re[b] = ar - tr;
        im[b] = ai - ti;
      }
    }
  }
}

/* Energy of bin k of the real transform. */
static uint64_t energy_at(uint32_t k) {
  const uint32_t a = k % POINTS, b = (POINTS - k) % POINTS;
  const int64_t sum_r = (int64_t)re[a] + re[b], sum_i = (int64_t)im[a] - im[b];
  const int64_t difference_r = (int64_t)re[a] - re[b], difference_i = (int64_t)im[a] + im[b];
  const int32_t c = cos_at(k), s = sin_at(k);
  const int32_t real = (int32_t)((sum_r * 32768 + c * difference_i - s * difference_r + (1 << 21)) >> 22);
  const int32_t imaginary = (int32_t)((sum_i * 32768 - c * difference_r - s * difference_i + (1 << 21)) >> 22);
  return (uint64_t)((int64_t)real * real) + (uint64_t)((int64_t)imaginary * imaginary);
}

/* round(STEPS_PER_OCTAVE * log2(energy)), less the silent octaves, within a byte */
static uint8_t loudness(uint64_t energy) {
  if (energy == 0) return 0;
  int32_t octave = energy >> 32 ? 32 : 0;
  for (uint32_t rest = (uint32_t)(energy >> octave); rest > 1; rest >>= 1) octave++;
  const uint32_t mantissa = (uint32_t)(octave >= 15 ? energy >> (octave - 15) : energy << (15 - octave));
  int32_t steps = STEPS_PER_OCTAVE * (octave - SILENT_OCTAVES);
  for (int32_t i = 0; i < STEPS_PER_OCTAVE; i++) steps += mantissa >= thresholds[i];
  return (uint8_t)(steps < 0 ? 0 : steps > 255 ? 255 : steps);
}

/* Each bin counts for the band below and for the band above it. */
static void write_bands(uint8_t *bands) {
  uint64_t rising = 0;
  for (uint32_t i = 0; i <= BANDS; i++) {
    uint64_t sum = 0, up = 0;
    for (uint32_t bin = first_bins[i]; bin < first_bins[i + 1]; bin++) {
      const uint64_t energy = energy_at(bin);
      sum += energy;
      up += energy * weights[bin - first_bins[0]];
    }
    if (i > 0) bands[i - 1] = loudness(rising + (sum << 15) - up);
    rising = up;
  }
}
`
