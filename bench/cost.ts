/**
 * Speed of the cost model: how long a profile takes to load, a decoded network of about 50 layers to be priced, how many
 * architectures a second one core takes from genome to costs, and what each further device adds.
 * Run: npm run bench:cost
 */
import { createCostModel, loadProfile } from '../hardware-profiles/index.ts'
import { randomStream } from '../lib/random.ts'
import { scheduleOf } from '../network/schedule.ts'
import type { NetworkGraph } from '../network/types.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'

const DEVICE = 'stm32l552-tflm-cmsisnn'
const FURTHER = ['stm32f446-tflm-cmsisnn', 'nrf52832-tflm-cmsisnn', 'efr32xg24-mvp', 'stm32n6-neuralart']
const TASK = { inputShape: [32, 32, 3], classCount: 10 }
const GENOMES = 3000
const ROUNDS = 7
/** Processor time that a round is repeated for before any counts: compilers need about as long until nothing changes. */
const WARM_UP_MS = 800

/**
 * Least processor time of a round, a call, in microseconds, after warming up: time of all threads of this process, so that
 * other work on the machine does not count.
 */
function fastest(calls: number, round: () => void): number {
  const begin = process.cpuUsage()
  for (let used = process.cpuUsage(begin); used.user + used.system < 1000 * WARM_UP_MS; ) {
    round()
    used = process.cpuUsage(begin)
  }
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < ROUNDS; i++) {
    const start = process.cpuUsage()
    round()
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, user + system)
  }
  return best / calls
}

const start = performance.now()
loadProfile(DEVICE)
const firstMs = performance.now() - start
const loadMs = fastest(1, () => loadProfile(DEVICE)) / 1000
console.log(`profile load            ${loadMs.toFixed(1)} ms (${firstMs.toFixed(1)} ms the first time; bar: 20)`)

for (const name of ['mobilenet', 'moe']) {
  const space = await loadSpace(name)
  const operations = geneOperations(space.genes(TASK))
  const random = randomStream(1, 'bench-cost')
  // A search walks through the space by small steps: mutants of mutants, as an evolutionary algorithm asks for them.
  const genomes = Array.from({ length: 200 }, () => operations.sample(random))
  while (genomes.length < 2 * GENOMES) {
    genomes.push(operations.mutate(genomes[random.int(genomes.length)]!, random))
  }
  const [warm, measured] = [genomes.slice(0, GENOMES), genomes.slice(GENOMES)]
  const one = createCostModel(loadProfile(DEVICE))
  const models = [one, ...FURTHER.map((id) => createCostModel(loadProfile(id)))]
  const priceAll = (graph: NetworkGraph): void => {
    for (const model of models) model.price(graph)
  }
  const price = (graph: NetworkGraph) => one.price(graph)
  for (const genome of warm) {
    const graph = space.decode(genome, TASK)
    priceAll(graph)
  }

  const decodeUs = fastest(measured.length, () => {
    for (const genome of measured) space.decode(genome, TASK)
  })
  const wholeUs = fastest(measured.length, () => {
    for (const genome of measured) price(space.decode(genome, TASK))
  })
  const fleetUs = fastest(measured.length, () => {
    for (const genome of measured) priceAll(space.decode(genome, TASK))
  })
  const graphs = measured.slice(0, 1000).map((genome) => space.decode(genome, TASK))
  const layers = graphs.map((graph) => scheduleOf(graph).kernels.length)
  const long = graphs.filter((_, i) => layers[i]! >= 45 && layers[i]! <= 55)
  const mean = layers.reduce((sum, count) => sum + count, 0) / layers.length
  const longUs = fastest(long.length, () => {
    for (const graph of long) price(graph)
  })
  const further = (fleetUs - wholeUs) / FURTHER.length
  console.log(`\nspace ${name}: ${mean.toFixed(0)} kernels a network on average`)
  console.log(`  price a decoded network of 45 to 55 kernels   ${longUs.toFixed(1)} µs (bar: 50)`)
  console.log(`  decode                                        ${decodeUs.toFixed(1)} µs`)
  console.log(`  genome to costs, one device                   ${wholeUs.toFixed(1)} µs`)
  console.log(`  architectures a second, one core              ${Math.round(1e6 / wholeUs)} (bar: 20,000)`)
  console.log(`  each further device                           +${((100 * further) / wholeUs).toFixed(0)} % (bar: 30)`)
}
