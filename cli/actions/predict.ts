import type { ImportedModel } from '../../formats/import/imported-model.ts'
import { parseInputShapes } from '../../formats/import/input-shapes.ts'
import { readModel } from '../../formats/read-model.ts'
import { HOST_ID } from '../../hardware-profiles/host/cache.ts'
import { priceMixed } from '../../hardware-profiles/host/mixed-price.ts'
import {
  atOperatingPoint,
  createCostModel,
  energyPerHourMj,
  listProfiles,
  loadProfile,
  type Profile,
} from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { parseQuantity } from '../../lib/units.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { executedOnHost, integerHost, prepareHost } from './host.ts'
import { print, printJson } from './output.ts'
import {
  formatCount,
  layerTable,
  memoryTable,
  notes,
  orderLines,
  type Prediction,
  summaryTable,
  warnings,
} from './predict-tables.ts'

interface PredictArguments {
  readonly model: string | undefined
  readonly device: readonly string[] | undefined
  readonly operating: string | undefined
  readonly duty: string | undefined
  readonly json: boolean
  /** `1x3x224x224` or `NAME=1x3x224x224`, one for each input with open lengths. */
  readonly inputShape: readonly string[] | undefined
  readonly perLayer: boolean
  readonly memoryMap: boolean
  readonly bestOrder: boolean
}

const EXAMPLE = 'for example frugal predict model.tflite --device stm32f446-tflm-cmsisnn'

/** `frugal predict`: tables for people, or one JSON object a line for each device. */
export async function predict(args: PredictArguments): Promise<void> {
  const { model: file, operating, duty } = args
  if (file === undefined) throw new UserError(`name a model file: ${EXAMPLE}`)
  if (args.device === undefined) throw new UserError(`name a device, or all of them: ${EXAMPLE}`)
  const periodMs = duty === undefined ? undefined : parseQuantity(duty, 'durationS', '--duty') * 1000
  const devices = devicesOf(args.device)
  const shapes = parseInputShapes(args.inputShape ?? [])
  await prepareHost(devices)
  const profiles = devices
    .map(loadProfile)
    .map((profile) => (operating === undefined ? profile : atOperatingPoint(profile, operating)))
  const model = readModel(file, { shapes })
  const params = countParams(model.graph)
  const executed = await executedOnHost(devices, file, model, shapes)
  const predictions = profiles.map((profile) =>
    executed !== undefined && profile.id === HOST_ID
      ? executedPrediction(profile, integerHost(model), executed, periodMs)
      : predictionOf(profile, model, periodMs),
  )
  if (args.json) {
    for (const prediction of predictions) printJson(jsonOf(file, model, params, prediction, args))
    return
  }
  const type = model.format === 'architecture' ? '' : `, ${model.dataType}`
  print(`${file}: ${formatCount(countMacs(model.graph))} MACs, ${formatCount(params)} parameters${type}`)
  print(`\n${summaryTable(predictions)}`)
  for (const line of notes(model)) print(`${file}: ${line}`)
  for (const prediction of predictions) {
    for (const line of warnings(prediction, model)) print(`${prediction.costModel.profile.id}: ${line}`)
  }
  for (const prediction of predictions) {
    if (args.perLayer) print(`\n${layerTable(prediction)}`)
    if (args.bestOrder) print(`\n${orderLines(prediction, model)}`)
    if (args.memoryMap) print(`\n${memoryTable(prediction.costModel, model)}`)
  }
}

function predictionOf(profile: Profile, model: ImportedModel, periodMs: number | undefined): Prediction {
  const costModel = createCostModel(profile)
  const costs = costModel.price(model.graph, { layers: true })
  const onceCosts = costModel.onceCosts(model.graph)
  if (periodMs === undefined) return { costModel, costs, onceCosts, energyPerHourMj: undefined }
  const fits = costs.latencyMs <= periodMs
  return { costModel, costs, onceCosts, energyPerHourMj: fits ? energyPerHourMj(costs, profile, periodMs) : null }
}

/** Of a quantised file on this computer: its integer kernels by their own prices, the rest as float. */
function executedPrediction(
  profile: Profile,
  integers: string,
  executed: ImportedModel,
  periodMs: number | undefined,
): Prediction {
  const int8 = createCostModel({ ...loadProfile(integers), id: profile.id })
  const { graph } = executed
  const integerKernels = executed.integers!
  const models = {
    ...{ float: createCostModel(profile), int8 },
    ...(integerKernels.dequantised.size > 0 ? { dequantised: createCostModel(loadProfile('host-dequantised')) } : {}),
  }
  const costs = priceMixed(models, graph, integerKernels)
  const fits = periodMs !== undefined && costs.latencyMs <= periodMs
  return {
    ...{ costModel: int8, costs, onceCosts: int8.onceCosts(graph), executed },
    energyPerHourMj: periodMs === undefined ? undefined : fits ? energyPerHourMj(costs, profile, periodMs) : null,
  }
}

/** @throws UserError when a name is empty or a device is given twice. */
function devicesOf(given: readonly string[]): readonly string[] {
  const names = given.flatMap((entry) => entry.split(',')).map((name) => name.trim())
  if (names.includes('')) throw new UserError(`--device has an empty name: separate names by one comma, ${EXAMPLE}`)
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
  prediction: Prediction,
  { memoryMap, bestOrder, operating, duty }: PredictArguments,
) {
  const { costModel, costs, energyPerHourMj } = prediction
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
    layers: [
      ...costs.layers,
      ...prediction.onceCosts.map((cost) => ({ ...cost, kind: 'once', basis: 'once', macs: 0 })),
    ],
    warnings: warnings(prediction, model),
    ...(operating === undefined ? {} : { operatingPoint: operating }),
    ...(duty === undefined ? {} : { energyPerHourMj }),
    ...(memoryMap ? { memoryMap: costModel.memoryPlan(model.graph) } : {}),
    ...(bestOrder ? { bestOrder: costModel.bestOrder(model.graph) } : {}),
  }
}
