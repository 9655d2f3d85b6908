import { type CostModel, createCostModel, loadProfile, type Profile } from '../hardware-profiles/index.ts'

/** Profile of the exported C; measured on an emulated Cortex-M4. */
const C_PROFILE_ID = 'stm32f446-frugal-c'
/** Other cores take other cycles for the same instructions: a Cortex-M7 issues two at a time, a Cortex-M0 none of the SIMD. */
const OTHER_CORE_ERROR90 = 0.5

/**
 * What the exported C costs on a profile's board: cycles and memory of the C, with the board's clock, memory and power.
 * @returns undefined for devices that are no microcontroller.
 */
export function costModelOfC(board: Profile): CostModel | undefined {
  if (board.family !== 'cortex-m') return undefined
  const own = loadProfile(C_PROFILE_ID)
  const sameCore = board.core.startsWith('Cortex-M4')
  return createCostModel({
    ...own,
    clockHz: board.clockHz,
    ramBytes: board.ramBytes,
    flashBytes: board.flashBytes,
    energy: board.energy,
    systematicError90: sameCore ? own.systematicError90 : OTHER_CORE_ERROR90,
  })
}
