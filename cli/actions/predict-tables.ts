import type { ImportedModel, IntegerKernels } from '../../formats/import/imported-model.ts'
import { isHostId } from '../../hardware-profiles/host/cache.ts'
import {
  availableRamBytes,
  type CostModel,
  type Costs,
  checkLimits,
  type OnceCost,
  type Profile,
} from '../../hardware-profiles/index.ts'
import { formatBytes, formatEnergy, formatLatency, formatNumber, formatPercent } from '../../lib/units.ts'
import { columns } from './output.ts'

/** What one inference costs on one device, and, where a duty cycle was asked for, an hour. */
export interface Prediction {
  readonly costModel: CostModel
  readonly costs: Costs
  /** What an inference costs beside its layers. */
  readonly onceCosts: readonly OnceCost[]
  /** Undefined where nobody asked, null where an inference takes longer than the period. */
  readonly energyPerHourMj: number | null | undefined
  /** The file as this computer executes it, where the costs are of that. */
  readonly executed?: ImportedModel
}

export const formatCount = (count: number): string =>
  count >= 1e6 ? `${formatNumber(count / 1e6)} M` : count >= 1e3 ? `${formatNumber(count / 1e3)} k` : `${count}`

const percent = (share: number): string => (share === 0 ? '–' : formatPercent(share))

/** One line a device. */
export function summaryTable(predictions: readonly Prediction[]): string {
  const duty = predictions.some(({ energyPerHourMj }) => energyPerHourMj !== undefined)
  const rows = predictions.map(({ costModel, costs, energyPerHourMj }) => [
    costModel.profile.id,
    formatLatency(costs.latencyMs),
    `${formatLatency(costs.latencyLowMs)} to ${formatLatency(costs.latencyHighMs)}`,
    formatEnergy(costs.energyMj),
    ...(duty ? [typeof energyPerHourMj === 'number' ? formatEnergy(energyPerHourMj) : '–'] : []),
    formatBytes(costs.peakRamBytes),
    formatBytes(costs.flashBytes),
    percent(costs.basis.exact),
    percent(costs.basis.interpolated),
    percent(costs.basis.extrapolated),
    percent(costs.basis.fallback),
  ])
  const headings = ['device', 'latency', '90 % interval', 'energy', ...(duty ? ['energy an hour'] : [])]
  const all = [...headings, 'peak RAM', 'flash', 'exact', 'interpolated', 'extrapolated', 'fallback']
  return columns(
    [all, ...rows],
    all.map((_, i) => i).filter((i) => i > 0),
  )
}

/** What the figures of no device say by themselves. */
export const notes = ({ routing }: ImportedModel): readonly string[] =>
  routing === undefined
    ? []
    : [
        `the file computes all ${routing.experts} experts and is priced so; its architecture.json is priced with the ${routing.topK} that its gates choose`,
      ]

/** Figures without an interval, and the mean error, or that of the worst case, from which on a line says it. */
const WITHOUT_INTERVAL = { energy: 'energy', peakRam: 'RAM', flash: 'flash' } as const
const UNSURE = 0.1
const UNSURE_WORST = 0.25
/** Fewer cases say little. */
const LEAST_CASES = 4

/** How far energy, RAM and flash were off where they were checked, in all suites together, if that is much. */
function unsureFigures({ validation }: Profile): readonly string[] {
  return Object.entries(WITHOUT_INTERVAL).flatMap(([quantity, name]) => {
    const suites = validation.filter((one) => one.quantity === quantity)
    const cases = suites.reduce((sum, suite) => sum + suite.cases, 0)
    const mape = suites.reduce((sum, suite) => sum + suite.mape * suite.cases, 0) / cases
    const worst = Math.max(...suites.map((suite) => suite.worst))
    if (cases < LEAST_CASES || (mape < UNSURE && worst < UNSURE_WORST)) return []
    return [
      `${name} was off by ${percent(mape)} on average and ${percent(worst)} at most in the ${cases} cases that check it`,
    ]
  })
}

/** Share of the latency on the host core from which on a line says so. */
const HEAVY_FALLBACK = 0.1

/** Kernels that the accelerator leaves to its host core, where they take much of the latency. */
function fallbackFigures({ basis, layers }: Costs): readonly string[] {
  if (basis.fallback < HEAVY_FALLBACK) return []
  const kinds = new Set(layers.filter((layer) => layer.basis === 'fallback').map(({ kind }) => kind))
  return [
    `${percent(basis.fallback)} of the latency is left to the host core (${[...kinds].join(', ')}), whose price was not measured`,
  ]
}

/** Kernels whose steps wait for each other: no device of any profile was measured on one. */
function steppingFigures({ graph }: ImportedModel, { layers }: Costs): readonly string[] {
  const stepping = graph.nodes.flatMap(({ id, op }) =>
    op.kind === 'custom' && op.steps !== undefined ? [{ id, name: op.name, count: op.steps.count }] : [],
  )
  if (stepping.length === 0) return []
  const ids = new Set(stepping.map(({ id }) => id))
  const all = layers.reduce((sum, { latencyMs }) => sum + latencyMs, 0)
  const own = layers.reduce((sum, { id, latencyMs }) => sum + (ids.has(id) ? latencyMs : 0), 0)
  const steps = stepping.reduce((sum, { count }) => sum + count, 0)
  const names = [...new Set(stepping.map(({ name }) => name))].join(', ')
  return [
    `${percent(all > 0 ? own / all : 0)} of the latency is ${steps} steps of ${names}, one after the other, each priced as the kernels that it starts; none was measured`,
  ]
}

