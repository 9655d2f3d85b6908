import { sha256Hex } from '../../lib/canonical-json.ts'
import type { Failure } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { countMacs } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { CheckpointUse, Evaluator, Measurement } from '../evaluator.ts'
import type { Recipe } from '../training/engine.ts'
import { fittingBatchSize } from '../training/recipe.ts'
import { scoreBatch } from '../zero-cost/score.ts'
import { ZERO_COST_SCORES } from '../zero-cost/scores.ts'
import { cpuSecondsNow } from './cpu-time.ts'
import { parentsOf, type TrainingPass, trainingPasses } from './passes.ts'
import { type Ladder, type ProxyFidelity, plainFidelity } from './proxy-fidelity.ts'
import { bootstrapTau, type Interval, kendallTauB } from './rank-correlation.ts'
import { atResolution } from './rewrite-network.ts'
import { joinedWithSize } from './size-prior.ts'

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
  /** Cheaper trainings; every stage of one gives a row. */
  readonly ladders: readonly Ladder[]
  /** Try each of them with inherited weights too. */
  readonly inherit: boolean
  /** Train fully a second time from other initial weights: how far full training agrees with itself. */
  readonly ceiling: boolean
  /** Absolute path of a folder for checkpoints. */
  readonly checkpoints: string
  readonly seed: number
  readonly onProgress?: (done: number, total: number) => void
}

/** How well one way to judge networks agrees with full training. */
export interface ProxyRow {
  /** The stages of a training, with the size of the network where its order is joined with that, or the id of a zero-cost score. */
  readonly proxy: string
  readonly kind: 'training' | 'zero-cost'
  /** Kendall's τ-b with the test accuracy after full training; null where it is not defined. */
  readonly tau: number | null
  /** 95 % bootstrap interval of τ over the networks. */
  readonly interval: Interval | null
  /** τ of the same trainings ranked by validation accuracy, where a search would rank them by cross entropy. */
  readonly accuracyTau?: number | null
  /**
   * With a second full training: τ with the mean test accuracy of both, an order that owes less to the luck of one, and its
   * interval. Not for the second training itself.
   */
  readonly meanTau?: number | null
  readonly meanInterval?: Interval | null
  /** Processor time of all stages, as a share of that of full training. */
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
  /** Another figure of the same trainings. */
  readonly accuracies?: readonly number[]
  readonly cpuSeconds: number
  /** Full training itself. */
  readonly full?: boolean
}

/**
 * Ranks networks by cheap trainings (validation cross entropy, as the lower rungs of a search; alone, and joined with their
 * size) and by zero-cost scores, and compares each order with that of full training (test accuracy, which no search sees) from weights of its own.
 * @throws UserError when a network cannot read samples of a reduced size.
 */
export async function benchmarkProxies(job: ProxyBenchmark): Promise<ProxyReport> {
  const { networks, seed } = job
  const passes = trainingPasses(job)
  const results = await trainAll(job, passes)
  const measured = results[0]!.flatMap((result, i) => (result.ok ? [{ i, result }] : []))
  const truth = measured.map(({ result }) => result.testAccuracy!)
  const fullCpuSeconds = measured.reduce((sum, { result }) => sum + result.cpuSeconds, 0)

  /** Each network's test accuracy after both full trainings; of one alone where the second failed. */
  const meanTruth = measured.map(({ i, result }) => {
    const again = results.at(-1)![i]!
    return again.ok ? (result.testAccuracy! + again.testAccuracy!) / 2 : result.testAccuracy!
  })

  const tauOf = (values: readonly number[], order = truth): number | null => {
    const tau = kendallTauB(values, order)
    return Number.isFinite(tau) ? tau : null
  }
  const intervalOf = (proxy: string, values: readonly number[], order = truth): Interval | null =>
    bootstrapTau(values, order, randomStream(seed, 'bootstrap', proxy)) ?? null
  const row = (proxy: string, kind: ProxyRow['kind'], judged: Judged): ProxyRow => {
    const { values, accuracies, cpuSeconds } = judged
    const withMean = job.ceiling && !judged.full
    return {
      proxy,
      kind,
      tau: tauOf(values),
      interval: intervalOf(proxy, values),
      ...(withMean ? { meanTau: tauOf(values, meanTruth), meanInterval: intervalOf(proxy, values, meanTruth) } : {}),
      ...(accuracies === undefined ? {} : { accuracyTau: tauOf(accuracies) }),
      costShare: cpuSeconds / fullCpuSeconds,
      failures: values.filter((value) => value === Number.NEGATIVE_INFINITY).length,
    }
  }
  const cpuSecondsOf = (pass: number): number => {
    const { continues } = passes[pass]!
    const own = measured.reduce((sum, { i }) => {
      const result = results[pass]![i]!
      return sum + (result.ok ? result.cpuSeconds : 0)
    }, 0)
    return own + (continues === undefined ? 0 : cpuSecondsOf(continues))
  }
  const macs = measured.map(({ i }) => countMacs(networks[i]!.graph))
  const rows = passes.slice(1).flatMap(({ name, skipTest: cheap }, place) => {
    const chosen = measured.map(({ i }) => results[place + 1]![i]!)
    const figures = (of: (result: Measurement) => number) =>
      chosen.map((result) => (result.ok ? of(result) : Number.NEGATIVE_INFINITY))
    const accuracies = figures(({ accuracy }) => accuracy)
    const cpuSeconds = cpuSecondsOf(place + 1)
    if (!cheap) return [row(name, 'training', { values: accuracies, cpuSeconds, full: true })]
    const values = figures(({ crossEntropy, accuracy }) => (crossEntropy === undefined ? accuracy : -crossEntropy))
    const sized = { values: joinedWithSize(values, macs), accuracies: joinedWithSize(accuracies, macs), cpuSeconds }
    return [row(name, 'training', { values, accuracies, cpuSeconds }), row(`${name} with MACs`, 'training', sized)]
  })
  for (const score of ZERO_COST_SCORES) {
    const kept = measured.map(({ i }) => networks[i]!)
    rows.push(row(score.id, 'zero-cost', await judge(job, kept, score)))
  }
  const accuracy = { low: Math.min(...truth), high: Math.max(...truth) }
  return { networks: measured.length, fullCpuSeconds, accuracy, rows }
}

