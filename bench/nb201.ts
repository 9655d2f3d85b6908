/**
 * Search algorithms on NAS-Bench-201 as nb201_baselines.json defines the experiment, beside the baselines published there:
 *   npx node bench/nb201.ts [--algorithms random,nsga2] [--seeds 30] [--first-seed 0] [--evaluations 50,100,200,500]
 *     [--devices raspi4,…] [--energy] [--hide-costs] [--data FOLDER]
 * Figures are the mean normalised hypervolume of the region of interest (1 is the true front).
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type RandomStream, randomStream } from '../lib/random.ts'
import type { Algorithm, AlgorithmConfig, AlgorithmDefinition } from '../search/algorithm.ts'
import { loadAlgorithm } from '../search/discover.ts'
import { geneOperations } from '../search/genes.ts'
import { hypervolume } from '../search/pareto/index.ts'
import { NB201_GENES, type Normalisation, readNb201, regionOfInterest } from './nb201-table.ts'

const { values } = parseArgs({
  options: {
    algorithms: { type: 'string', default: 'random,nsga2' },
    seeds: { type: 'string', default: '30' },
    'first-seed': { type: 'string', default: '0' },
    evaluations: { type: 'string', default: '50,100,200,500' },
    devices: { type: 'string', default: 'raspi4,pixel3,eyeriss,fpga,gold_6226,titan_rtx_1' },
    energy: { type: 'boolean', default: false },
    'hide-costs': { type: 'boolean', default: false },
    data: { type: 'string', default: path.join(import.meta.dirname, '../../shared/data/nas-benchmarks') },
  },
})

const tableFile = path.join(values.data, 'nb201.csv.gz')
if (!existsSync(tableFile)) {
  console.error(`no table at ${tableFile}: give its folder with --data`)
  process.exit(2)
}
const table = readNb201(tableFile)
const error = table.column('c10_test_200ep').map((accuracy) => 100 - accuracy)
const budgets = values.evaluations.split(',').map(Number)
const operations = geneOperations(NB201_GENES)
const POPULATION = 20
const ERROR_LIMIT = 15

const knownCosts = (columns: readonly Float64Array[], row: number) => ({
  costs: columns.slice(1).map((column) => column[row]!),
  violation: 0,
})

/** Normalised hypervolume of the evaluated rows after each budget, and the mean time of the last ten asks and tells. */
function search(
  definition: AlgorithmDefinition,
  columns: readonly Float64Array[],
  normal: Normalisation,
  random: RandomStream,
) {
  const config: AlgorithmConfig = {
    operations,
    objectiveCount: columns.length,
    frontCount: 1,
    populationSize: POPULATION,
    ...(values['hide-costs'] ? {} : { cheapObjectives: (genome) => [knownCosts(columns, table.row(genome))] }),
  }
  const algorithm: Algorithm = definition.create(config, random)
  const evaluated = new Set<number>()
  const volumes: number[] = []
  const timesMs: number[] = []
  for (let asks = 0; evaluated.size < budgets.at(-1)! && asks < 100 * budgets.at(-1)!; asks++) {
    const start = performance.now()
    const genome = algorithm.ask()
    const row = table.row(genome)
    algorithm.tell({ genome, fronts: [{ objectives: columns.map((column) => column[row]!), violation: 0 }] })
    timesMs.push(performance.now() - start)
    if (evaluated.has(row)) continue
    evaluated.add(row)
    if (budgets.includes(evaluated.size)) volumes.push(normalisedVolume([...evaluated], columns, normal))
  }
  return { volumes, lastMs: mean(timesMs.slice(-10)) }
}

function normalisedVolume(rows: readonly number[], columns: readonly Float64Array[], normal: Normalisation): number {
  const scaled = rows.flatMap((row) =>
    columns.map((column, j) =>
      Math.max(0, (column[row]! - normal.ideal[j]!) / (normal.reference[j]! - normal.ideal[j]!)),
    ),
  )
  return hypervolume(Float64Array.from(scaled), rows.length, new Array<number>(columns.length).fill(1))
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length
const row = (label: string, numbers: readonly number[], note = '') =>
  console.log(`${label.padEnd(34)} ${numbers.map((value) => value.toFixed(4)).join('  ')}  ${note}`)

interface Published {
  readonly baselines: Record<string, { roi: Record<string, Record<string, { mean: number }>> }>
}
const published = JSON.parse(readFileSync(path.join(values.data, 'nb201_baselines.json'), 'utf8')) as Published
const publishedNames: Record<string, string> = { random: 'random', nsga2: 'nsga2_pop20', aging: 'aging_evo_pop40_s10' }

const algorithms = values.algorithms.split(',')
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => Number(values['first-seed']) + i)
const totals = new Map<string, number[][]>()
row('evaluations', budgets)
for (const device of values.devices.split(',')) {
  const costs = [table.column(`${device}_latency_ms`), ...(values.energy ? [table.column(`${device}_energy_mJ`)] : [])]
  const columns = [error, ...costs]
  const normal = regionOfInterest(columns, ERROR_LIMIT)
  const best = normalisedVolume([...error.keys()], columns, normal)
  for (const id of algorithms) {
    const definition = await loadAlgorithm(id)
    const runs = seeds.map((seed) => search(definition, columns, normal, randomStream(seed, device)))
    const means = budgets.map((_, k) => mean(runs.map(({ volumes }) => volumes[k]! / best)))
    const sd = Math.sqrt(mean(runs.map(({ volumes }) => (volumes.at(-1)! / best - means.at(-1)!) ** 2)))
    const lastMs = mean(runs.map((run) => run.lastMs))
    row(`${id} ${device}`, means, `sd ${sd.toFixed(4)}, last ask and tell ${lastMs.toFixed(2)} ms`)
    totals.set(id, [...(totals.get(id) ?? []), means])
    const name = publishedNames[id]
    const figures = published.baselines[`${device}|err,lat${values.energy ? ',energy' : ''}`]?.roi[name ?? '']
    if (figures === undefined) continue
    const known = budgets.map((budget) => figures[budget]?.mean ?? Number.NaN)
    row(`  published ${name}`, known)
    totals.set(`  published ${name}`, [...(totals.get(`  published ${name}`) ?? []), known])
  }
}
for (const [id, perDevice] of totals) {
  row(
    `mean ${id}`,
    budgets.map((_, k) => mean(perDevice.map((means) => means[k]!))),
  )
}
