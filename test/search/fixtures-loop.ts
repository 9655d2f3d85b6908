import type { EvaluationRequest, Evaluator, Measurement } from '../../evaluators/evaluator.ts'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import type { Failure } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import type { Store } from '../../results/store.ts'
import type { AlgorithmDefinition } from '../../search/algorithm.ts'
import nsga2 from '../../search/algorithms/nsga2.algorithm.ts'
import { NO_LADDER, plannedTrials } from '../../search/fidelity/ladder.ts'
import { geneOperations } from '../../search/genes.ts'
import type { SearchPlan } from '../../search/loop.ts'
import type { LimitViolation, SearchDevice } from '../../search/pricing.ts'
import { ordinal } from '../../spaces/choices.ts'
import { defineSpace } from '../../spaces/space.ts'

/** A space of real graphs, small enough to reason about: up to three dense layers. */
export const denseSpace = defineSpace({
  id: 'dense',
  version: '1',
  title: 'dense layers',
  description: 'dense layers for tests',
  genes: () => ['a', 'b', 'c'].map((name) => ordinal(`${name}.units`, [0, 4, 8, 12, 16, 24, 32, 48])),
  decode(genome, task) {
    const g = new GraphBuilder()
    let x = g.input([task.inputShape[0]!])
    for (const choice of genome) {
      const units = [0, 4, 8, 12, 16, 24, 32, 48][choice]!
      if (units > 0) x = g.activation(g.dense(x, units), 'relu')
    }
    return g.build(g.dense(x, task.classCount))
  },
})
export const denseTask = { inputShape: [16], classCount: 10 }

/** A device whose costs are simple functions of MACs and parameters. */
export function toyDevice(id: string, allowedFlashBytes: number, exponent = 1): SearchDevice {
  return {
    id,
    price(graph) {
      const flashBytes = countParams(graph)
      const latencyMs = countMacs(graph) ** exponent / 1000
      const violations: LimitViolation[] =
        flashBytes > allowedFlashBytes
          ? [
              {
                limit: 'flash (bytes)',
                value: flashBytes,
                allowed: allowedFlashBytes,
                relative: flashBytes / allowedFlashBytes - 1,
              },
            ]
          : []
      return {
        latencyMs,
        energyMj: 2 * latencyMs,
        peakRamBytes: graph.nodes.length * 10,
        flashBytes,
        basis: { exact: 1 },
        violations,
      }
    },
  }
}

/** Accuracy as a pure function of the request: more parameters help, with a ripple that depends on the seed. */
export function toyMeasurement({ graph, archId, seed, skipTest = false }: EvaluationRequest): Measurement {
  const ripple = Number.parseInt(sha256Hex(`${archId}${seed}`).slice(0, 6), 16) / 0xffffff
  const accuracy = 0.95 - 8 / (20 + countParams(graph)) - 0.05 * ripple
  const measured = { ok: true, accuracy, loss: 1 - accuracy, cpuSeconds: 0, wallSeconds: 0 } as const
  return skipTest ? measured : { ...measured, testAccuracy: accuracy }
}

export interface ToyEvaluator extends Evaluator {
  /** Requests in the order they came. */
  readonly requests: EvaluationRequest[]
}

/** Answers after a pseudo-random delay, so that trials finish out of order. */
export function toyEvaluator(
  answer: (request: EvaluationRequest) => Measurement | Failure = toyMeasurement,
  delayMs: (archId: string) => number = (archId) => Number.parseInt(archId.slice(0, 2), 16) % 7,
): ToyEvaluator {
  const requests: EvaluationRequest[] = []
  return {
    id: 'toy',
    version: '1',
    requests,
    evaluate: (request, { signal } = {}) => {
      requests.push(request)
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(answer(request)), delayMs(request.archId))
        signal?.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve({ ok: false, code: 'timed-out', message: 'aborted' })
        })
      })
    },
    dispose: async () => undefined,
  }
}

export function toyPlan(overrides: Partial<SearchPlan> = {}, algorithm: AlgorithmDefinition = nsga2): SearchPlan {
  const operations = geneOperations(denseSpace.genes(denseTask))
  const devices = overrides.devices ?? [toyDevice('small', 900), toyDevice('large', 3000, 1.2)]
  return {
    space: denseSpace,
    task: denseTask,
    operations,
    algorithm,
    algorithmConfig: { operations, objectiveCount: 3, frontCount: devices.length, populationSize: 8 },
    random: randomStream(4, 'search'),
    devices,
    objectives: ['accuracy', 'latencyMs', 'peakRamBytes'],
    evaluator: toyEvaluator(),
    request: ({ graph, archId }) => ({
      graph,
      archId,
      fidelity: { epochs: 1, dataFraction: 1 },
      recipe: {
        optimiser: 'sgd',
        batchSize: 8,
        learningRate: 0.1,
        warmupFraction: 0,
        momentum: 0.9,
        weightDecay: 0,
        labelSmoothing: 0,
        batchNormMomentum: 0.9,
        loadBalancing: 0,
      },
      seed: 1,
    }),
    cacheKey: ({ archId, seed }) => sha256Hex(canonicalJson({ archId, seed })),
    networks: 40,
    ladder: NO_LADDER,
    stages: [{ epochs: 1, dataFraction: 1 }],
    inherit: false,
    checkpoints: undefined,
    lookAhead: 5,
    workers: 2,
    patience: 500,
    ...overrides,
  }
}

export function newExperiment(store: Store, plan: SearchPlan): number {
  return store.createExperiment({
    name: 'toy',
    settings: {},
    environment: {},
    datasetDigest: 'x',
    devices: plan.devices.map(({ id }) => id),
    objectives: plan.objectives,
    references: Object.fromEntries(plan.devices.map(({ id }) => [id, [0.9, 1e4, 1e4]])),
    budget: plannedTrials(plan.networks, plan.ladder),
    rungs: plan.ladder.rungs,
  })
}

/** Everything a search leaves behind that must not depend on timing. */
export const outcome = (store: Store, id: number) => ({
  trials: store.trials(id),
  rejections: store.rejections(id),
  fronts: store.experiment(id).devices.map((device) => store.front(id, device)),
})
