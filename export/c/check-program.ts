/** What the check program is told about the model. */
interface CheckedModel {
  readonly identifier: string
}

/**
 * How a check program reads `inputs.bin` into `sample`, writes `result` to `outputs.bin`, and says things: with stdio on
 * a computer, with semihosting on an emulated Cortex-M.
 */
export const CHECK_FILES = `#if defined(__arm__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define ON_BOARD 1
/* Semihosting: the operation in r0, its argument in r1. */
static int call(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static int open_file(const char *name, unsigned mode, unsigned length) {
  const uintptr_t arguments[3] = {(uintptr_t)name, mode, length};
  return call(1, arguments);
}

/* SYS_READ and SYS_WRITE return the number of bytes left over. */
static int transfer(int operation, int file, const void *bytes, unsigned length) {
  const uintptr_t arguments[3] = {(uintptr_t)file, (uintptr_t)bytes, length};
  return call(operation, arguments) == 0;
}

static int in_file, out_file;
static int open_files(void) {
  in_file = open_file("inputs.bin", 1, 10);
  out_file = open_file("outputs.bin", 5, 11);
  return in_file >= 0 && out_file >= 0;
}
static int read_sample(void) { return transfer(6, in_file, sample, sizeof sample); }
static int write_result(void) { return transfer(5, out_file, result, sizeof result); }
static void say(const char *text) { call(4, text); }
static void leave(int status) {
  const uintptr_t arguments[2] = {0x20026, (uintptr_t)status};
  call(0x20, arguments);
  for (;;) {
  }
}
#else
#include <stdio.h>
#include <stdlib.h>
static FILE *in_file, *out_file;
static int open_files(void) {
  in_file = fopen("inputs.bin", "rb");
  out_file = fopen("outputs.bin", "wb");
  return in_file && out_file;
}
static int read_sample(void) { return fread(sample, 1, sizeof sample, in_file) == sizeof sample; }
static int write_result(void) { return fwrite(result, 1, sizeof result, out_file) == sizeof result; }
static void say(const char *text) { fputs(text, stdout); }
static void leave(int status) {
  if (out_file && fclose(out_file) != 0) status = 1;
  exit(status);
}
#endif

static void say_number(uint32_t number) {
  char text[12];
  char *at = text + sizeof text;
  *--at = 0;
  do {
    *--at = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  say(at);
}

`

/** On a board, the bytes of the stack that a run takes. @param pointer declares a pointer to it in C; @param call calls it by that */
export const stackOfRun = (pointer: string, call: string): string => `#if defined(ON_BOARD)
/* Bytes of the stack that one run takes: the memory below is filled with a pattern, and then searched for what is left.
 * The call goes through a pointer that the compiler cannot see through, so that the run keeps a frame of its own. */
static uint32_t stack_of_run(void) {
  enum { LOOKED_AT = 4096 };
  ${pointer};
  volatile uint8_t *top;
  __asm__ volatile("mov %0, sp" : "=r"(top));
  for (int i = 1; i <= LOOKED_AT; i++) top[-i] = 0xa5;
  ${call};
  int i = LOOKED_AT;
  while (i > 0 && top[-i] == 0xa5) i--;
  return (uint32_t)i;
}
#endif
`

/** What a check program says last: samples, bytes that were used of those there are (expressions in C), the stack on a board. */
export const checkEnd = (usedBytes: string, allBytes: string): string => `  say("samples ");
  say_number(samples);
  say(" arena ");
  say_number(${usedBytes});
  say(" of ");
  say_number(${allBytes});
#if defined(ON_BOARD)
  say(" stack ");
  say_number(stack_of_run());
#endif
  say("\\n");
  leave(0);
  return 0;
}
`

/**
 * `check.c`: runs the model on every sample of `inputs.bin`, writes `outputs.bin`, and says how much of the arena was
 * written to. On a computer it uses stdio, on an emulated Cortex-M semihosting.
 */
