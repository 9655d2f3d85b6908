import type { QuantisedKernel, QuantisedKind } from '../quantise/types.ts'
import { hasFourBits, type WeightedKernel } from '../quantise/weight-bits.ts'

/** A kernel's function; those for weights of 4 bits are others. */
export type KernelSourceName = QuantisedKind | `${WeightedKernel['kind']}4`

/** Name of a static C function or type, and what it needs to stand after. */
export type SourceName =
  | 'fixed'
  | 'exponential'
  | 'pad'
  | 'multiplier'
  | 'products4'
  | `${WeightedKernel['kind']}Struct`
  | KernelSourceName

export interface KernelSource {
  readonly needs: readonly SourceName[]
  readonly text: string
}

/** Which function computes a kernel. */
export const sourceOf = (kernel: QuantisedKernel): KernelSourceName =>
  hasFourBits(kernel) ? `${(kernel as WeightedKernel).kind}4` : kernel.kind
