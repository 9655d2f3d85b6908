import type { CModel } from './write-model.ts'

/** One kernel of a benchmark: its line of CSV up to the time, and which `FRUGAL_LAYER(n)` ends it. */
export interface BenchKernel {
  readonly line: string
  readonly layer: number
}

/**
 * One C file that times every kernel of a network on a Cortex-M: the model's source with a mark after each kernel, and a
 * `main` that prints one line of CSV a kernel. Cycles come from the DWT's counter, with `-DFRUGAL_SYSTICK` from SysTick
 * (24 bits; for cores and emulators without a DWT); on a computer they are nanoseconds, for trying it out. Output goes
 * through `FRUGAL_PRINT(text)`, `printf` unless defined otherwise, with `-DFRUGAL_SEMIHOSTING` to the debugger.
 */
export function benchProgram(
  { identifier, source, header, layers }: CModel,
  heading: string,
  kernels: readonly BenchKernel[],
): string {
  const upper = identifier.toUpperCase()
  return `/* Times the kernels of a network: flash it, capture the output, give it to
 *   frugal devices calibrate --operators FILE --clock-mhz N --base ID --out my-board.profile.json
 * Compile with the optimisation of your product (-O2 or -O3), interrupts off. Another runtime is timed by printing the
 * same lines with its own cycles. */
#include <stdint.h>

#define LAYERS ${layers.length}
#define RUNS 3

#if defined(__arm__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define WORD(address) (*(volatile uint32_t *)(address))
#if defined(FRUGAL_SYSTICK)
static void start_counter(void) {
  WORD(0xE000E014u) = 0xFFFFFFu;
  WORD(0xE000E018u) = 0;
  WORD(0xE000E010u) = 5;
}
#define CYCLES() (0xFFFFFFu - WORD(0xE000E018u))
#define CYCLES_MASK 0xFFFFFFu
#else
static void start_counter(void) {
  WORD(0xE000EDFCu) |= 1u << 24;
  WORD(0xE0001FB0u) = 0xC5ACCE55u;
  WORD(0xE0001004u) = 0;
  WORD(0xE0001000u) |= 1;
}
#define CYCLES() WORD(0xE0001004u)
#define CYCLES_MASK 0xFFFFFFFFu
#endif
#else
#include <time.h>
static void start_counter(void) {}
static uint32_t nanoseconds(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}
#define CYCLES() nanoseconds()
#define CYCLES_MASK 0xFFFFFFFFu
#endif

static uint32_t marks[LAYERS + 1];
/* Nothing that a kernel reads or writes may be moved over the mark. */
static inline void mark(int n) {
  __asm__ volatile("" ::: "memory");
  marks[n] = CYCLES();
  __asm__ volatile("" ::: "memory");
}
#define FRUGAL_LAYER(n) mark((n) + 1)

${header}
${source.replace('#include "model.h"\n', '')}
#if defined(FRUGAL_SEMIHOSTING)
static int call(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
#define FRUGAL_PRINT(text) call(4, text)
#elif !defined(FRUGAL_PRINT)
#include <stdio.h>
#define FRUGAL_PRINT(text) fputs(text, stdout)
#endif

static void print_number(uint32_t number) {
  char text[13];
  char *at = text + sizeof text;
  *--at = 0;
  *--at = '\\n';
  do {
    *--at = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  FRUGAL_PRINT(at);
}

static const struct {
  const char *line;
  int layer;
} kernels[] = {
${kernels.map(({ line, layer }) => `    {"${line},", ${layer}},`).join('\n')}
};

static int8_t result[${upper}_OUTPUT_BYTES];
static uint32_t least[LAYERS];

int main(void) {
  start_counter();
  for (int run = 0; run < RUNS; run++) {
    int8_t *input = ${identifier}_input();
    for (int i = 0; i < ${upper}_INPUT_BYTES; i++) input[i] = (int8_t)(i * 7);
    mark(0);
    if (${identifier}_run(0, result) != 0) return 1;
    for (int n = 0; n < LAYERS; n++) {
      const uint32_t cycles = (marks[n + 1] - marks[n]) & CYCLES_MASK;
      if (run == 0 || cycles < least[n]) least[n] = cycles;
    }
  }
  FRUGAL_PRINT("${heading}\\n");
  for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++) {
    if (least[kernels[i].layer] == 0) continue;
    FRUGAL_PRINT(kernels[i].line);
    print_number(least[kernels[i].layer]);
  }
#if defined(FRUGAL_SEMIHOSTING)
  const uintptr_t leave[2] = {0x20026, 0};
  call(0x20, leave);
#endif
  return 0;
}
`
}
