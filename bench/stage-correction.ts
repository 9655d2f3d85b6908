/**
 * How well the error after a short training ranks networks by their error after a long one, before and after the
 * correction that searches in stages learn (search/fidelity/correction.ts), with and without sizes, on NAS-Bench-201.
 *
 *   node bench/stage-correction.ts <nb201.csv.gz> [column of sizes, by default MACs]
 */
import { errorsOf, numbersOf, readTable } from '../evaluators/tabular/table.ts'
import { randomStream } from '../lib/random.ts'
import { mean } from '../lib/statistics.ts'
import { fitCorrection } from '../search/fidelity/correction.ts'
import { genomeDistance } from '../search/fidelity/parents.ts'
import { NO_SIZES, SCALED_NETWORKS, type SizeScale, sizeScale } from '../search/fidelity/size-scale.ts'
import { kendallTau } from '../search/pareto/index.ts'
import { benchArguments } from './usage.ts'

const [DRAWS, JUDGED] = [15, 120]
/** As in a search with two rungs (search/fidelity/scheduler.ts). */
const SIZE_GAIN = 0.4

const { positionals } = benchArguments('bench/stage-correction.ts NB201.CSV.GZ [COLUMN-OF-SIZES]', {}, [1, 2])
const [file = '', sizeColumn = 'macs_cifar10_M'] = positionals
const DATA = ['c10', 'c100', 'in16'].map((id) => [`${id}_val_12ep`, `${id}_test_200ep`] as const)
const table = readTable(file, ['ops', sizeColumn, ...DATA.flat()])
const genomes = table.cells('ops').map((digits) => [...digits.padStart(6, '0')].map(Number))
/** A network without convolutions has next to no MACs. */
const sizes = numbersOf(table, sizeColumn).map((size) => Math.max(size, 1))
const distance = genomeDistance(
  Array.from({ length: 6 }, (_, i) => ({ name: `${i}`, kind: 'categorical', choices: [0, 1, 2, 3, 4] })),
)

interface Taus {
  readonly raw: number
  readonly corrected: number
  readonly sized: number
}

for (const [lower, upper] of DATA) {
  const [short, long] = [errorsOf(table, lower), errorsOf(table, upper)]
  const random = randomStream(1, 'stage-correction', lower)
  const sorted = short.toSorted()

  /** Kendall's τ of raw and corrected errors with the errors after long training, over networks that were not learnt from. */
  const draw = (pool: readonly number[], learnt: number): Taus => {
    const order = [...random.permutation(pool.length)].map((position) => pool[position]!)
    const judged = order.slice(learnt, learnt + JUDGED)
    const pairs = order
      .slice(0, learnt)
      .map((i) => ({ genome: genomes[i]!, size: sizes[i]!, lower: short[i]!, upper: long[i]! }))
    const first = [...random.permutation(genomes.length)].slice(0, SCALED_NETWORKS)
    const scale = sizeScale(first.map((i) => ({ error: short[i]!, size: sizes[i]! })))
    const tau = (judge: (i: number) => number) =>
      kendallTau(
        Float64Array.from(judged, judge),
        Float64Array.from(judged, (i) => long[i]!),
      )
    const after = (scale: SizeScale) => {
      const correct = fitCorrection(pairs, { distance, sizes: scale, sizeGain: SIZE_GAIN })
      return tau((i) => correct(short[i]!, { genome: genomes[i]!, size: sizes[i]! }))
    }
    return { raw: tau((i) => short[i]!), corrected: after(NO_SIZES), sized: after(scale) }
  }

  console.log(`Kendall's τ of ${lower} with ${upper}, mean of ${DRAWS} draws of ${JUDGED} networks`)
  for (const share of [1, 0.5, 0.2, 0.1]) {
    const limit = sorted[Math.ceil(share * sorted.length) - 1]!
    const pool = [...short.keys()].filter((i) => short[i]! <= limit)
    for (const learnt of [0, 5, 10, 20, 40, 80]) {
      const draws = Array.from({ length: DRAWS }, () => draw(pool, learnt))
      const text = (name: keyof Taus) => mean(draws.map((one) => one[name])).toFixed(3)
      console.log(
        `best ${(100 * share).toFixed(0).padStart(3)} % by ${lower}, learnt from ${String(learnt).padStart(2)}: ` +
          `raw ${text('raw')}, corrected ${text('corrected')}, with sizes ${text('sized')}`,
      )
    }
  }
}
