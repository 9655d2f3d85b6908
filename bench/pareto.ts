/**
 * Times the Pareto kernels beside a naive sort and, where a Python has them, beside pymoo and moocore on the same points:
 *   npx node bench/pareto.ts [--python python3]
 * The Python is that of --python, of the environment variable FRUGAL_PYTHON, or `python3`. Results are compared too.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { randomStream } from '../lib/random.ts'
import { crowdingDistance, hypervolume, igdPlus, kendallTau, nonDominatedSort } from '../search/pareto/index.ts'
import { naiveSort, pointSet, type Shape } from './pareto-points.ts'

const { values } = parseArgs({
  options: { python: { type: 'string', default: process.env['FRUGAL_PYTHON'] ?? 'python3' } },
})

type Kind = 'sort' | 'crowding' | 'hypervolume' | 'igd+'

interface Case {
  readonly id: number
  readonly kind: Kind
  readonly count: number
  readonly objectives: number
  readonly shape: Shape
  readonly points: Float64Array
  readonly reference: readonly number[]
  readonly repeats: number
}

/** What sorting, crowding and so on give: a number to compare by. */
function work({ kind, points, count, objectives, reference }: Case): number {
  if (kind === 'sort') return nonDominatedSort(points, count, objectives).frontCount
  if (kind === 'crowding') return crowdingDistance(points, count, objectives)[0]!
  if (kind === 'hypervolume') return hypervolume(points, count, reference)
  const every10th = Float64Array.from({ length: Math.ceil(count / 10) * objectives }, (_, k) => {
    return points[Math.floor(k / objectives) * 10 * objectives + (k % objectives)]!
  })
  return igdPlus(every10th, every10th.length / objectives, points, count, objectives)
}

/**
 * Least wall-clock milliseconds of `repeats` calls after two to warm up, and what the work gives. The least, because other
 * programs only ever add time.
 */
function leastMs(repeats: number, run: () => number): { readonly ms: number; readonly result: number } {
  run()
  const result = run()
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return { ms: Math.min(...times), result }
}

const SIZES: readonly (readonly [Kind, number, number])[] = [
  ['sort', 1000, 3],
  ['sort', 10_000, 2],
  ['sort', 10_000, 3],
  ['sort', 100_000, 3],
  ['sort', 2000, 4],
  ['crowding', 10_000, 2],
  ['crowding', 10_000, 3],
  ['hypervolume', 1000, 3],
  ['hypervolume', 10_000, 2],
  ['hypervolume', 10_000, 3],
  ['hypervolume', 100_000, 3],
  ['hypervolume', 200, 4],
  ['hypervolume', 500, 4],
  ['hypervolume', 100, 5],
  ['igd+', 2000, 3],
]

interface Reference {
  readonly versions: Readonly<Record<string, string>>
  readonly missing: readonly string[]
  readonly times: readonly {
    readonly id: number
    readonly library: string
    readonly ms: number
    readonly result: number
  }[]
}

/** The same cases in Python; undefined, with a message, where there is none. */
function referenceTimes(cases: readonly Case[]): Reference | undefined {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-pareto-'))
  try {
    const plain = cases.map(({ points, ...rest }) => {
      const file = path.join(folder, `${rest.id}.f64`)
      writeFileSync(file, new Uint8Array(points.buffer))
      return { ...rest, file }
    })
    const list = path.join(folder, 'cases.json')
    writeFileSync(list, JSON.stringify(plain))
    const script = path.join(import.meta.dirname, 'pareto_reference.py')
    const { status, stdout, stderr, error } = spawnSync(values.python, [script, list], { encoding: 'utf8' })
    if (status === 0) return JSON.parse(stdout) as Reference
    console.log(`no comparison with Python: '${values.python}' ${error?.message ?? `failed: ${stderr.slice(-400)}`}`)
    return undefined
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const random = randomStream(1, 'bench-pareto')
const cases = (['sphere', 'cube'] as const)
  .flatMap((shape) => SIZES.map((size) => [shape, ...size] as const))
  .map(
    ([shape, kind, count, objectives], id): Case => ({
      id,
      kind,
      count,
      objectives,
      shape,
      points: pointSet(shape, count, objectives, random),
      reference: new Array<number>(objectives).fill(1.1),
      repeats: 15,
    }),
  )
const reference = referenceTimes(cases)
if (reference !== undefined) {
  console.log(
    Object.entries(reference.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  )
  if (reference.missing.length > 0)
    console.log(`'${values.python}' lacks ${reference.missing.join(' and ')}: not compared`)
}

for (const entry of cases) {
  const { kind, count, objectives, shape, points } = entry
  const own = leastMs(entry.repeats, () => work(entry))
  const notes = (reference?.times ?? [])
    .filter(({ id }) => id === entry.id)
    .map(({ library, ms, result }) => {
      // Crowding is normalised differently by each library, so only times are compared.
      const differs = kind !== 'crowding' && Math.abs(result - own.result) > 1e-9 * Math.abs(own.result)
      return `${library} ${ms.toFixed(2)} ms (${(ms / own.ms).toFixed(2)}×)${differs ? ` gives ${result}, not ${own.result}` : ''}`
    })
  if (kind === 'sort' && count <= 2000) {
    const naive = leastMs(3, () => naiveSort(points, count, objectives))
    notes.push(`naive ${naive.ms.toFixed(2)} ms (${(naive.ms / own.ms).toFixed(2)}×)`)
  }
  const name = `${kind}, ${count} × ${objectives}, ${shape}`
  console.log(`${name.padEnd(34)} ${own.ms.toFixed(2).padStart(9)} ms   ${notes.join(', ')}`)
}
const x = Float64Array.from({ length: 10_000 }, () => random.float())
const y = x.map((value) => value + random.normal())
console.log(`Kendall τ-b of 10000 pairs           ${leastMs(7, () => kendallTau(x, y)).ms.toFixed(2)} ms`)
