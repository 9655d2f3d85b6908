/**
 * How well ten timed networks adapt what is known to a device that nothing is known of: for each setting of the HELP tables
 * the Spearman rank correlation, mean error and share in the 90 % interval of 200 other networks, over several draws of 300 networks of which
 * `chooseNetworks` takes the ten. The device's own tables are left out, at every batch size; with --related also those of
 * every device like it; with --profiles-only all of them. `--method blend` and `scale` force one of the two that the
 * command chooses from; with --random the ten are not chosen, with --samples they are not ten.
 * Run: node bench/calibrate.ts --data ../shared/data [--draws 3] [--samples 10] [--random] [--related | --profiles-only]
 *   [--method adapt|blend|scale] [--only gold]
 */
import path from 'node:path'
import { calibrate, nearestProfile, type Sample } from '../hardware-profiles/calibrate.ts'
import { adapt } from '../hardware-profiles/calibration/adapt.ts'
import { blend } from '../hardware-profiles/calibration/blend.ts'
import { chooseNetworks } from '../hardware-profiles/calibration/choose-networks.ts'
import { knownDevices } from '../hardware-profiles/calibration/known-devices.ts'
import { caseNetwork } from '../hardware-profiles/cases/case-network.ts'
import { spearman, summariseCases } from '../hardware-profiles/cases/statistics.ts'
import { createCostModel, listProfiles, loadProfile, type Profile } from '../hardware-profiles/index.ts'
import { randomStream } from '../lib/random.ts'
import { type CsvRow, readCsv } from '../scripts/fit-profiles/csv.ts'
import { helpDevice } from '../scripts/fit-profiles/known-devices.ts'
import { benchArguments } from './usage.ts'

const { values } = benchArguments(
  'bench/calibrate.ts --data ../shared/data [--draws 3] [--samples 10] [--random] ' +
    '[--related | --profiles-only] [--method adapt|blend|scale] [--only gold]',
  {
    data: { type: 'string', default: '../shared/data' },
    draws: { type: 'string', default: '3' },
    samples: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    method: { type: 'string', default: 'adapt' },
    random: { type: 'boolean', default: false },
    related: { type: 'boolean', default: false },
    'profiles-only': { type: 'boolean', default: false },
  },
)
const sampleCount = Number(values.samples)
const POOL = 300
const TESTED = 200
const folder = path.join(values.data, 'nas-benchmarks')

/** Settings of a table whose device no profile was fitted on: all but the RTX 2080 Ti and the TITAN RTX. */
const unseen = (row: CsvRow): readonly string[] =>
  Object.keys(row).filter(
    (column) => column.endsWith('_ms') && !/^(2080ti|titan_rtx)_/.test(column) && column.includes(values.only),
  )

const fbnetRows = readCsv(path.join(folder, 'fbnet_help_latency.csv.gz'))
// Networks with `none` edges are left out: some runtimes execute the dead branches, which our networks cannot hold.
const nb201Rows = readCsv(path.join(folder, 'nb201.csv.gz')).filter((row) => !row['arch_str']!.includes('none'))
const SPACES = [
  { name: 'fbnet', rows: fbnetRows, network: (row: CsvRow) => `fbnet ${row['ops']}` },
  { name: 'nb201', rows: nb201Rows, network: (row: CsvRow) => `nasBench201 ${row['arch_str']}` },
] as const

const profiles = listProfiles().map(({ id }) => loadProfile(id))
const known = values['profiles-only'] ? [] : knownDevices()
const mean = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0) / list.length

/** The profile that ten networks give, and what it was made from. */
function adapted(samples: readonly Sample[], column: string): { readonly profile: Profile; readonly how: string } {
  const own = helpDevice(column)
  const others = known.filter(({ device, group }) => device !== own.device && !(values.related && group === own.group))
  const identity = { id: 'adapted', title: column }
  if (values.method === 'blend')
    return {
      profile: blend(nearestProfile(profiles, samples), profiles, others, samples, identity).profile,
      how: 'blend',
    }
  if (values.method === 'scale')
    return { profile: calibrate(nearestProfile(profiles, samples), samples, identity).profile, how: 'scaled' }
  const { profile, base, method } = adapt(profiles, others, samples, identity)
  return { profile, how: `${method}, ${base.id}` }
}

const all: number[] = []
/** Sum over the pairs of each draw's correlation. */
const byDraw = new Array<number>(Number(values.draws)).fill(0)
const covered: { readonly coverage: number; readonly method: string }[] = []
for (const { name, rows, network } of SPACES) {
  const draws = Array.from({ length: Number(values.draws) }, (_, draw) => {
    const random = randomStream(draw, 'calibrate', name)
    const pool = Array.from({ length: POOL + TESTED }, () => rows[random.int(rows.length)]!)
    const graphs = pool.map((row) => caseNetwork(network(row)))
    const chosen = values.random
      ? Array.from({ length: sampleCount }, (_, i) => i)
      : chooseNetworks(graphs.slice(0, POOL), sampleCount, profiles)
    return { pool, graphs, chosen }
  })
  const correlations: number[] = []
  for (const device of unseen(rows[0]!)) {
    const found = draws.map(({ pool, graphs, chosen }) => {
      const sample = (i: number): Sample => ({ name: `${i}`, graph: graphs[i]!, latencyMs: Number(pool[i]![device]) })
      const { profile, how } = adapted(chosen.map(sample), device)
      const model = createCostModel(profile)
      const cases = Array.from({ length: TESTED }, (_, i) => {
        const { latencyMs, graph } = sample(POOL + i)
        const { latencyMs: predicted, latencyLowMs: low, latencyHighMs: high } = model.price(graph)
        return { name: `${i}`, measured: latencyMs, predicted, covered: low <= latencyMs && latencyMs <= high }
      })
      const { mape, coverage90 } = summariseCases(cases)
      return { rank: spearman(cases), mape, coverage: coverage90!, how }
    })
    const rank = mean(found.map((one) => one.rank))
    correlations.push(rank)
    found.forEach((one, draw) => {
      byDraw[draw]! += one.rank
    })
    all.push(rank)
    for (const { coverage, how } of found) covered.push({ coverage, method: how.split(',')[0]! })
    const coverage = (100 * mean(found.map((one) => one.coverage))).toFixed(0)
    const error = (100 * mean(found.map(({ mape }) => mape))).toFixed(1)
    console.log(
      `${name} ${device}: Spearman ${rank.toFixed(3)}, mean error ${error} %, ${coverage} % in the 90 % interval (${found[0]!.how})`,
    )
  }
  if (correlations.length > 0) console.log(`${name}: mean Spearman ${mean(correlations).toFixed(3)}\n`)
}
const drawMeans = byDraw.map((sum) => sum / all.length)
const spread = Math.sqrt(mean(drawMeans.map((value) => (value - mean(drawMeans)) ** 2)))
console.log(
  `all ${all.length} pairs: mean Spearman ${mean(all).toFixed(4)}; of one draw ${Math.min(...drawMeans).toFixed(4)} to ` +
    `${Math.max(...drawMeans).toFixed(4)}, standard deviation ${spread.toFixed(4)}`,
)
for (const method of new Set(covered.map((one) => one.method))) {
  const shares = covered.filter((one) => one.method === method).map(({ coverage }) => coverage)
  console.log(
    `${method}: ${(100 * mean(shares)).toFixed(1)} % of left-out networks in the 90 % interval (${shares.length} times)`,
  )
}
