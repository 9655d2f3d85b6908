/**
 * Times the Pareto kernels beside naive versions and, where there is a Python with them, beside pymoo and moocore on the
 * same points:
 *   npx node bench/pareto.ts [--python python3]... [--only hypervolume,sort] [--objectives 2,3]
 * Several Pythons may be named, for two versions of pymoo: with --python, or in FRUGAL_PYTHON divided as PATH is. Times
 * are the least processor milliseconds of a call, and all take turns, so that a busy machine hits all alike. Results are
 * compared too: the exit code is 1 when one differs.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { randomStream } from '../lib/random.ts'
import {
  crowdingDistance,
  hypervolume,
  igdPlus,
  kendallTau,
  nonDominatedIndices,
  nonDominatedSort,
} from '../search/pareto/index.ts'
import { naiveFront, naiveHypervolume, naiveIgdPlus, naiveRanks } from './pareto-naive.ts'
import { pointSet, type Shape } from './pareto-points.ts'
import { PythonPeer, type Sample } from './pareto-python.ts'
import { benchArguments } from './usage.ts'

const { values } = benchArguments(
  'bench/pareto.ts [--python python3]... [--only hypervolume,sort] [--objectives 2,3]',
  {
    python: {
      type: 'string',
      multiple: true,
      default: (process.env['FRUGAL_PYTHON'] ?? 'python3').split(path.delimiter),
    },
    only: { type: 'string' },
    objectives: { type: 'string' },
  },
)

type Kind = 'sort' | 'front' | 'crowding' | 'hypervolume' | 'igd+'

/** Number of points for each number of objectives. */
const SIZES: Readonly<Record<Kind, readonly (readonly [objectives: number, ...counts: number[]])[]>> = {
  sort: [
    [2, 1000, 10_000],
    [3, 1000, 10_000, 100_000],
    [4, 1000, 10_000],
    [5, 1000, 10_000],
    [6, 1000, 10_000],
  ],
  front: [
    [2, 1000, 10_000],
    [3, 1000, 10_000],
    [4, 1000, 10_000],
    [5, 1000, 10_000],
    [6, 1000, 10_000],
  ],
  crowding: [
    [2, 1000, 10_000],
    [3, 1000, 10_000],
    [6, 1000, 10_000],
  ],
  hypervolume: [
    [2, 100, 1000, 10_000],
    [3, 100, 1000, 10_000, 100_000],
    [4, 100, 200, 500, 1000, 3000],
    [5, 50, 100, 200, 400],
    [6, 50, 100, 200],
  ],
  'igd+': [
    [2, 2000],
    [3, 2000, 20_000],
    [4, 2000],
    [5, 2000],
    [6, 2000],
  ],
}
const SHAPES: readonly Shape[] = ['cloud', 'sphere', 'convex', 'linear']
/** Small sets take turns, this many points together: a processor learns the branches of one set that comes again and again. */
const POINTS_IN_TURN = 4000
const ROUNDS = 3
const ROUND_MS = 20

interface Case {
  readonly kind: Kind
  readonly count: number
  readonly objectives: number
  readonly points: Float64Array
  /** Every tenth point, which IGD+ measures against all of them. */
  readonly tenth: Float64Array
  readonly reference: readonly number[]
}

const digest = (ranks: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < ranks.length; i++) sum += ranks[i]! * ((i % 97) + 1)
  return sum
}

/** What sorting, crowding and so on give: a number to compare by. */
function work({ kind, points, count, objectives, tenth, reference }: Case): number {
  if (kind === 'sort') return digest(nonDominatedSort(points, count, objectives).ranks)
  if (kind === 'front') return nonDominatedIndices(points, count, objectives).reduce((sum, i) => sum + i, 0)
  if (kind === 'crowding') return crowdingDistance(points, count, objectives)[0]!
  if (kind === 'hypervolume') return hypervolume(points, count, reference)
  return igdPlus(tenth, tenth.length / objectives, points, count, objectives)
}

/** The same by the shortest program; undefined where that takes too long. */
function naiveWork({ kind, points, count, objectives, tenth, reference }: Case): (() => number) | undefined {
  const rows = () => Array.from({ length: count }, (_, i) => [...points.subarray(i * objectives, (i + 1) * objectives)])
  if (kind === 'sort' && count <= 1000) return () => digest(naiveRanks(points, count, objectives))
  if (kind === 'front' && count <= 1000) {
    return () => naiveFront(points, count, objectives).reduce((sum, i) => sum + i, 0)
  }
  if (kind === 'hypervolume' && count ** (objectives - 1) <= 3e6) return () => naiveHypervolume(rows(), reference)
  if (kind === 'igd+' && count <= 2000) return () => naiveIgdPlus(tenth, points, objectives)
  return undefined
}

/**
 * Least processor milliseconds of a call, in groups of rounds through all sets that take a millisecond or more, which the
 * clock can measure; and what the first set gives.
 */
function sample(
  runs: readonly (() => number)[],
  milliseconds: number,
): { readonly ms: number; readonly result: number } {
  let result = 0
  let least = Number.POSITIVE_INFINITY
  for (let used = 0; used < milliseconds; ) {
    const start = process.cpuUsage()
    let calls = 0
    let spent = 0
    while (spent < 1) {
      runs.forEach((run, i) => {
        const value = run()
        if (i === 0) result = value
      })
      calls += runs.length
      const { user, system } = process.cpuUsage(start)
      spent = (user + system) / 1000
    }
    used += spent
    least = Math.min(least, spent / calls)
  }
  return { ms: least, result }
}

