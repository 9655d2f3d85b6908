/**
 * How well ten timed networks adapt the nearest profile to a device that no profile knows: for each device of the HELP
 * tables the Spearman rank correlation and mean error on 200 other networks, over several draws of the ten.
 * Run: node bench/calibrate.ts --data ../shared/data
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { calibrate, nearestProfile, type Sample } from '../hardware-profiles/calibrate.ts'
import { caseNetwork } from '../hardware-profiles/cases/case-network.ts'
import { spearman, summariseCases } from '../hardware-profiles/cases/statistics.ts'
import { createCostModel, listProfiles, loadProfile } from '../hardware-profiles/index.ts'
import { randomStream } from '../lib/random.ts'
import { type CsvRow, readCsv } from '../scripts/fit-profiles/csv.ts'

const { values } = parseArgs({
  options: { data: { type: 'string', default: '../shared/data' }, draws: { type: 'string', default: '3' } },
})
const SAMPLES = 10
const TESTED = 200
const folder = path.join(values.data, 'nas-benchmarks')

const isLatency = (column: string): boolean => column.endsWith('_ms')
/** Settings of a table whose device no profile was fitted on: all but the RTX 2080 Ti and the TITAN RTX. */
const unseen = (row: CsvRow): readonly string[] =>
  Object.keys(row).filter((column) => isLatency(column) && !/^(2080ti|titan_rtx)_/.test(column))

const fbnetRows = readCsv(path.join(folder, 'fbnet_help_latency.csv.gz'))
const nb201Rows = readCsv(path.join(folder, 'nb201.csv.gz')).filter((row) => !row['arch_str']!.includes('none'))
const SPACES = [
  { name: 'fbnet', rows: fbnetRows, network: (row: CsvRow) => `fbnet ${row['ops']}`, devices: unseen(fbnetRows[0]!) },
  {
    name: 'nb201',
    rows: nb201Rows,
    network: (row: CsvRow) => `nasBench201 ${row['arch_str']}`,
    devices: unseen(nb201Rows[0]!),
  },
] as const

const profiles = listProfiles().map(({ id }) => loadProfile(id))
const all: number[] = []
for (const { name, rows, network, devices } of SPACES) {
  const correlations: number[] = []
  for (const device of devices) {
    const drawn: number[] = []
    let last = ''
    for (let draw = 0; draw < Number(values.draws); draw++) {
      const random = randomStream(draw, 'calibrate', device)
      const picked = Array.from({ length: SAMPLES + TESTED }, () => rows[random.int(rows.length)]!)
      const samples = picked.map(
        (row): Sample => ({ name: network(row), graph: caseNetwork(network(row)), latencyMs: Number(row[device]) }),
      )
      const known = samples.slice(0, SAMPLES)
      const base = nearestProfile(profiles, known)
      const { profile } = calibrate(base, known, { id: 'adapted', title: device })
      const model = createCostModel(profile)
      const cases = samples.slice(SAMPLES).map((sample) => ({
        name: sample.name,
        measured: sample.latencyMs,
        predicted: model.price(sample.graph).latencyMs,
      }))
      drawn.push(spearman(cases))
      last = `${base.id}, mean error ${(100 * summariseCases(cases).mape).toFixed(1)} %`
    }
    const mean = drawn.reduce((total, value) => total + value, 0) / drawn.length
    correlations.push(mean)
    all.push(mean)
    console.log(`${name} ${device}: Spearman ${mean.toFixed(3)} (${last})`)
  }
  console.log(`${name}: mean Spearman ${(correlations.reduce((a, b) => a + b, 0) / correlations.length).toFixed(3)}\n`)
}
console.log(`all ${all.length} pairs: mean Spearman ${(all.reduce((a, b) => a + b, 0) / all.length).toFixed(3)}`)
