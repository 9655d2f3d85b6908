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

/** Devices that no profile was fitted on. */
const SPACES = [
  {
    name: 'fbnet',
    rows: readCsv(path.join(folder, 'fbnet_help_latency.csv.gz')),
    network: (row: CsvRow) => `fbnet ${row['ops']}`,
    devices: ['raspi4_ms', 'pixel3_ms', 'pixel2_ms', 'samsung_a50_ms', 'samsung_s7_ms', 'eyeriss_ms', 'fpga_ms'],
  },
  {
    name: 'fbnet (desktop)',
    rows: readCsv(path.join(folder, 'fbnet_help_latency.csv.gz')),
    network: (row: CsvRow) => `fbnet ${row['ops']}`,
    devices: ['gold_6226_ms', 'silver_4114_ms', '1080ti_1_ms', 'titanx_1_ms', 'titanxp_32_ms'],
  },
  {
    name: 'nb201',
    rows: readCsv(path.join(folder, 'nb201.csv.gz')).filter((row) => !row['arch_str']!.includes('none')),
    network: (row: CsvRow) => `nasBench201 ${row['arch_str']}`,
    devices: [
      'raspi4_latency_ms',
      'pixel3_latency_ms',
      'eyeriss_latency_ms',
      'fpga_latency_ms',
      'gold_6226_latency_ms',
    ],
  },
] as const

const profiles = listProfiles().map(({ id }) => loadProfile(id))
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
    console.log(`${name} ${device}: Spearman ${mean.toFixed(3)} (${last})`)
  }
  console.log(`${name}: mean Spearman ${(correlations.reduce((a, b) => a + b, 0) / correlations.length).toFixed(3)}\n`)
}
