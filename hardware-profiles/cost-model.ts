import type { MemoryPlan } from '../network/memory-plan.ts'
import type { Kernel, KernelKind, Schedule } from '../network/schedule.ts'
import type { NetworkGraph } from '../network/types.ts'
import { derivedAnswer } from './derived-rules.ts'
import { type KernelFacts, stepsOf } from './features.ts'
import { type KernelPrice, KernelPrices, type PriceSums } from './kernel-prices.ts'
import { CATALOGUE, fusionOf, type Lowered, lower, lowerSchedule } from './lowering.ts'
import { MemoryModel } from './memory.ts'
import type { Profile } from './profile.ts'
import type { StoredSize } from './stored-size.ts'
import { type Basis, CompiledTable } from './table.ts'
import { streamedMs } from './weight-stream.ts'

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

/** What an inference costs beside its kernels: starting it, and fetching weights that the accelerator cannot keep. */
export interface OnceCost {
  readonly id: 'inference' | 'weight-stream'
  readonly latencyMs: number
  readonly energyMj: number
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
  /** Per kernel in execution order; empty unless asked for. With `onceCosts` they add up to latency and energy. */
  readonly layers: readonly LayerCost[]
}

export interface PriceOptions {
  /** Fill `layers`. Default false. */
  readonly layers?: boolean
}

export interface BestOrder {
  readonly peakRamBytes: number
  /** Ids of the kernels. */
  readonly kernels: readonly string[]
  /** False when there were too many orders to look at them all; then the given order stands. */
  readonly best: boolean
  readonly memoryPlan: MemoryPlan
}

export interface CostModel {
  readonly profile: Profile
  /** Lowers a graph as this runtime would (what it fuses differs by runtime). */
  schedule(graph: NetworkGraph): Schedule
  /** Where each tensor and scratch buffer lies in the runtime's arena. */
  memoryPlan(graph: NetworkGraph): MemoryPlan
  /** RAM with the kernels in the order that needs least, for runtimes that take a file's order and files that can be written anew. */
  bestOrder(graph: NetworkGraph): BestOrder
  price(graph: NetworkGraph, options?: PriceOptions): Costs
  /** What is in the latency and energy of a graph and in none of its layers; empty where there is nothing of the kind. */
  onceCosts(graph: NetworkGraph): readonly OnceCost[]
  /** Prices a schedule made by `schedule`; `stored` counts every expert (see `storedSize`). */
  priceSchedule(schedule: Schedule, stored: StoredSize, options?: PriceOptions): Costs
}

