import { type Kernel, type KernelKind, type Schedule, scheduleOf } from '../network/schedule.ts'
import type { NetworkGraph } from '../network/types.ts'
import { emptyFacts, type KernelFacts, readFacts } from './features.ts'
import { KernelMemo } from './memo.ts'
import { MemoryModel, type StoredSize, storedSize } from './memory.ts'
import type { Profile } from './profile.ts'
import { type Basis, CompiledTable } from './table.ts'

/** Share of the latency that was found each way; they add up to 1, or are all 0 for a network without kernels. */
export type BasisShares = Readonly<Record<Basis, number>>

export interface LayerCost {
  /** Kernel id: the node's id, or `<nodeId>/<run>/<bodyNodeId>` inside an expert. */
  readonly id: string
  readonly kind: KernelKind
  readonly latencyMs: number
  readonly energyMj: number
  readonly basis: Basis | 'unsupported'
  readonly macs: number
}

/** Cost of one inference. Everything is finite and not negative. */
export interface Costs {
  readonly latencyMs: number
  /** 90 % interval of the latency. */
  readonly latencyLowMs: number
  readonly latencyHighMs: number
  readonly energyMj: number
  readonly peakRamBytes: number
  readonly flashBytes: number
  readonly basis: BasisShares
  /** Kernel kinds that the device cannot run; their latency is not in the figures, the network is infeasible. */
  readonly unsupported: readonly KernelKind[]
  readonly macs: number
  /** Per kernel in execution order; empty unless asked for. */
  readonly layers: readonly LayerCost[]
}

export interface PriceOptions {
  /** Fill `layers`. Default false. */
  readonly layers?: boolean
}

export interface CostModel {
  readonly profile: Profile
  /** Lowers a graph as this runtime would (what it fuses differs by runtime). */
  schedule(graph: NetworkGraph): Schedule
  price(graph: NetworkGraph, options?: PriceOptions): Costs
  /** Prices a schedule made by `schedule`; `stored` counts every expert (see `storedSize`). */
  priceSchedule(schedule: Schedule, stored: StoredSize, options?: PriceOptions): Costs
}

interface KernelPrice {
  readonly latencyMs: number
  readonly energyMj: number
  readonly basis: Basis
  /** Half-width of the 90 % interval. */
  readonly errorMs: number
}

/** Makes the cost model of a profile. Build it once: compiling takes milliseconds, pricing microseconds. */
export function createCostModel(profile: Profile): CostModel {
  const fusion = { fusedActivations: new Set(profile.fusedActivations) }
  const memory = new MemoryModel(profile.memory)
  const tables = new Map(profile.tables.map((table) => [table.kernel, new CompiledTable(table)]))
  const unitMs = profile.latencyUnit === 'cycles' ? 1000 / profile.clockHz : 1e-3
  const memo = new KernelMemo<KernelPrice | undefined>((facts) => priceKernel(facts))
  const facts = emptyFacts()

  function priceKernel(kernel: KernelFacts): KernelPrice | undefined {
    const answer = tables.get(kernel.kind)?.lookup(kernel)
    if (answer === undefined) return undefined
    const latencyMs = answer.cost * unitMs
    const { activePowerMw, idlePowerMw, utilisation } = profile.energy
    const powerMw =
      answer.powerMw ??
      (utilisation === true ? idlePowerMw + (activePowerMw - idlePowerMw) * answer.utilisation : activePowerMw)
    return {
      latencyMs,
      energyMj: (latencyMs * powerMw) / 1000,
      basis: answer.basis,
      errorMs: latencyMs * answer.error90,
    }
  }

  function priceSchedule(schedule: Schedule, stored: StoredSize, options: PriceOptions = {}): Costs {
    const overheadMs = profile.inferenceOverhead * unitMs
    let latencyMs = overheadMs
    let energyMj = (overheadMs * profile.energy.activePowerMw) / 1000 + profile.energy.wakeUpEnergyMj
    let variance = 0
    let macs = 0
    const shares = { exact: 0, interpolated: 0, extrapolated: 0, fallback: 0 }
    const unsupported = new Set<KernelKind>()
    const layers: LayerCost[] = []
    for (const kernel of schedule.kernels) {
      readFacts(kernel, facts)
      const price = memo.get(facts)
      macs += kernel.macs
      if (price === undefined) {
        unsupported.add(kernel.kind)
      } else {
        latencyMs += price.latencyMs
        energyMj += price.energyMj
        variance += price.errorMs * price.errorMs
        shares[price.basis] += price.latencyMs
      }
      if (options.layers === true) layers.push(layerCost(kernel, price))
    }
    const kernelsMs = shares.exact + shares.interpolated + shares.extrapolated + shares.fallback
    const systematicMs = latencyMs * profile.systematicError90
    const errorMs = Math.sqrt(variance + systematicMs * systematicMs)
    const share = (ms: number): number => (kernelsMs > 0 ? ms / kernelsMs : 0)
    return {
      latencyMs,
      latencyLowMs: Math.max(latencyMs - errorMs, 0),
      latencyHighMs: latencyMs + errorMs,
      energyMj,
      peakRamBytes: memory.peakRamBytes(schedule, stored),
      flashBytes: memory.flashBytes(stored),
      basis: {
        exact: share(shares.exact),
        interpolated: share(shares.interpolated),
        extrapolated: share(shares.extrapolated),
        fallback: share(shares.fallback),
      },
      unsupported: [...unsupported],
      macs,
      layers,
    }
  }

  const schedule = (graph: NetworkGraph): Schedule => scheduleOf(graph, fusion)
  return {
    profile,
    schedule,
    priceSchedule,
    price: (graph, options) => {
      const lowered = schedule(graph)
      return priceSchedule(lowered, storedSize(graph, lowered), options)
    },
  }
}

const layerCost = ({ id, kind, macs }: Kernel, price: KernelPrice | undefined): LayerCost =>
  price === undefined
    ? { id, kind, latencyMs: 0, energyMj: 0, basis: 'unsupported', macs }
    : { id, kind, latencyMs: price.latencyMs, energyMj: price.energyMj, basis: price.basis, macs }
