import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createPool } from '../../evaluators/pool/pool.ts'
import { benchmarkProxies, type ProxyNetwork, type ProxyReport } from '../../evaluators/proxy/benchmark.ts'
import { withStore } from '../../evaluators/proxy/measurement-store.ts'
import { defaultLadders, fidelityText, parseFidelity, parseLadder } from '../../evaluators/proxy/proxy-fidelity.ts'
import { chooseEngine, engineName, loadEngine } from '../../evaluators/training/engines.ts'
import { loadRecipe } from '../../evaluators/training/recipe.ts'
import { UserError } from '../../lib/errors.ts'
import { makeFolder } from '../../lib/files.ts'
import { randomStream } from '../../lib/random.ts'
import { formatAccuracy, formatNumber, formatPercent, parseQuantity } from '../../lib/units.ts'
import { archId } from '../../network/measure.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { SearchSpace, Task } from '../../spaces/space.ts'
import { wholeNumber } from '../commands/shared.ts'
import { checkCrew, crewOf, trainedAtOnce } from './crew.ts'
import { checkOutFolder } from './export-training.ts'
import { columns, print, printJson } from './output.ts'
import { loadData, taskOf, trainingSeed } from './session.ts'
import { dataPathOf } from './settings.ts'

interface BenchProxyArguments {
  readonly space: string
  readonly data: string
  readonly networks: number
  readonly full: string
  readonly fidelities: readonly string[] | undefined
  readonly ceiling: boolean
  readonly inherit: boolean
  readonly keep: string | undefined
  readonly recipe: string
  readonly engine: string
  readonly provider: string
  readonly seed: number
  readonly workers: number | undefined
  readonly 'nets-per-step': number | undefined
  readonly isolate: boolean
  readonly 'trial-timeout': string
  readonly json: boolean
}

/** Without an order among at least so many networks τ says nothing. */
const LEAST_NETWORKS = 4
const WHOLE = { epochs: 10, dataFraction: 1, resolution: 1 }

/** `frugal bench proxy`: a table of rank correlations, or one JSON object. */
export async function benchProxy(args: BenchProxyArguments): Promise<void> {
  wholeNumber(args.networks, '--networks', LEAST_NETWORKS, 10_000)
  wholeNumber(args.seed, '--seed', 0, Number.MAX_SAFE_INTEGER)
  checkCrew(args)
  if (args.keep !== undefined) checkOutFolder(args.keep, '--keep')
  const timeoutSeconds = parseQuantity(args['trial-timeout'], 'durationS', '--trial-timeout')
  const full = parseFidelity(args.full, '--full', WHOLE)
  const ladders = args.fidelities?.map((text) => parseLadder(text, '--fidelities', full)) ?? defaultLadders(full)
  const recipe = loadRecipe(args.recipe)
  const space = await loadSpace(args.space)
  const choice = await chooseEngine(args)
  const crew = crewOf(args, choice)
  const engine = engineName(choice)
  const { version } = await loadEngine(engine)
  const dataset = await loadData(dataPathOf(args.data), args.seed)
  const networks = drawNetworks(space, taskOf(dataset), args.networks, args.seed)
  const folder = path.resolve(args.keep ?? mkdtempSync(path.join(os.tmpdir(), 'frugal-bench-')))
  const checkpoints = path.join(folder, 'checkpoints')
  makeFolder(checkpoints)
  const pool = createPool({ dataset, engine, engineVersion: version, ...crew, timeoutSeconds })
  try {
    const report = await benchmarkProxies({
      networks,
      dataset,
      evaluator: withStore(pool, path.join(folder, 'measurements.jsonl'), dataset.digest),
      workers: trainedAtOnce(crew),
      recipe,
      full,
      ladders,
      inherit: args.inherit,
      ceiling: args.ceiling,
      checkpoints,
      seed: args.seed,
      onProgress: showProgress,
    })
    if (report.networks < LEAST_NETWORKS) {
      throw new UserError(
        `only ${report.networks} of ${args.networks} networks could be trained fully: give --full fewer epochs or more time`,
      )
    }
    const what = {
      space: space.id,
      data: dataset.name,
      recipe: args.recipe,
      engine,
      full: fidelityText(full),
      seed: args.seed,
    }
    if (args.json) printJson({ ...what, ...report })
    else print(describe(what, report))
  } finally {
    await pool.dispose()
    if (args.keep === undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** Random networks of a space, all different. @throws UserError when the space has not enough of them. */
function drawNetworks(space: SearchSpace, task: Task, count: number, seed: number): readonly ProxyNetwork[] {
  const operations = geneOperations(space.genes(task))
  const random = randomStream(seed, 'bench-proxy')
  const networks = new Map<string, ProxyNetwork>()
  for (let draw = 0; draw < 100 * count && networks.size < count; draw++) {
    const graph = space.decode(operations.sample(random), task)
    const id = archId(graph)
    networks.set(id, { graph, archId: id, seed: trainingSeed(seed, id) })
  }
  if (networks.size < count) {
    throw new UserError(
      `the space '${space.id}' gave only ${networks.size} different networks: --networks must be at most that`,
    )
  }
  return [...networks.values()]
}

function showProgress(done: number, total: number): void {
  if (done === total || done % 10 === 0) process.stderr.write(`trained ${done} of ${total}\n`)
}

const tauText = (tau: number | null): string => (tau === null ? 'none' : tau.toFixed(2))
const intervalText = (interval: ProxyReport['accuracy'] | null): string =>
  interval === null ? 'none' : `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)}`

function describe(what: Readonly<Record<string, string | number>>, report: ProxyReport): string {
  const { networks, fullCpuSeconds, accuracy, rows } = report
  const twice = rows.some(({ meanTau }) => meanTau !== undefined)
  const table = rows.map(({ proxy, tau, interval, accuracyTau, meanTau, meanInterval, costShare, failures }) => [
    proxy,
    tauText(tau),
    intervalText(interval),
    accuracyTau === undefined ? '' : tauText(accuracyTau),
    ...(twice ? [meanTau === undefined ? '' : `${tauText(meanTau)} (${intervalText(meanInterval ?? null)})`] : []),
    formatPercent(costShare),
    String(failures),
  ])
  const head = ['judged by', 'tau', '95 % interval', 'by accuracy', ...(twice ? ['of two full'] : []), 'cost', 'failed']
  return [
    `${networks} networks of '${what['space']}' on '${what['data']}', recipe '${what['recipe']}', seed ${what['seed']}.`,
    `Full training (${what['full']}): ${formatNumber(fullCpuSeconds)} s of processor time in all, ` +
      `test accuracy ${formatAccuracy(accuracy.low)} to ${formatAccuracy(accuracy.high)}.`,
    '',
    columns([head, ...table], [1, 3, head.length - 2, head.length - 1]),
  ].join('\n')
}
