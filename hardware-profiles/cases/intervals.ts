import type { CostModel } from '../cost-model.ts'
import { caseNetwork } from './case-network.ts'

/** A left-out network: what it took, and the model that was fitted without it. */
export interface LeftOut {
  readonly network: string
  readonly measuredMs: number
  readonly model: CostModel
}

/**
 * The systematic error that makes the 90 % interval hold 90 % of left-out networks (split conformal prediction: of n
 * cases the ⌈0.9·(n + 1)⌉-th smallest need, Vovk et al. 2005). A case needs what its error exceeds the error of its
 * kernels by, in squares, relative to its latency. With fewer than 9 cases it is the largest need, which is less than
 * 90 % sure.
 */
export function conformalSystematicError(cases: readonly LeftOut[]): number {
  const needs = cases
    .map(({ network, measuredMs, model }) => {
      const { latencyMs, latencyHighMs } = model.price(caseNetwork(network))
      const systematicMs = latencyMs * model.profile.systematicError90
      const kernels = Math.max((latencyHighMs - latencyMs) ** 2 - systematicMs ** 2, 0)
      return Math.sqrt(Math.max((measuredMs - latencyMs) ** 2 - kernels, 0)) / latencyMs
    })
    .sort((a, b) => a - b)
  const rank = Math.min(Math.ceil(0.9 * (needs.length + 1)), needs.length)
  return Number((needs[rank - 1] ?? 0).toPrecision(3))
}
