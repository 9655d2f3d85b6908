/**
 * Whether an order by a short training becomes better when it is joined with the networks' MACs
 * (evaluators/proxy/size-prior.ts), on NAS-Bench-201, which had no part in choosing the rule:
 *
 *   node bench/size-prior.ts <nb201.csv.gz>
 *
 * First Kendall's τ of the order after 12 epochs with that after 200, alone and joined, over draws of 40 networks. Then what
 * a search in stages would have of it: of 80 networks one in three goes on, by non-dominated rank of error and latency, the
 * error being that after 12 epochs or its joined order; the hypervolume of the final errors of those that went on, as a
 * share of that of all 80, as a mean over the draws. Errors count up to the one that 85 % of the table reach.
 */
import { joinedWithSize } from '../evaluators/proxy/size-prior.ts'
import { errorsOf, numbersOf, readTable } from '../evaluators/tabular/table.ts'
import { type RandomStream, randomStream } from '../lib/random.ts'
import { mean } from '../lib/statistics.ts'
import { promotionOrder } from '../search/fidelity/promotion-order.ts'
import { hypervolume, kendallTau } from '../search/pareto/index.ts'
import { benchArguments } from './usage.ts'

const [DRAWS, RANKED, BEGUN, GO_ON] = [200, 40, 80, 27]
const MACS = 'macs_cifar10_M'
const LATENCIES = ['raspi4', 'pixel3', 'eyeriss', 'fpga', 'gold_6226', 'titan_rtx_1'].map(
  (name) => `${name}_latency_ms`,
)
const DATA = ['c10', 'c100', 'in16'].map((id) => ({ id, short: `${id}_val_12ep`, long: `${id}_test_200ep` }))

const [file = ''] = benchArguments('bench/size-prior.ts NB201.CSV.GZ', {}, [1, 1]).positionals
const table = readTable(file, [MACS, ...LATENCIES, ...DATA.flatMap(({ short, long }) => [short, long])])
const macs = numbersOf(table, MACS)
const random = randomStream(1, 'size-prior')

const pick = (values: Float64Array | readonly number[], networks: readonly number[]): readonly number[] =>
  networks.map((i) => values[i]!)
const drawn = (count: number, from: RandomStream): readonly number[] =>
  [...from.permutation(macs.length)].slice(0, count)
/** The joined order as errors: lower is better. */
const joinedErrors = (errors: readonly number[], sizes: readonly number[]): readonly number[] =>
  joinedWithSize(
    errors.map((error) => -error),
    sizes,
  ).map((value) => -value)
const tau = (a: readonly number[], b: readonly number[]): number =>
  kendallTau(Float64Array.from(a), Float64Array.from(b))
const text = (values: readonly number[], digits: number): string => mean(values).toFixed(digits)

function volume(errors: readonly number[], latencies: readonly number[], reference: readonly number[]): number {
  const points = errors.flatMap((error, i) => [error, latencies[i]!])
  return hypervolume(Float64Array.from(points), errors.length, reference)
}

/** Share of the hypervolume of all that those have who go on by these errors. */
function kept(
  ranked: readonly number[],
  final: readonly number[],
  latencies: readonly number[],
  worst: number,
): number {
  const told = ranked.map((error, i) => ({
    genome: [i],
    fronts: [{ objectives: [error, latencies[i]!], violation: 0 }],
  }))
  const chosen = promotionOrder(told, 1, 2).slice(0, GO_ON)
  const reference = [worst, 1.01 * Math.max(...latencies)]
  return volume(pick(final, chosen), pick(latencies, chosen), reference) / volume(final, latencies, reference)
}

for (const { id, short, long } of DATA) {
  const [early, final] = [errorsOf(table, short), errorsOf(table, long)]
  const worst = final.toSorted()[Math.floor(0.85 * final.length)]!
  const alone: number[] = []
  const joined: number[] = []
  for (let draw = 0; draw < DRAWS; draw++) {
    const networks = drawn(RANKED, random)
    const [errors, truth] = [pick(early, networks), pick(final, networks)]
    alone.push(tau(errors, truth))
    joined.push(tau(joinedErrors(errors, pick(macs, networks)), truth))
  }
  console.log(`${id}: tau ${text(alone, 3)} alone, ${text(joined, 3)} with MACs`)
  for (const column of LATENCIES) {
    const latency = numbersOf(table, column)
    const shares = Array.from({ length: DRAWS }, () => {
      const networks = drawn(BEGUN, random)
      const [errors, truth, times] = [pick(early, networks), pick(final, networks), pick(latency, networks)]
      const [a, b] = [errors, joinedErrors(errors, pick(macs, networks))].map((by) => kept(by, truth, times, worst))
      return { alone: a!, joined: b! }
    })
    const [a, b] = [shares.map((one) => one.alone), shares.map((one) => one.joined)]
    console.log(`  ${column}: ${text(a, 4)} of the hypervolume goes on alone, ${text(b, 4)} with MACs`)
  }
}