/** Makes the cost model of a profile. Build it once: compiling takes milliseconds, pricing microseconds. */
export function createCostModel(profile: Profile): CostModel {
  const fusion = fusionOf(profile)
  const memory = new MemoryModel(profile.memory)
  const specs = new Map(profile.tables.map((table) => [table.kernel, table]))
  const tables = new Map<KernelKind, CompiledTable>()
  const unitMs = profile.latencyUnit === 'cycles' ? 1000 / profile.clockHz : 1e-3
  const prices = new KernelPrices(CATALOGUE, (facts) => priceKernel(facts))

  /** Tables are compiled when a kernel asks for them: a profile holds a thousand measured rows. */
  function tableOf(kind: KernelKind): CompiledTable | undefined {
    const known = tables.get(kind)
    const spec = specs.get(kind)
    if (known !== undefined || spec === undefined) return known
    const compiled = new CompiledTable(spec)
    tables.set(kind, compiled)
    return compiled
  }

  function priceKernel(kernel: KernelFacts): KernelPrice | undefined {
    const spec = specs.get(kernel.kind)
    const knowsSteps = spec?.models.some(({ when }) => when?.steps !== undefined) === true
    const own =
      spec !== undefined && (knowsSteps || stepsOf(kernel) === undefined)
        ? tableOf(kernel.kind)?.lookup(kernel)
        : undefined
    // A table of recurrent kernels says nothing of other operators without a kind of their own.
    const answer =
      own ??
      (spec === undefined || knowsSteps || stepsOf(kernel) !== undefined ? derivedAnswer(kernel, tableOf) : undefined)
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

  function priceLowered(lowered: Lowered, options: PriceOptions = {}): Costs {
    const { numbers } = lowered
    const { kernels } = lowered.schedule
    const streamMs = streamedMs(profile, lowered)
    const overheadMs = profile.inferenceOverhead * unitMs + streamMs
    const sums: PriceSums = {
      latencyMs: overheadMs,
      energyMj: (overheadMs * profile.energy.activePowerMw) / 1000 + profile.energy.wakeUpEnergyMj,
      variance: 0,
      unmeasuredErrorMs: streamMs * (profile.weightStream?.error90 ?? 0),
      byBasis: [0, 0, 0, 0],
      supported: true,
    }
    prices.addTo(sums, numbers)
    const { latencyMs, energyMj, variance, unmeasuredErrorMs, byBasis } = sums
    const [exact, interpolated, extrapolated, fallback] = byBasis
    let macs = 0
    for (let i = 0; i < kernels.length; i++) macs += kernels[i]!.macs
    const kernelsMs = exact + interpolated + extrapolated + fallback
    const systematicMs = latencyMs * profile.systematicError90
    // Measured kernels err independently of each other; those beyond what was measured share what their model gets wrong.
    const errorMs = Math.sqrt(variance + unmeasuredErrorMs * unmeasuredErrorMs + systematicMs * systematicMs)
    const share = (ms: number): number => (kernelsMs > 0 ? ms / kernelsMs : 0)
    return {
      latencyMs,
      latencyLowMs: Math.max(latencyMs - errorMs, 0),
      latencyHighMs: latencyMs + errorMs,
      energyMj,
      peakRamBytes: memory.peakRamBytes(lowered),
      flashBytes: memory.flashBytes(lowered),
      basis: {
        exact: share(exact),
        interpolated: share(interpolated),
        extrapolated: share(extrapolated),
        fallback: share(fallback),
      },
      unsupported: sums.supported ? [] : unsupportedKinds(lowered),
      macs,
      layers: options.layers === true ? kernels.map((kernel, i) => layerCost(kernel, prices.get(numbers[i]!))) : [],
    }
  }

  function onceCosts(graph: NetworkGraph): readonly OnceCost[] {
    const { activePowerMw, wakeUpEnergyMj } = profile.energy
    const cost = (id: OnceCost['id'], latencyMs: number, moreMj: number): OnceCost => ({
      id,
      latencyMs,
      energyMj: (latencyMs * activePowerMw) / 1000 + moreMj,
    })
    return [
      cost('inference', profile.inferenceOverhead * unitMs, wakeUpEnergyMj),
      cost('weight-stream', streamedMs(profile, lower(graph, fusion)), 0),
    ].filter(({ energyMj }) => energyMj > 0)
  }

  const unsupportedKinds = ({ schedule, numbers }: Lowered): readonly KernelKind[] => [
    ...new Set(schedule.kernels.flatMap(({ kind }, i) => (prices.get(numbers[i]!) === undefined ? [kind] : []))),
  ]

  return {
    profile,
    schedule: (graph) => lower(graph, fusion).schedule,
    memoryPlan: (graph) => memory.plan(lower(graph, fusion)),
    bestOrder: (graph) => {
      const { lowered, best } = memory.inBestOrder(lower(graph, fusion))
      return {
        peakRamBytes: memory.peakRamBytes(lowered),
        kernels: lowered.schedule.kernels.map(({ id }) => id),
        best,
        memoryPlan: memory.plan(lowered),
      }
    },
    price: (graph, options) => priceLowered(lower(graph, fusion), options),
    onceCosts,
    priceSchedule: (schedule, stored, options) => priceLowered(lowerSchedule(schedule, stored), options),
  }
}

const layerCost = ({ id, kind, macs }: Kernel, price: KernelPrice | undefined): LayerCost =>
  price === undefined
    ? { id, kind, latencyMs: 0, energyMj: 0, basis: 'unsupported', macs }
    : { id, kind, latencyMs: price.latencyMs, energyMj: price.energyMj, basis: price.basis, macs }
