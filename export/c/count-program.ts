/** What the counting program is told about the model. */
interface CountedModel {
  readonly identifier: string
  readonly layers: readonly string[]
}

/** Nanoseconds of virtual time that one instruction takes: `-icount shift=6`. */
export const ICOUNT_SHIFT = 6
/** One tick of the boards' 25 MHz timer. */
const TICK_NANOSECONDS = 40

/** The boards' timer, which counts down. */
export const TIMER = `#define TIMER_CONTROL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

`

/** Semihosting, and instructions between two readings of the timer. */
export const COUNT_TOOLS = `/* Semihosting: the operation in r0, its argument in r1. */
static int call(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void say_number(uint32_t number) {
  char text[13];
  char *at = text + sizeof text;
  *--at = 0;
  *--at = '\\n';
  do {
    *--at = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  call(4, at);
}

/* The timer counts down. */
static uint32_t instructions(uint32_t from, uint32_t to) {
  return (uint32_t)(((uint64_t)(from - to) * ${TICK_NANOSECONDS} + ${2 ** (ICOUNT_SHIFT - 1)}) >> ${ICOUNT_SHIFT});
}

`

/**
 * `count.c`: runs one sample on an emulated Cortex-M4 or M7 and prints the instructions of each kernel. The emulator lets
 * virtual time pass with instructions only, so that a timer counts them.
 */
export function countProgram({ identifier, layers }: CountedModel): string {
  return `/* Counts the instructions of each kernel on the first sample of inputs.bin. For QEMU's mps2-an386 and mps2-an500, run
 * with -icount shift=${ICOUNT_SHIFT}: an instruction takes ${2 ** ICOUNT_SHIFT} ns of virtual time, a tick of the timer ${TICK_NANOSECONDS} ns. */
#include <stdint.h>

#define LAYERS ${layers.length}
${TIMER}static uint32_t marks[LAYERS + 1];
/* Nothing that a kernel reads or writes may be moved over the mark. */
static inline void mark(int n) {
  __asm__ volatile("" ::: "memory");
  marks[n] = TIMER_VALUE;
  __asm__ volatile("" ::: "memory");
}

#define FRUGAL_LAYER(n) mark((n) + 1)
#include "model.c"

${COUNT_TOOLS}int main(void) {
  static int8_t sample[${identifier.toUpperCase()}_INPUT_BYTES], result[${identifier.toUpperCase()}_OUTPUT_BYTES];
  const uintptr_t name[3] = {(uintptr_t) "inputs.bin", 1, 10};
  const uintptr_t file = (uintptr_t)call(1, name);
  const uintptr_t bytes[3] = {file, (uintptr_t)sample, sizeof sample};
  uintptr_t status[2] = {0x20026, 0};
  if (call(6, bytes) != 0) status[1] = 2;
  TIMER_RELOAD = 0xffffffffu;
  TIMER_VALUE = 0xffffffffu;
  TIMER_CONTROL = 1;
  marks[0] = TIMER_VALUE;
  if (${identifier}_run(sample, result) != 0) status[1] = 3;
  for (int i = 0; i < LAYERS; i++) say_number(instructions(marks[i], marks[i + 1]));
  call(0x20, status);
  for (;;) {
  }
}
`
}
