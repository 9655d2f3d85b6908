import type { Failure } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { Evaluator, Measurement } from '../evaluator.ts'
import type { Recipe } from '../training/engine.ts'
import { fittingBatchSize } from '../training/recipe.ts'
import { scoreBatch } from '../zero-cost/score.ts'
import { ZERO_COST_SCORES } from '../zero-cost/scores.ts'
import { cpuSecondsNow } from './cpu-time.ts'
import { fidelityText, type ProxyFidelity } from './proxy-fidelity.ts'
import { bootstrapTau, type Interval, kendallTauB } from './rank-correlation.ts'
import { atResolution } from './rewrite-network.ts'

export interface ProxyNetwork {
  readonly graph: NetworkGraph
  readonly archId: string
  /** Seeds its trainings and its zero-cost scores. */
  readonly seed: number
}

export interface ProxyBenchmark {
  readonly networks: readonly ProxyNetwork[]
  readonly dataset: Dataset
  readonly evaluator: Evaluator
  /** Networks trained at the same time. */
  readonly workers: number
  readonly recipe: Recipe
  readonly full: ProxyFidelity
  readonly fidelities: readonly ProxyFidelity[]
  /** Train fully a second time from other initial weights: how far full training agrees with itself. */
  readonly ceiling: boolean
  readonly seed: number
  readonly onProgress?: (done: number, total: number) => void
}

/** How well one way to judge networks agrees with full training. */
export interface ProxyRow {
  /** A fidelity, or the id of a zero-cost score. */
  readonly proxy: string
  readonly kind: 'training' | 'zero-cost'
  /** Kendall's τ-b with the test accuracy after full training; null where it is not defined. */
  readonly tau: number | null
  /** 95 % bootstrap interval of τ over the networks. */
  readonly interval: Interval | null
  /** Processor time, as a share of that of full training. */
  readonly costShare: number
  /** Networks that it could not judge; they count as the worst. */
  readonly failures: number
}

export interface ProxyReport {
  /** Networks that full training could measure; the others are left out everywhere. */
  readonly networks: number
  readonly fullCpuSeconds: number
  /** Test accuracies after full training, lowest and highest: how far apart the networks are at all. */
  readonly accuracy: Interval
  readonly rows: readonly ProxyRow[]
}

interface Judged {
  /** −∞ for a failure. */
  readonly values: readonly number[]
  readonly cpuSeconds: number
}

/**
 * Ranks networks by cheap trainings (validation accuracy) and by zero-cost scores, and compares each order with that of
 * full training (test accuracy, which no search sees).
 * @throws UserError when a network cannot read samples of a reduced size.
 */
export async function benchmarkProxies(job: ProxyBenchmark): Promise<ProxyReport> {
  const { full, fidelities, networks, ceiling, seed } = job
  const passes: readonly { readonly fidelity: ProxyFidelity; readonly seedOffset: number }[] = [
    { fidelity: full, seedOffset: 0 },
    ...fidelities.map((fidelity) => ({ fidelity, seedOffset: 0 })),
    ...(ceiling ? [{ fidelity: full, seedOffset: 1 }] : []),
  ]
  const tasks = passes.flatMap(({ fidelity, seedOffset }) =>
    networks.map((network) => () => train(job, network, fidelity, seedOffset)),
  )
  const results = await runAll(tasks, job.workers, job.onProgress)
  const ofPass = (pass: number) => results.slice(pass * networks.length, (pass + 1) * networks.length)
  const measured = ofPass(0).flatMap((result, i) => (result.ok ? [{ i, result }] : []))
  const truth = measured.map(({ result }) => result.testAccuracy)
  const fullCpuSeconds = measured.reduce((sum, { result }) => sum + result.cpuSeconds, 0)

  const row = (proxy: string, kind: ProxyRow['kind'], { values, cpuSeconds }: Judged): ProxyRow => {
    const tau = kendallTauB(values, truth)
    return {
      proxy,
      kind,
      tau: Number.isFinite(tau) ? tau : null,
      interval: bootstrapTau(values, truth, randomStream(seed, 'bootstrap', proxy)) ?? null,
      costShare: cpuSeconds / fullCpuSeconds,
      failures: values.filter((value) => value === Number.NEGATIVE_INFINITY).length,
    }
  }
  const rows = passes.slice(1).map(({ fidelity, seedOffset }, place) => {
    const chosen = measured.map(({ i }) => ofPass(place + 1)[i]!)
    const values = chosen.map((result) => (result.ok ? result.accuracy : Number.NEGATIVE_INFINITY))
    const cpuSeconds = chosen.reduce((sum, result) => sum + (result.ok ? result.cpuSeconds : 0), 0)
    const name = fidelityText(fidelity) + (seedOffset === 0 ? '' : ' from other weights')
    return row(name, 'training', { values, cpuSeconds })
  })
  for (const score of ZERO_COST_SCORES) {
    const kept = measured.map(({ i }) => networks[i]!)
    rows.push(row(score.id, 'zero-cost', await judge(job, kept, score)))
  }
  const accuracy = { low: Math.min(...truth), high: Math.max(...truth) }
  return { networks: measured.length, fullCpuSeconds, accuracy, rows }
}

function train(
  { dataset, evaluator, recipe }: ProxyBenchmark,
  { graph, archId, seed }: ProxyNetwork,
  { epochs, dataFraction, resolution }: ProxyFidelity,
  seedOffset: number,
): Promise<Measurement | Failure> {
  const trainSize = Math.max(1, Math.round(dataset.splits.train.length * dataFraction))
  return evaluator.evaluate({
    graph: atResolution(graph, resolution),
    archId,
    fidelity: { epochs, dataFraction },
    recipe: { ...recipe, batchSize: fittingBatchSize(recipe.batchSize, trainSize) },
    seed: seed + seedOffset,
  })
}

async function judge(
  { dataset, full }: ProxyBenchmark,
  networks: readonly ProxyNetwork[],
  score: (typeof ZERO_COST_SCORES)[number],
): Promise<Judged> {
  const started = cpuSecondsNow()
  const values: number[] = []
  for (const { graph, seed } of networks) {
    const network = atResolution(graph, full.resolution)
    const value = await score.compute(network, scoreBatch(dataset, network), randomStream(seed, 'zero-cost'))
    values.push(typeof value === 'number' ? value : Number.NEGATIVE_INFINITY)
  }
  return { values, cpuSeconds: cpuSecondsNow() - started }
}

/** Runs tasks in order, so many at a time: a training's time-out must not count the wait for a thread. */
async function runAll<T>(
  tasks: readonly (() => Promise<T>)[],
  atOnce: number,
  onProgress: ProxyBenchmark['onProgress'],
): Promise<readonly T[]> {
  const results: T[] = []
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    while (next < tasks.length) {
      const place = next++
      results[place] = await tasks[place]!()
      onProgress?.(++done, tasks.length)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, work))
  return results
}
