/**
 * How many networks the fronts of several devices take from somebody who knows every accuracy of a table, and picks the one
 * that adds most hypervolume each time: for one device alone and for all with the same networks. The ratio of the two is what
 * several devices ask for by themselves, whatever the algorithm.
 *
 *   npx node bench/several-devices.ts --table nb201.csv.gz --gene-digits ops --accuracy c10_test_200ep
 *     --cost raspi4_latency_ms,pixel3_latency_ms [--hypervolumes 0.9,0.95,0.98,0.985,0.99,0.995]
 */
import { mean } from '../lib/statistics.ts'
import {
  frontOf,
  interestingError,
  normalisedVolume,
  type ObjectiveColumns,
  regionOfInterest,
} from '../search/tabular/normalisation.ts'
import { TABLE_FLAGS, tableProblem } from './table-problem.ts'
import { benchArguments } from './usage.ts'

const { values: flags, refuse } = benchArguments(
  'bench/several-devices.ts --table nb201.csv.gz --gene-digits ops --accuracy c10_test_200ep ' +
    '--cost COLUMN,COLUMN [--hypervolumes 0.9,0.95,0.98,0.985,0.99,0.995]',
  {
    ...TABLE_FLAGS,
    hypervolumes: { type: 'string', default: '0.9,0.95,0.98,0.985,0.99,0.995' },
  },
)
const { problem } = tableProblem(flags, refuse)
const errors = problem.scoreErrors
const limit = interestingError(errors)
const useful = [...errors.keys()].filter((i) => errors[i]! <= limit)

interface Device {
  readonly front: readonly number[]
  volume(networks: readonly number[]): number
}
const devices = problem.costs.map((costs): Device => {
  const columns: ObjectiveColumns = [errors, ...costs]
  const box = regionOfInterest(columns, limit)
  const front = frontOf(columns, useful)
  const whole = normalisedVolume(columns, front, box)
  return { front, volume: (networks) => normalisedVolume(columns, frontOf(columns, networks), box) / whole }
})

/** Mean hypervolume of the devices after each pick, until the picks hold all of their fronts. */
function greedyCurve(served: readonly Device[]): number[] {
  const candidates = new Set(served.flatMap(({ front }) => front))
  const picked: number[] = []
  const curve: number[] = []
  while (candidates.size > 0) {
    let [best, next] = [-1, -1]
    for (const candidate of candidates) {
      const volume = mean(served.map((device) => device.volume([...picked, candidate])))
      if (volume > best) [best, next] = [volume, candidate]
    }
    candidates.delete(next)
    picked.push(next)
    curve.push(best)
  }
  return curve
}
const picksUntil = (curve: readonly number[], volume: number): number => curve.findIndex((v) => v >= volume) + 1

const alone = devices.map((device) => greedyCurve([device]))
const together = greedyCurve(devices)
const union = new Set(devices.flatMap(({ front }) => front)).size
console.log(
  `networks on the fronts: ${devices.map(({ front }) => front.length).join(', ')}; on any of them: ${union}\n` +
    'hypervolume   one device   all together   ratio',
)
for (const volume of flags.hypervolumes.split(',').map(Number)) {
  const one = mean(alone.map((curve) => picksUntil(curve, volume)))
  const all = picksUntil(together, volume)
  console.log(
    `${String(volume).padEnd(14)}${one.toFixed(1).padStart(10)}${String(all).padStart(15)}${(all / one).toFixed(2).padStart(8)}`,
  )
}
