import type { ImportedModel } from '../../formats/import/imported-model.ts'
import { readModel } from '../../formats/read-model.ts'
import {
  availableRamBytes,
  type CostModel,
  type Costs,
  checkLimits,
  createCostModel,
  listProfiles,
  loadProfile,
} from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { formatBytes, formatEnergy, formatLatency, formatNumber } from '../../lib/units.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { columns, print, printJson } from './output.ts'

interface PredictArguments {
  readonly model: string | undefined
  readonly device: readonly string[] | undefined
  readonly json: boolean
  readonly perLayer: boolean
  readonly memoryMap: boolean
}

const EXAMPLE = 'for example frugal predict model.tflite --device stm32f446-tflm-cmsisnn'

interface Prediction {
  readonly costModel: CostModel
  readonly costs: Costs
}

/** `frugal predict`: tables for people, or one JSON object a line for each device. */
export async function predict(args: PredictArguments): Promise<void> {
  const { model: file } = args
  if (file === undefined) throw new UserError(`name a model file: ${EXAMPLE}`)
  if (args.device === undefined) throw new UserError(`name a device, or all of them: ${EXAMPLE}`)
  const models = devicesOf(args.device).map((name) => createCostModel(loadProfile(name)))
  const model = readModel(file)
  const params = countParams(model.graph)
  const predictions = models.map((costModel) => ({ costModel, costs: costModel.price(model.graph, { layers: true }) }))
  if (args.json) {
    for (const prediction of predictions) printJson(jsonOf(file, model, params, prediction, args.memoryMap))
    return
  }
  const type = model.format === 'architecture' ? '' : `, ${model.dataType}`
  print(`${file}: ${formatCount(countMacs(model.graph))} MACs, ${formatCount(params)} parameters${type}`)
  print(`\n${summary(predictions)}`)
  for (const { costModel, costs } of predictions) {
    for (const line of warnings(costModel, costs, model)) print(`${costModel.profile.id}: ${line}`)
  }
  for (const prediction of predictions) {
    if (args.perLayer) print(`\n${layerTable(prediction)}`)
    if (args.memoryMap) print(`\n${memoryTable(prediction.costModel, model)}`)
  }
}

/** @throws UserError when a device is given twice. */
function devicesOf(given: readonly string[]): readonly string[] {
  const names = given.flatMap((entry) => entry.split(',')).map((name) => name.trim())
  if (names.includes('all')) {
    if (names.length > 1) throw new UserError('--device all stands for every device: give no other beside it')
    return listProfiles().map(({ id }) => id)
  }
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) throw new UserError(`--device '${repeated}' is given twice: name each device once`)
  return names
}

function jsonOf(
  file: string,
  model: ImportedModel,
  params: number,
  { costModel, costs }: Prediction,
  memoryMap: boolean,
) {
  const { latencyMs, latencyLowMs, latencyHighMs, energyMj, peakRamBytes, flashBytes, macs, unsupported, basis } = costs
  return {
    model: file,
    device: costModel.profile.id,
    latencyMs,
    latencyLowMs,
    latencyHighMs,
    energyMj,
    peakRamBytes,
    flashBytes,
    macs,
    params,
    unsupported,
    basis,
    layers: costs.layers,
    ...(memoryMap ? { memoryMap: costModel.memoryPlan(model.graph) } : {}),
  }
}

const formatCount = (count: number): string =>
  count >= 1e6 ? `${formatNumber(count / 1e6)} M` : count >= 1e3 ? `${formatNumber(count / 1e3)} k` : `${count}`

const percent = (share: number): string => (share === 0 ? '–' : `${formatNumber(share * 100)} %`)

function summary(predictions: readonly Prediction[]): string {
  const rows = predictions.map(({ costModel, costs }) => [
    costModel.profile.id,
    formatLatency(costs.latencyMs),
    `${formatLatency(costs.latencyLowMs)} to ${formatLatency(costs.latencyHighMs)}`,
    formatEnergy(costs.energyMj),
    formatBytes(costs.peakRamBytes),
    formatBytes(costs.flashBytes),
    percent(costs.basis.exact),
    percent(costs.basis.interpolated),
    percent(costs.basis.extrapolated),
    percent(costs.basis.fallback),
  ])
  const headings = ['device', 'latency', '90 % interval', 'energy', 'peak RAM', 'flash']
  return columns(
    [[...headings, 'exact', 'interpolated', 'extrapolated', 'fallback'], ...rows],
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
}

/** What the figures of a device do not say by themselves. */
function warnings({ profile }: CostModel, costs: Costs, model: ImportedModel): readonly string[] {
  const lines: string[] = []
  if (costs.unsupported.length > 0) {
    lines.push(`cannot run ${costs.unsupported.join(', ')}; latency and energy leave them out`)
  }
  const limits = new Set(checkLimits(costs, profile).map(({ limit }) => limit))
  if (limits.has('peakRamBytes')) {
    lines.push(`needs ${formatBytes(costs.peakRamBytes)} RAM and has ${formatBytes(availableRamBytes(profile))}`)
  }
  if (limits.has('flashBytes')) {
    lines.push(`needs ${formatBytes(costs.flashBytes)} flash and has ${formatBytes(profile.flashBytes)}`)
  }
  if (model.format !== 'architecture' && model.dataType !== profile.dataType) {
    lines.push(`runs ${profile.dataType}: the file, in ${model.dataType}, is priced as if converted`)
  }
  return lines
}

function layerTable({ costModel, costs }: Prediction): string {
  const rows = costs.layers.map(({ id, latencyMs, energyMj, macs, basis }) => [
    id,
    basis === 'unsupported' ? '–' : formatLatency(latencyMs),
    basis === 'unsupported' ? '–' : percent(costs.latencyMs > 0 ? latencyMs / costs.latencyMs : 0),
    basis === 'unsupported' ? '–' : formatEnergy(energyMj),
    macs === 0 ? '–' : formatCount(macs),
    basis,
  ])
  const table = columns([['layer', 'latency', 'share', 'energy', 'MACs', 'basis'], ...rows], [1, 2, 3, 4])
  return `Layers on ${costModel.profile.id}\n${table}`
}

function memoryTable(costModel: CostModel, { graph }: ImportedModel): string {
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
  return `Arena on ${costModel.profile.id}: ${peakRamBytes} bytes; what the runtime keeps beside it is not listed\n${table}`
}
