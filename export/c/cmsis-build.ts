import { BOARDS, type Board, boardCompile, boardLink, boardRun } from './toolchain.ts'

const [BOARD] = BOARDS as readonly [Board]
const PROGRAM = 'cmsis.elf'
/** The library's integer functions: of the rest some need other options. */
const LIBRARY_SOURCES = `$(find "$CMSIS_NN/Source" -name '*.c' ! -name '*f16*' ! -name '*f32*' ! -name '*flt*')`
/** Code of the library is newer C than ours, and more of it than is called. */
const OWN_FLAGS: ReadonlySet<string> = new Set(['-std=c99', '-ffreestanding'])

/** Flags that compile for a board what CMSIS-NN is part of. */
export const cmsisFlags = (board: Parameters<typeof boardCompile>[0]): readonly string[] =>
  boardCompile(board).filter((flag) => !OWN_FLAGS.has(flag))

/**
 * Shell lines that link the check program with CMSIS-NN, whose folder is in `CMSIS_NN`, for an emulated Cortex-M4, run it and
 * compare its outputs.
 */
export const CMSIS_LINES = `arm-none-eabi-gcc ${[
  ...boardLink(BOARD, ['check.c', LIBRARY_SOURCES], PROGRAM).filter((flag) => !OWN_FLAGS.has(flag)),
  '-ffunction-sections -Wl,--gc-sections',
  '-DFRUGAL_USE_CMSIS_NN -DCMSIS_NN_USE_SINGLE_ROUNDING -I "$CMSIS_NN/Include"',
].join(' ')}
qemu-system-arm ${boardRun(BOARD, PROGRAM).join(' ')} && cmp outputs.bin expected.bin`
