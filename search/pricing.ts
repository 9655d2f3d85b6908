import { archId, countMacs, countParams } from '../network/measure.ts'
import type { NetworkGraph } from '../network/types.ts'
import type { Genome } from '../spaces/genome.ts'
import type { SearchSpace, Task } from '../spaces/space.ts'

/** One limit that a candidate breaks, in the unit of the limit; `relative` is (value − allowed) ÷ allowed. */
export interface LimitViolation {
  readonly limit: string
  readonly value: number
  readonly allowed: number
  readonly relative: number
}

/** What a device says of a network. */
export interface DevicePrice {
  readonly latencyMs: number
  readonly energyMj: number
  readonly peakRamBytes: number
  readonly flashBytes: number
  readonly basis: Readonly<Record<string, number>>
  readonly violations: readonly LimitViolation[]
}

/** A device of this search with the limits that hold for it. */
export interface SearchDevice {
  readonly id: string
  price(graph: NetworkGraph): DevicePrice
}

/** A genome with all that can be known before training. */
export interface Candidate {
  readonly genome: Genome
  readonly graph: NetworkGraph
  readonly archId: string
  readonly macs: number
  readonly params: number
  /** In the order of the search's devices. */
  readonly prices: readonly DevicePrice[]
  /** Per device, the sum of relative violations; 0 when feasible there. */
  readonly violation: readonly number[]
}

/** Decodes a genome and prices it on every device. */
export function priceGenome(
  space: SearchSpace,
  task: Task,
  devices: readonly SearchDevice[],
  genome: Genome,
): Candidate {
  const graph = space.decode(genome, task)
  const prices = devices.map((device) => device.price(graph))
  return {
    genome,
    graph,
    archId: archId(graph),
    macs: countMacs(graph),
    params: countParams(graph),
    prices,
    violation: prices.map(({ violations }) => violations.reduce((sum, { relative }) => sum + relative, 0)),
  }
}

/** A candidate is trained when at least one device of the search can take it. */
export const isFeasible = (candidate: Candidate): boolean => candidate.violation.some((violation) => violation === 0)

/** How far a candidate is from the limits of the device that it comes closest to; 0 when it is feasible there. */
export const leastViolation = (candidate: Candidate): number => Math.min(...candidate.violation)
