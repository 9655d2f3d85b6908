/**
 * Speed of the cost model: how long a profile takes to load, a decoded network of about 50 layers to be priced, how many
 * architectures a second one core takes from genome to costs, and what each further device adds.
 * Run: npm run bench:cost
 */
import { createCostModel, loadProfile } from '../hardware-profiles/index.ts'
import { randomStream } from '../lib/random.ts'
import { scheduleOf } from '../network/schedule.ts'
import type { NetworkGraph } from '../network/types.ts'
import type { Genome } from '../search/algorithm.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'
import { benchArguments } from './usage.ts'

benchArguments('bench/cost.ts', {})

const DEVICE = 'stm32l552-tflm-cmsisnn'
const FURTHER = ['stm32f446-tflm-cmsisnn', 'nrf52832-tflm-cmsisnn', 'efr32xg24-mvp', 'stm32n6-neuralart']
const TASK = { inputShape: [32, 32, 3], classCount: 10 }
const GENOMES = 3000
const ROUNDS = 15
/** Processor time that a round is repeated for before any counts: compilers need about as long until nothing changes. */
const WARM_UP_MS = 800

interface Work {
  readonly calls: number
  round(): void
}

const usedUs = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/**
 * Least processor time of a round of each, a call, in microseconds, after warming up: time of all threads of this process,
 * so that other work on the machine does not count. The rounds take turns, so that what else happens to the machine's
 * memory meanwhile happens to all of them.
 */
function fastest(works: readonly Work[]): readonly number[] {
  for (const { round } of works) {
    for (const end = usedUs() + 1000 * WARM_UP_MS; usedUs() < end; ) round()
  }
  const best = works.map(() => Number.POSITIVE_INFINITY)
  for (let i = 0; i < ROUNDS; i++) {
    works.forEach(({ calls, round }, at) => {
      const begin = usedUs()
      round()
      best[at] = Math.min(best[at]!, (usedUs() - begin) / calls)
    })
  }
  return best
}

const WALK = new Float64Array(2 ** 22)
const READS = 2 ** 18
let sum = 0
/**
 * Reads all over 32 MB. Where these take long, so does everything that makes new objects, because other machines on the same
 * processor fill its caches.
 */
const walk: Work = {
  calls: READS,
  round() {
    for (let i = 0, at = 0; i < READS; i++) {
      at = (at * 20021 + 12345) & (WALK.length - 1)
      sum += WALK[at]!
    }
  },
}

const start = performance.now()
loadProfile(DEVICE)
const firstMs = performance.now() - start
const [loadUs] = fastest([{ calls: 1, round: () => loadProfile(DEVICE) }])
console.log(
  `profile load            ${(loadUs! / 1000).toFixed(1)} ms (${firstMs.toFixed(1)} ms the first time; bar: 20)`,
)

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

  const graphs = measured.slice(0, 1000).map((genome) => space.decode(genome, TASK))
  const layers = graphs.map((graph) => scheduleOf(graph).kernels.length)
  const long = graphs.filter((_, i) => layers[i]! >= 45 && layers[i]! <= 55)
  const mean = layers.reduce((total, count) => total + count, 0) / layers.length
  const eachGenome = (use: (genome: Genome) => void): Work => ({
    calls: measured.length,
    round: () => {
      for (const genome of measured) use(genome)
    },
  })
  const priceLong = (): void => {
    for (const graph of long) price(graph)
  }
  const [decodeUs, wholeUs, fleetUs, longUs, readUs] = fastest([
    eachGenome((genome) => space.decode(genome, TASK)),
    eachGenome((genome) => price(space.decode(genome, TASK))),
    eachGenome((genome) => priceAll(space.decode(genome, TASK))),
    { calls: long.length, round: priceLong },
    walk,
  ]) as [number, number, number, number, number]
  const further = (fleetUs - wholeUs) / FURTHER.length
  console.log(`\nspace ${name}: ${mean.toFixed(0)} kernels a network on average`)
  console.log(`  a read from memory meanwhile                  ${(1000 * readUs).toFixed(1)} ns`)
  console.log(`  price a decoded network of 45 to 55 kernels   ${longUs.toFixed(1)} µs (bar: 50)`)
  console.log(`  decode                                        ${decodeUs.toFixed(1)} µs`)
  console.log(`  genome to costs, one device                   ${wholeUs.toFixed(1)} µs`)
  console.log(`  architectures a second, one core              ${Math.round(1e6 / wholeUs)} (bar: 20,000)`)
  console.log(`  each further device                           +${((100 * further) / wholeUs).toFixed(0)} % (bar: 30)`)
}
if (sum !== 0) throw new Error('what was walked over is all zero')
