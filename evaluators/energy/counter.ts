/** Something that counts energy: only differences between two readings mean anything. */
export interface EnergyCounter {
  /** Where the figures come from, in words for reports; says so where a counter was lost meanwhile. */
  readonly source: string
  /** False where the energy is worked out from another quantity, and from when the counter was lost. */
  readonly measured: boolean
  /** Joules since the counter was opened; never falls. */
  joules(): number
  close(): void
}

export const JOULES_PER_WATT_HOUR = 3600