export function checkProgram({ identifier }: CheckedModel): string {
  const upper = identifier.toUpperCase()
  return `/* Runs the model on inputs.bin, writes outputs.bin, prints how much of the arena was written to. */
#include "model.c"

static int8_t sample[${upper}_INPUT_BYTES], result[${upper}_OUTPUT_BYTES];

${CHECK_FILES}/* Bytes from the start of the arena up to the last one that differs from what it was filled with. */
static uint32_t touched(int8_t fill) {
  uint32_t bytes = sizeof arena;
  while (bytes > 0 && arena[bytes - 1] == fill) bytes--;
  return bytes;
}

${stackOfRun(`int (*volatile run)(const int8_t *, int8_t *) = ${identifier}_run`, 'if (run(sample, result) != 0) leave(3)')}
int main(void) {
  uint32_t most = 0, samples = 0;
  if (!open_files()) leave(2);
  while (read_sample()) {
    /* A result may equal the filling by chance: two fillings in turn. */
    const int8_t fill = samples % 2 ? 0x5a : -0x5b;
    memset(arena, fill, sizeof arena);
    if (${identifier}_run(sample, result) != 0 || !write_result()) leave(3);
    const uint32_t bytes = touched(fill);
    if (bytes > most) most = bytes;
    samples++;
  }
${checkEnd('most', 'sizeof arena')}`
}

/** `main.c`: the smallest program around the model; its linked size is what the model takes of flash. */
export const mainProgram = ({ identifier }: CheckedModel): string => `/* The smallest program: one inference. */
#include "model.h"

static int8_t scores[${identifier.toUpperCase()}_OUTPUT_BYTES];

int main(void) {
  int8_t *input = ${identifier}_input();
  for (int i = 0; i < ${identifier.toUpperCase()}_INPUT_BYTES; i++) input[i] = ${identifier.toUpperCase()}_INPUT_ZERO_POINT;
  return ${identifier}_run(0, scores);
}
`

/** `start.c`: vector table and start of an emulated Cortex-M; switches the floating-point unit on. */
export const START_SOURCE = `/* Vector table and start-up for the emulated Cortex-M boards of QEMU. */
#include <stdint.h>
#include <string.h>

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;
int main(void);

static void fault(void) {
  for (;;) {
  }
}

void start(void) {
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
  __asm__ volatile("dsb\\nisb");
  memcpy(&data_start, &data_load, (uintptr_t)&data_end - (uintptr_t)&data_start);
  memset(&bss_start, 0, (uintptr_t)&bss_end - (uintptr_t)&bss_start);
  main();
  fault();
}

typedef void (*handler_t)(void);
__attribute__((section(".vectors"), used)) static const handler_t vectors[16] = {
    (handler_t)&stack_top, start, fault, fault, fault, fault, fault};
`

/** `link.ld`: code at 0, data at 0x20000000, as on mps2-an386, mps2-an500 and mps3-an547. */
export const LINKER_SCRIPT = `/* memory_bytes is given by the linker's command line: 4M on mps2-an386 and mps2-an500, 512K on mps3-an547. */
MEMORY {
  ROM (rx) : ORIGIN = 0x00000000, LENGTH = memory_bytes
  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = memory_bytes
}
ENTRY(start)
stack_top = ORIGIN(RAM) + LENGTH(RAM);
SECTIONS {
  .text : {
    KEEP(*(.vectors))
    *(.text*)
    *(.rodata*)
    . = ALIGN(4);
  } > ROM
  .ARM.exidx : { *(.ARM.exidx*) } > ROM
  .data : {
    data_start = .;
    *(.data*)
    . = ALIGN(4);
    data_end = .;
  } > RAM AT > ROM
  data_load = LOADADDR(.data);
  .bss (NOLOAD) : {
    bss_start = .;
    *(.bss*) *(COMMON)
    . = ALIGN(4);
    bss_end = .;
  } > RAM
}
`