const CONVERSIONS: ReadonlySet<string> = new Set(['quantize', 'dequantize'])

/** How a quantised file is executed, and what of the latency goes into numbers that change their form. */
function executionLine({ layers, latencyMs }: Costs, { nodes }: IntegerKernels): string {
  const ms = (some: readonly { readonly latencyMs: number }[]): number =>
    some.reduce((sum, one) => sum + one.latencyMs, 0)
  const conversions = layers.filter(({ kind }) => CONVERSIONS.has(kind))
  const real = layers.filter(({ id, kind }) => !nodes.has(id) && !CONVERSIONS.has(kind))
  const share = (some: readonly { readonly latencyMs: number }[]): string =>
    percent(latencyMs > 0 ? ms(some) / latencyMs : 0)
  return `priced as ONNX Runtime executes the file: ${share(real)} of the latency in ${real.length} float kernels, ${share(conversions)} in ${conversions.length} conversions to and from int8`
}

/** What the figures of a device do not say by themselves. */
export function warnings(prediction: Prediction, model: ImportedModel): readonly string[] {
  const { costModel, costs, energyPerHourMj, executed } = prediction
  const { profile } = costModel
  const lines: string[] = []
  if (costs.unsupported.length > 0) {
    lines.push(`cannot run ${costs.unsupported.join(', ')}; latency and energy leave them out`)
  }
  const limits = new Set(checkLimits(costs, profile).map(({ limit }) => limit))
  if (limits.has('peakRamBytes')) {
    lines.push(`needs ${formatBytes(costs.peakRamBytes)} RAM and has ${formatBytes(availableRamBytes(profile))}`)
  }
  if (limits.has('flashBytes')) {
    const outside =
      profile.weightStream?.rereads === undefined
        ? ''
        : '; what lies beyond is priced as read from the flash beside the chip, an estimate'
    lines.push(`needs ${formatBytes(costs.flashBytes)} flash and has ${formatBytes(profile.flashBytes)}${outside}`)
  }
  if (executed?.integers !== undefined) lines.push(executionLine(costs, executed.integers))
  else if (model.format !== 'architecture' && model.dataType !== profile.dataType) {
    const here =
      model.format === 'onnx' && isHostId(profile.id) ? '; as it is it may take many times as long here: time it' : ''
    lines.push(`runs ${profile.dataType}: the file, in ${model.dataType}, is priced as if converted${here}`)
  }
  lines.push(...fallbackFigures(costs), ...steppingFigures(model, costs), ...unsureFigures(profile))
  if (energyPerHourMj === null) {
    lines.push(`one inference takes ${formatLatency(costs.latencyMs)}, longer than the period of --duty`)
  }
  return lines
}

export function layerTable({ costModel, costs, onceCosts }: Prediction): string {
  const share = (latencyMs: number): string => percent(costs.latencyMs > 0 ? latencyMs / costs.latencyMs : 0)
  const rows = costs.layers.map(({ id, latencyMs, energyMj, macs, basis }) => [
    id,
    basis === 'unsupported' ? '–' : formatLatency(latencyMs),
    basis === 'unsupported' ? '–' : share(latencyMs),
    basis === 'unsupported' ? '–' : formatEnergy(energyMj),
    macs === 0 ? '–' : formatCount(macs),
    basis,
  ])
  for (const { id, latencyMs, energyMj } of onceCosts) {
    rows.push([`(${id})`, formatLatency(latencyMs), share(latencyMs), formatEnergy(energyMj), '–', 'once'])
  }
  const table = columns([['layer', 'latency', 'share', 'energy', 'MACs', 'basis'], ...rows], [1, 2, 3, 4])
  return `Layers on ${costModel.profile.id}\n${table}`
}

/** Every buffer of the arena: where it lies, and from which kernel until which it is needed. */
export function memoryTable(costModel: CostModel, { graph }: ImportedModel): string {
  const { kernels } = costModel.schedule(graph)
  const { buffers, peakRamBytes } = costModel.memoryPlan(graph)
  const nameOf = (step: number): string => kernels[step]?.id ?? '–'
  const rows = buffers
    .toSorted((a, b) => a.offset - b.offset || a.firstStep - b.firstStep)
    .map(({ id, bytes, offset, firstStep, lastStep }) => [
      `${offset}`,
      `${bytes}`,
      id,
      nameOf(firstStep),
      nameOf(lastStep),
    ])
  const table = columns([['offset', 'bytes', 'buffer', 'from', 'until'], ...rows], [0, 1])
  const { banks } = costModel.profile.memory
  const counted = banks === undefined ? '' : `, banks of ${banks.bytes} as far as each is filled`
  return `Arena on ${costModel.profile.id}: ${peakRamBytes} bytes${counted}; what the runtime keeps beside it is not listed\n${table}`
}

/** RAM with the kernels in the order that needs least, and that order where it is another one. */
export function orderLines({ costModel, costs }: Prediction, { graph }: ImportedModel): string {
  const { id } = costModel.profile
  const { peakRamBytes, kernels, best } = costModel.bestOrder(graph)
  if (peakRamBytes < costs.peakRamBytes) {
    const less = Math.round(100 * (1 - peakRamBytes / costs.peakRamBytes))
    return `Kernels on ${id} in another order: ${peakRamBytes} bytes of RAM, ${less} % less\n${kernels.join(' ')}`
  }
  return best
    ? `Kernels on ${id}: no order found needs less RAM than the given one`
    : `Kernels on ${id}: too many orders to look at them all; the given one stands`
}
