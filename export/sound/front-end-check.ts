import { CHECK_FILES, checkEnd, stackOfRun } from '../c/check-program.ts'
import { COUNT_TOOLS, ICOUNT_SHIFT, TIMER } from '../c/count-program.ts'

/** What the programs are told about the front end. */
export interface CheckedFrontEnd {
  readonly identifier: string
  /** Of the network's int8 input; 0 where none is prepared. */
  readonly inputBytes: number
}

/** Bytes of the sound and the features that go in, and of the features and the input that come out, for each sample. */
const buffers = ({ identifier, inputBytes }: CheckedFrontEnd): string => {
  const upper = identifier.toUpperCase()
  return `#define FEATURES (${upper}_FRAMES * ${upper}_BANDS)
#define SOUND (2 * ${upper}_CLIP_SAMPLES)
#define INPUT ${inputBytes}
`
}

/** Statements that compute the features of `clip`, and the input of the network from `given` where there is one. */
const work = ({ identifier, inputBytes }: CheckedFrontEnd): string =>
  `${identifier}_features(clip, result);${inputBytes > 0 ? `\n  ${identifier}_prepare(given, (int8_t *)(result + FEATURES));` : ''}`

/**
 * `check.c`: of every sample of `inputs.bin`, a clip and the features of another one, writes the features of the clip and
 * the network's input for the other to `outputs.bin`.
 */
export const frontEndCheck = (
  frontEnd: CheckedFrontEnd,
): string => `/* Runs the front end on inputs.bin, writes outputs.bin, prints how much memory it takes. */
#include "frontend.c"

${buffers(frontEnd)}
/* The sound of one clip, and behind it the features of another. */
static union {
  uint8_t bytes[SOUND + FEATURES];
  int16_t samples[SOUND / 2];
} in;
static uint8_t result[FEATURES + INPUT];
#define sample in.bytes
#define clip in.samples
#define given (in.bytes + SOUND)

${CHECK_FILES}static void run(void) {
  ${work(frontEnd)}
}

${stackOfRun('void (*volatile call_run)(void) = run', 'call_run()')}
int main(void) {
  uint32_t samples = 0;
  if (!open_files()) leave(2);
  while (read_sample()) {
    run();
    if (!write_result()) leave(3);
    samples++;
  }
${checkEnd('sizeof re + sizeof im', 'sizeof re + sizeof im')}`

/** `count.c`: the instructions of one frame, and of preparing the network's input, on an emulated Cortex-M4. */
export const frontEndCount = (
  frontEnd: CheckedFrontEnd,
): string => `/* Counts the instructions of one frame, and of preparing the input. For QEMU's mps2-an386, run with -icount
 * shift=${ICOUNT_SHIFT}. */
#include "frontend.c"

${buffers(frontEnd)}
${TIMER}static int16_t clip[SOUND / 2];
static uint8_t features[FEATURES];
static int8_t input[INPUT + 1];

/* Nothing may be moved over a reading. */
static uint32_t now(void) {
  __asm__ volatile("" ::: "memory");
  const uint32_t time = TIMER_VALUE;
  __asm__ volatile("" ::: "memory");
  return time;
}

${COUNT_TOOLS}int main(void) {
  const uintptr_t status[2] = {0x20026, 0};
  /* A chirp: which bands are loud changes the count by little. */
  for (uint32_t i = 0; i < SOUND / 2; i++) clip[i] = (int16_t)(i * i);
  TIMER_RELOAD = 0xffffffffu;
  TIMER_VALUE = 0xffffffffu;
  TIMER_CONTROL = 1;
  const uint32_t start = now();
  ${frontEnd.identifier}_frame(clip, features);
  const uint32_t framed = now();
${frontEnd.inputBytes > 0 ? `  ${frontEnd.identifier}_prepare(features, input);` : '  (void)input;'}
  const uint32_t prepared = now();
  say_number(instructions(start, framed));
  say_number(instructions(framed, prepared));
  call(0x20, status);
  for (;;) {
  }
}
`

/** `main.c`: the smallest program around the front end; its linked size is what the front end takes of flash. */
export const frontEndMain = (
  frontEnd: CheckedFrontEnd,
): string => `/* The smallest program: the features of one clip${frontEnd.inputBytes > 0 ? ', and the input of the network from them' : ''}. */
#include "frontend.h"

${buffers(frontEnd)}
static int16_t clip[SOUND / 2];
static uint8_t result[FEATURES + INPUT];
${frontEnd.inputBytes > 0 ? 'static const uint8_t *const given = result;\n' : ''}
int main(void) {
  clip[0] = 1;
  ${work(frontEnd)}
  return result[0];
}
`
