import os from 'node:os'
import path from 'node:path'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { EvaluationRequest, Evaluator } from '../../evaluators/evaluator.ts'
import { createPool } from '../../evaluators/pool/pool.ts'
import { engineName, loadEngine } from '../../evaluators/training/engines.ts'
import { inputShapeOf } from '../../evaluators/training/train.ts'
import { frontEndCostModel } from '../../export/sound/front-end-cost.ts'
import { type Costs, checkLimits, createCostModel, loadProfile, type Profile } from '../../hardware-profiles/index.ts'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { randomStream } from '../../lib/random.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import { geneOperations } from '../../search/genes.ts'
import { knownCosts } from '../../search/known-costs.ts'
import type { SearchPlan } from '../../search/loop.ts'
import type { ObjectiveName } from '../../search/objectives.ts'
import type { SearchDevice } from '../../search/pricing.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { SearchSpace, Task } from '../../spaces/space.ts'
import { packageVersion } from '../package-version.ts'
import { type Crew, trainedAtOnce } from './crew.ts'
import { ladderOf, stagesOf } from './ladder.ts'
import type { CountedFrontEnd, DeviceLimits, SearchSettings } from './settings.ts'

/** What a profile's limits are called in messages. */
const FLAG_OF: Readonly<Record<string, string>> = {
  latencyMs: 'latency (ms)',
  energyMj: 'energy (mJ)',
  peakRamBytes: 'RAM (bytes)',
  flashBytes: 'flash (bytes)',
}

/**
 * A device of a search: the profile's cost model together with the limits that hold for it. Costs are the network's alone;
 * limits count the front end of sound, where there is one, beside it.
 */
export function searchDevice(profile: Profile, limits: DeviceLimits, frontEnd?: CountedFrontEnd): SearchDevice {
  const model = createCostModel(profile)
  const allowed = definedOnly(limits)
  const withFrontEnd = frontEndAdder(frontEnd, profile)
  const flagOf = (limit: string): string =>
    frontEnd === undefined ? FLAG_OF[limit]! : FLAG_OF[limit]!.replace(' (', ' with the front end of sound (')
  return {
    id: profile.id,
    price(graph) {
      const costs = model.price(graph)
      const violations = checkLimits(withFrontEnd(costs, graph), profile, allowed).map((violation) => ({
        limit: violation.kernel === undefined ? flagOf(violation.limit) : `support for ${violation.kernel}`,
        value: violation.value,
        allowed: violation.allowed,
        relative: violation.relative,
      }))
      const { latencyMs, energyMj, peakRamBytes, flashBytes, basis } = costs
      return { latencyMs, energyMj, peakRamBytes, flashBytes, basis: { ...basis }, violations }
    },
  }
}

/** Adds the front end of sound to a network's costs; returns them as they are where limits do not count it. */
function frontEndAdder(
  frontEnd: CountedFrontEnd | undefined,
  profile: Profile,
): (costs: Costs, graph: NetworkGraph) => Costs {
  const costsOf = frontEnd && frontEndCostModel(frontEnd, frontEnd.counted, profile)
  if (costsOf === undefined) return (costs) => costs
  return (costs, graph) => {
    const [height, width] = inputShapeOf(graph)
    const more = costsOf([height!, width!])
    return {
      ...costs,
      latencyMs: costs.latencyMs + more.latencyMs,
      energyMj: costs.energyMj + more.energyMj,
      peakRamBytes: costs.peakRamBytes + more.peakRamBytes,
      flashBytes: costs.flashBytes + more.flashBytes,
    }
  }
}

/** The schema gives absent limits as undefined members; the cost model wants them left out. */
function definedOnly(limits: DeviceLimits) {
  const { maxLatencyMs, maxEnergyMj, maxRamBytes, maxFlashBytes } = limits
  return {
    ...(maxLatencyMs === undefined ? {} : { maxLatencyMs }),
    ...(maxEnergyMj === undefined ? {} : { maxEnergyMj }),
    ...(maxRamBytes === undefined ? {} : { maxRamBytes }),
    ...(maxFlashBytes === undefined ? {} : { maxFlashBytes }),
  }
}

export const taskOf = (dataset: Dataset): Task => ({
  inputShape: dataset.inputShape,
  classCount: dataset.classNames.length,
})

