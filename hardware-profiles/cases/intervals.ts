import type { CostModel } from '../cost-model.ts'
import { caseNetwork, withWeightBits } from './case-network.ts'

/** A left-out network: what it took, and the model that was fitted without it. */
export interface LeftOut {
  readonly network: string
  readonly measuredMs: number
  /** What is known of its weights (`withWeightBits`). */
  readonly weightBits?: readonly number[] | undefined
  readonly model: CostModel
}

/**
 * The systematic error with which the 90 % interval holds nine tenths of left-out networks: the 0.9-quantile of what they
 * need. A case needs what its error exceeds the error of its kernels by, in squares, relative to its latency. Of fewer
 * than six cases it is the largest need, which is less than 90 % sure: such suites are marked where they are shown.
 */
export function systematicErrorOf(cases: readonly LeftOut[]): number {
  const needs = cases
    .map(({ network, measuredMs, model, weightBits }) => {
      const { latencyMs, latencyHighMs } = model.price(withWeightBits(caseNetwork(network), weightBits))
      const systematicMs = latencyMs * model.profile.systematicError90
      const kernels = Math.max((latencyHighMs - latencyMs) ** 2 - systematicMs ** 2, 0)
      return Math.sqrt(Math.max((measuredMs - latencyMs) ** 2 - kernels, 0)) / latencyMs
    })
    .sort((a, b) => a - b)
  const need = needs[Math.round(0.9 * needs.length) - 1] ?? 0
  // Rounded up, or the very case that sets the width would fall outside.
  return Math.ceil(need * 1e4) / 1e4
}