/** The results by pass and network. */
async function trainAll(
  job: ProxyBenchmark,
  passes: readonly TrainingPass[],
): Promise<readonly (readonly (Measurement | Failure)[])[]> {
  const { networks } = job
  const parents = job.inherit ? parentsOf(networks.map(({ graph }) => graph)) : []
  const started = passes.map((): Promise<Measurement | Failure>[] => [])
  const nameOf = (pass: number, network: number): string =>
    sha256Hex(`${passes[pass]!.name}/${networks[network]!.archId}/${networks[network]!.seed}`).slice(0, 32)

  /** Waits for what it builds on, which began before it. Where a parent failed, nothing is inherited. */
  const run = async (pass: number, network: number): Promise<Measurement | Failure> => {
    const { ladder, inherit, continues, saves, seedOffset, skipTest } = passes[pass]!
    const root = rootOf(passes, pass)
    const parent = inherit ? parents[network]! : -1
    const inherits = parent >= 0 && (await started[root]![parent]!).ok
    const before = continues === undefined ? undefined : await started[continues]![network]!
    if (before?.ok === false) return before
    const use = {
      ...(saves ? { save: nameOf(pass, network) } : {}),
      ...(continues === undefined ? {} : { continueFrom: nameOf(continues, network) }),
      ...(inherits ? { inheritFrom: nameOf(root, parent) } : {}),
    }
    return train(job, networks[network]!, { ladder, seedOffset, skipTest, use })
  }
  const tasks = passes.flatMap((_, pass) =>
    networks.map((_, network) => () => {
      started[pass]![network] = run(pass, network)
      return started[pass]![network]!
    }),
  )
  await runAll(tasks, job.workers, job.onProgress)
  return Promise.all(started.map((ofPass) => Promise.all(ofPass)))
}

/** The pass of the first stage. */
function rootOf(passes: readonly TrainingPass[], pass: number): number {
  const { continues } = passes[pass]!
  return continues === undefined ? pass : rootOf(passes, continues)
}

function train(
  { dataset, evaluator, recipe, checkpoints }: ProxyBenchmark,
  { graph, archId, seed }: ProxyNetwork,
  {
    ladder,
    seedOffset,
    skipTest,
    use,
  }: Pick<TrainingPass, 'ladder' | 'seedOffset' | 'skipTest'> & { readonly use: Omit<CheckpointUse, 'directory'> },
): Promise<Measurement | Failure> {
  const stages = ladder.map(plainFidelity)
  const trainSize = Math.max(1, Math.round(dataset.splits.train.length * ladder[0]!.dataFraction))
  return evaluator.evaluate({
    graph,
    archId,
    fidelity: stages.at(-1)!,
    ...(stages.length === 1 ? {} : { earlier: stages.slice(0, -1) }),
    ...(Object.keys(use).length === 0 ? {} : { checkpoints: { directory: checkpoints, ...use } }),
    recipe: { ...recipe, batchSize: fittingBatchSize(recipe.batchSize, trainSize) },
    ...(skipTest ? { skipTest } : {}),
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
