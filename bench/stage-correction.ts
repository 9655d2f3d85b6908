/**
 * How well the error after a short training ranks networks by their error after a long one, before and after the
 * correction that searches in stages learn (search/fidelity/correction.ts), on NAS-Bench-201.
 *
 *   node bench/stage-correction.ts <nb201.csv.gz>
 */
import { errorsOf, readTable } from '../evaluators/tabular/table.ts'
import { type RandomStream, randomStream } from '../lib/random.ts'
import { mean } from '../lib/statistics.ts'
import { fitCorrection } from '../search/fidelity/correction.ts'
import { genomeDistance } from '../search/fidelity/parents.ts'
import { kendallTau } from '../search/pareto/index.ts'

const [LOWER, UPPER] = ['c10_val_12ep', 'c10_test_200ep']
const [DRAWS, JUDGED] = [15, 120]

const file = process.argv[2]
if (file === undefined) throw new Error('name the table: node bench/stage-correction.ts <nb201.csv.gz>')
const table = readTable(file, ['ops', LOWER!, UPPER!])
const genomes = table.cells('ops').map((digits) => [...digits.padStart(6, '0')].map(Number))
const [lower, upper] = [errorsOf(table, LOWER!), errorsOf(table, UPPER!)]
const distance = genomeDistance(
  Array.from({ length: 6 }, (_, i) => ({ name: `${i}`, kind: 'categorical', choices: [0, 1, 2, 3, 4] })),
)

/** Kendall's τ of raw and corrected errors with the errors after long training, over networks that were not learnt from. */
function draw(pool: readonly number[], learnt: number, random: RandomStream): { raw: number; corrected: number } {
  const order = [...random.permutation(pool.length)].map((position) => pool[position]!)
  const judged = order.slice(learnt, learnt + JUDGED)
  const correct = fitCorrection(
    order.slice(0, learnt).map((i) => ({ genome: genomes[i]!, lower: lower[i]!, upper: upper[i]! })),
    distance,
  )
  const tau = (judge: (i: number) => number) =>
    kendallTau(
      Float64Array.from(judged, judge),
      Float64Array.from(judged, (i) => upper[i]!),
    )
  return { raw: tau((i) => lower[i]!), corrected: tau((i) => correct(lower[i]!, genomes[i]!)) }
}

console.log(`Kendall's τ of ${LOWER} with ${UPPER}, mean of ${DRAWS} draws of ${JUDGED} networks`)
const random = randomStream(1, 'stage-correction')
const sorted = [...upper].sort((a, b) => a - b)
for (const share of [1, 0.5, 0.2, 0.1]) {
  const limit = sorted[Math.ceil(share * sorted.length) - 1]!
  const pool = [...upper.keys()].filter((i) => upper[i]! <= limit)
  for (const learnt of [10, 20, 40, 80]) {
    const draws = Array.from({ length: DRAWS }, () => draw(pool, learnt, random))
    const [raw, corrected] = [mean(draws.map((one) => one.raw)), mean(draws.map((one) => one.corrected))]
    console.log(
      `best ${(100 * share).toFixed(0).padStart(3)} %, learnt from ${String(learnt).padStart(2)}: ` +
        `raw ${raw.toFixed(3)}, corrected ${corrected.toFixed(3)}`,
    )
  }
}
