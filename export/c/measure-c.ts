import { ICOUNT_SHIFT } from './count-program.ts'
import { BOARDS, type Board, boardLink, boardRun, findTool, runTool } from './toolchain.ts'

const [MEASURED] = BOARDS as readonly [Board]

/** What builds the counting program, and what runs it; relative to the C folder. */
export const COUNT_BUILD: readonly string[] = boardLink(MEASURED, ['count.c'], 'count.elf')
export const COUNT_RUN: readonly string[] = [...boardRun(MEASURED, 'count.elf'), '-icount', `shift=${ICOUNT_SHIFT}`]
/** What links the smallest program. */
const buildOf = (sources: readonly string[]): readonly string[] => boardLink(MEASURED, sources, 'main.elf')
const MAIN_SOURCES: readonly string[] = ['main.c', 'model.c']
export const MAIN_BUILD: readonly string[] = buildOf(MAIN_SOURCES)

/** Flash of the smallest program for a Cortex-M4: code, constants and start-up, from the sections of the linked file. */
export async function linkedFlash(
  folder: string,
  compiler: string,
  sources: readonly string[] = MAIN_SOURCES,
): Promise<number | undefined> {
  const size = findTool('arm-none-eabi-size')
  if (size === undefined || !(await runTool(compiler, buildOf(sources), folder)).ok) return undefined
  const sizes = /^\s*(\d+)\s+(\d+)/m.exec((await runTool(size, ['main.elf'], folder)).stdout)
  return sizes === null ? undefined : Number(sizes[1]) + Number(sizes[2])
}

/** Instructions of each layer for the first sample of `inputs.bin`, on an emulated Cortex-M4. */
export async function countInstructions(
  folder: string,
  compiler: string,
  emulator: string,
): Promise<readonly number[] | undefined> {
  if (!(await runTool(compiler, COUNT_BUILD, folder)).ok) return undefined
  const ran = await runTool(emulator, COUNT_RUN, folder)
  if (!ran.ok) return undefined
  // QEMU writes what a program says to standard error.
  const counts = (ran.stdout + ran.stderr).split('\n').filter((line) => /^\d+$/.test(line))
  return counts.map(Number)
}
