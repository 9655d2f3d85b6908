import type { Costs } from './cost-model.ts'
import type { Profile } from './profile.ts'

/** What the user allows; memory is also limited by the device. */
export interface Limits {
  readonly maxLatencyMs?: number
  readonly maxEnergyMj?: number
  readonly maxRamBytes?: number
  readonly maxFlashBytes?: number
}

export type LimitName = 'latencyMs' | 'energyMj' | 'peakRamBytes' | 'flashBytes' | 'unsupported'

export interface Violation {
  readonly limit: LimitName
  readonly value: number
  readonly allowed: number
  /** Excess over what is allowed, relative to it; an unsupported kernel kind counts 1. */
  readonly relative: number
  /** The kernel kind that the device cannot run. */
  readonly kernel?: string
}

/** RAM that a network may use: the device's, less what the runtime itself takes. */
export const availableRamBytes = ({ ramBytes, memory }: Profile): number =>
  Math.max(ramBytes - (memory.runtimeRamBytes ?? 0), 0)

const tighter = (device: number, user: number | undefined): number => Math.min(device, user ?? device)

/**
 * Every limit that a network breaks; empty when it is feasible. The sum of `relative` is the constraint violation by
 * which infeasible candidates are compared.
 */
export function checkLimits(costs: Costs, profile: Profile, limits: Limits = {}): readonly Violation[] {
  const violations: Violation[] = []
  const check = (limit: LimitName, value: number, allowed: number | undefined): void => {
    if (allowed === undefined || value <= allowed) return
    violations.push({ limit, value, allowed, relative: allowed > 0 ? value / allowed - 1 : value })
  }
  check('latencyMs', costs.latencyMs, limits.maxLatencyMs)
  check('energyMj', costs.energyMj, limits.maxEnergyMj)
  check('peakRamBytes', costs.peakRamBytes, tighter(availableRamBytes(profile), limits.maxRamBytes))
  check('flashBytes', costs.flashBytes, tighter(profile.flashBytes, limits.maxFlashBytes))
  for (const kernel of costs.unsupported) {
    violations.push({ limit: 'unsupported', value: 1, allowed: 0, relative: 1, kernel })
  }
  return violations
}

/** Sum of the relative excesses: 0 means feasible. */
export const constraintViolation = (violations: readonly Violation[]): number =>
  violations.reduce((sum, { relative }) => sum + relative, 0)
