/**
 * Times the Pareto kernels, the naive peeling sort beside them: `npx node bench/pareto.ts`.
 * Points lie on the unit sphere's positive part (one front) or uniformly in the unit cube (many fronts).
 */
import { type RandomStream, randomStream } from '../lib/random.ts'
import { crowdingDistance, hypervolume, kendallTau, nonDominatedSort } from '../search/pareto/index.ts'

type Shape = 'sphere' | 'cube'

function pointSet(shape: Shape, count: number, objectives: number, random: RandomStream): Float64Array {
  const points = new Float64Array(count * objectives)
  for (let i = 0; i < count; i++) {
    const row = points.subarray(i * objectives, (i + 1) * objectives)
    for (let j = 0; j < objectives; j++) row[j] = shape === 'cube' ? random.float() : Math.abs(random.normal())
    if (shape === 'cube') continue
    const length = Math.hypot(...row)
    // Towards the origin is better, so the sphere is turned inside out to be a convex front.
    for (let j = 0; j < objectives; j++) row[j] = 1 - row[j]! / length
  }
  return points
}

/** Median wall-clock milliseconds of `repeats` calls after one to warm up. */
function medianMs(repeats: number, work: () => void): number {
  work()
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  })
  return times.sort((a, b) => a - b)[repeats >> 1]!
}

/** Compares every pair for each front peeled off. */
function naiveSort(points: Float64Array, count: number, objectives: number): void {
  const ranks = new Int32Array(count).fill(-1)
  let open = Array.from({ length: count }, (_, i) => i)
  for (let rank = 0; open.length > 0; rank++) {
    const front = open.filter((i) => {
      for (const other of open) {
        let noWorse = true
        let better = false
        for (let j = 0; j < objectives && noWorse; j++) {
          const difference = points[other * objectives + j]! - points[i * objectives + j]!
          noWorse = difference <= 0
          better ||= difference < 0
        }
        if (noWorse && better) return false
      }
      return true
    })
    for (const i of front) ranks[i] = rank
    open = open.filter((i) => ranks[i] === -1)
  }
}

const random = randomStream(1, 'bench-pareto')
const line = (label: string, ms: number) => console.log(`${label.padEnd(52)} ${ms.toFixed(2).padStart(10)} ms`)

for (const shape of ['sphere', 'cube'] as const) {
  for (const [count, objectives] of [
    [1000, 3],
    [10_000, 2],
    [10_000, 3],
    [100_000, 3],
    [2000, 4],
  ] as const) {
    const points = pointSet(shape, count, objectives, random)
    const reference = new Array<number>(objectives).fill(1.1)
    const name = `${count} × ${objectives}, ${shape}`
    line(
      `sort, ${name}`,
      medianMs(5, () => nonDominatedSort(points, count, objectives)),
    )
    line(
      `crowding, ${name}`,
      medianMs(5, () => crowdingDistance(points, count, objectives)),
    )
    if (objectives < 4) {
      line(
        `hypervolume, ${name}`,
        medianMs(5, () => hypervolume(points, count, reference)),
      )
    }
    if (count <= 2000) {
      line(
        `naive sort, ${name}`,
        medianMs(3, () => naiveSort(points, count, objectives)),
      )
    }
  }
}
for (const [count, objectives] of [
  [200, 4],
  [500, 4],
  [100, 5],
] as const) {
  const points = pointSet('sphere', count, objectives, random)
  const reference = new Array<number>(objectives).fill(1.1)
  line(
    `hypervolume, ${count} × ${objectives}, sphere`,
    medianMs(3, () => hypervolume(points, count, reference)),
  )
}
const x = Float64Array.from({ length: 10_000 }, () => random.float())
const y = x.map((value) => value + random.normal())
line(
  'Kendall τ-b of 10000 pairs',
  medianMs(5, () => kendallTau(x, y)),
)