/** Splits depend on the search's seed; everything else of the data comes from the files. */
export const loadData = (data: string, seed: number): Promise<Dataset> => loadDataset(data, { seed })

/** Seeds the training of an architecture: it depends on the search's seed and the architecture, not on the trial. */
export const trainingSeed = (seed: number, archId: string): number =>
  Number.parseInt(sha256Hex(`${seed}/${archId}`).slice(0, 12), 16)

/** How a network is trained on a rung of the search's ladder. */
function evaluationRequest(
  settings: SearchSettings,
  network: Pick<EvaluationRequest, 'graph' | 'archId'>,
  rung: number,
): EvaluationRequest {
  const stages = stagesOf(settings)
  return {
    graph: network.graph,
    archId: network.archId,
    fidelity: stages[rung]!,
    ...(rung === 0 ? {} : { earlier: stages.slice(0, rung) }),
    recipe: settings.recipe,
    // Fronts and exports show networks of the last stage only.
    ...(rung < stages.length - 1 ? { skipTest: true } : {}),
    seed: trainingSeed(settings.seed, network.archId),
  }
}

export interface Session {
  readonly dataset: Dataset
  readonly space: SearchSpace
  readonly devices: readonly SearchDevice[]
  readonly plan: SearchPlan
}

/** The devices of a search with its limits, in the order of its settings. */
export const searchDevices = ({
  devices,
  limits,
  frontEnd,
}: Pick<SearchSettings, 'devices' | 'limits' | 'frontEnd'>): readonly SearchDevice[] =>
  devices.map((name, i) => searchDevice(loadProfile(name), limits[i] ?? {}, frontEnd))

/** Puts the parts of a search together from its settings. The evaluator is started by `startEvaluator`. */
export async function openSession(
  settings: SearchSettings,
  dataset: Dataset,
  evaluator: Evaluator,
  crew: Crew,
): Promise<Session> {
  const space = await loadSpace(settings.space)
  const algorithm = await loadAlgorithm(settings.algorithm)
  const task = taskOf(dataset)
  const operations = geneOperations(space.genes(task))
  const devices = searchDevices(settings)
  const objectives = settings.objectives as readonly ObjectiveName[]
  const { id, version } = evaluator
  const plan: SearchPlan = {
    space,
    task,
    operations,
    algorithm,
    algorithmConfig: {
      operations,
      objectiveCount: settings.objectives.length,
      frontCount: devices.length,
      populationSize: settings.population,
      cheapObjectives: knownCosts({ space, task, devices, objectives }),
    },
    random: randomStream(settings.seed, 'search'),
    devices,
    objectives,
    evaluator,
    request: (candidate, rung) => evaluationRequest(settings, candidate, rung),
    cacheKey: ({ archId, fidelity, earlier, recipe, seed }, origin) => {
      const evaluated = { evaluator: `${id}@${version}`, dataset: dataset.digest }
      return sha256Hex(canonicalJson({ archId, ...evaluated, fidelity, earlier, recipe, seed, origin }))
    },
    networks: settings.trials,
    ladder: ladderOf(settings),
    stages: stagesOf(settings),
    inherit: settings.inherit,
    // An experiment has its folder once it has a number.
    checkpoints: undefined,
    lookAhead: settings.lookAhead,
    workers: trainedAtOnce(crew),
    patience: 5000,
  }
  return { dataset, space, devices, plan }
}

export async function startEvaluator(settings: SearchSettings, dataset: Dataset, crew: Crew): Promise<Evaluator> {
  const engine = engineName(settings)
  const { version } = await loadEngine(engine)
  return createPool({
    dataset,
    engine,
    engineVersion: version,
    ...crew,
    timeoutSeconds: settings.trialTimeoutSeconds,
  })
}

/** Where a search ran. Only for people to read. */
export function environment(settings: SearchSettings, crew: Crew): Record<string, unknown> {
  const cpus = os.cpus()
  return {
    frugal: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    memoryBytes: os.totalmem(),
    engine: engineName(settings),
    ...crew,
  }
}

/** A name for lists: the data's own. */
export const defaultName = (settings: SearchSettings): string =>
  `${path.basename(settings.data)}-${path.basename(settings.space)}`