const nameOf = ({ library, backing }: Sample): string => `${library} (${backing})`
/** How often each library's time exceeds ours, over all cases. */
const ratios = new Map<string, { readonly row: string; readonly ratio: number }[]>()
let different = 0

/** One case, everyone in turn: our time and, per library, how many times as long it takes. */
async function compare(
  name: string,
  sets: readonly Case[],
  peers: readonly PythonPeer[],
  file: string,
): Promise<string> {
  const entry = sets[0]!
  const { kind, count, objectives, reference } = entry
  writeFileSync(file, Buffer.concat(sets.map(({ points }) => new Uint8Array(points.buffer))))
  const runs = sets.map((set) => () => work(set))
  const own = sample(runs, ROUND_MS)
  let ownMs = own.ms
  const best = new Map<string, Sample>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const peer of peers) {
      const request = { file, kind, count, objectives, reference, milliseconds: ROUND_MS }
      for (const taken of await peer.measure(request)) {
        const before = best.get(nameOf(taken))
        if (before === undefined || taken.ms < before.ms) best.set(nameOf(taken), taken)
      }
    }
    ownMs = Math.min(ownMs, sample(runs, ROUND_MS).ms)
  }
  const naive = naiveWork(entry)
  if (naive !== undefined) best.set('naive', { library: 'naive', backing: 'Python', ...sample([naive], 1) })
  const cells = [...best].map(([library, taken]) => {
    const ratio = taken.ms / ownMs
    ratios.set(library, [...(ratios.get(library) ?? []), { row: name, ratio }])
    // Crowding is normalised differently by each library, so only times are compared.
    const differs =
      kind !== 'crowding' && taken.result !== null && Math.abs(taken.result - own.result) > 1e-9 * Math.abs(own.result)
    if (differs) different++
    const shown = ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)
    return `${library} ${taken.result === null ? '>' : ''}${shown}×${differs ? ` gives ${taken.result}, not ${own.result}` : ''}`
  })
  return `${name.padEnd(34)} ${ownMs.toFixed(3).padStart(9)} ms   ${cells.join(', ')}`
}

const peers = (await Promise.all(values.python.map((python) => PythonPeer.start(python)))).filter(
  (peer) => peer !== undefined,
)
for (const { found } of peers) {
  const { versions, behindPymoo } = found
  const list = (entries: object, join: string) =>
    Object.entries(entries).map(([name, value]) => `${name}${join}${value}`)
  console.log(list(versions, ' ').join(', '))
  if ('pymoo' in versions) console.log(`  behind pymoo ${versions['pymoo']}: ${list(behindPymoo, ' ').join('; ')}`)
}
console.log('our time, and how many times as long the others take:')
const random = randomStream(1, 'bench-pareto')
const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-pareto-'))
try {
  for (const [kind, sizes] of Object.entries(SIZES) as [Kind, (typeof SIZES)[Kind]][]) {
    if (values.only?.split(',').includes(kind) === false) continue
    for (const [objectives, ...counts] of sizes) {
      if (values.objectives?.split(',').includes(String(objectives)) === false) continue
      for (const count of counts) {
        for (const shape of SHAPES) {
          const reference = new Array<number>(objectives).fill(1.1)
          const entry = Array.from({ length: count > 1000 ? 1 : POINTS_IN_TURN / count }, (): Case => {
            const points = pointSet(shape, count, objectives, random)
            const tenth = points.filter((_, at) => Math.floor(at / objectives) % 10 === 0)
            return { kind, count, objectives, points, tenth, reference }
          })
          const name = `${kind}, ${count} × ${objectives}, ${shape}`
          const file = path.join(folder, `${kind}-${count}-${objectives}-${shape}.f64`)
          console.log(await compare(name, entry, peers, file))
        }
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true })
  for (const peer of peers) peer.end()
}
const pairs = Array.from({ length: 10_000 }, () => random.float())
const x = Float64Array.from(pairs)
const y = x.map((value) => value + random.normal())
console.log(`Kendall τ-b of 10000 pairs           ${sample([() => kendallTau(x, y)], 100).ms.toFixed(2)} ms`)
for (const [library, found] of ratios) {
  const sorted = found.sort((a, b) => a.ratio - b.ratio)
  const middle = sorted[sorted.length >> 1]!.ratio.toFixed(2)
  const bar = library.includes('(moocore)') ? 0.5 : library === 'naive' ? 1 : 10
  const below = sorted.filter(({ ratio }) => ratio < bar).map(({ row, ratio }) => `${row} ${ratio.toFixed(2)}×`)
  console.log(
    `${library}: ${sorted.length} cases, median ${middle}×, least ${sorted[0]!.ratio.toFixed(2)}× (${sorted[0]!.row})` +
      (below.length === 0 ? `, all at least ${bar}×` : `; below ${bar}×: ${below.join('; ')}`),
  )
}
if (different > 0) {
  console.error(`${different} results differ`)
  process.exitCode = 1
}
