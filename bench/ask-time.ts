/**
 * How long an algorithm keeps the main thread: processor time of a tell and the ask after it, which a search runs without a
 * break. Nothing is trained, errors are made up; costs are those of the device profiles, with and without knowing them.
 * Every search is made several times, and of each turn the least time counts: the work is the same, and what differs is
 * what else the machine does. Prints mean, 99th percentile and the slowest turn.
 *
 *   npx node bench/ask-time.ts [--algorithm frugal] [--networks 600] [--seeds 1] [--rounds 3] [--space mobilenet]
 */
import { cpuSecondsNow } from '../evaluators/proxy/cpu-time.ts'
import { createCostModel, loadProfile } from '../hardware-profiles/index.ts'
import { randomStream } from '../lib/random.ts'
import type { Algorithm, AlgorithmConfig, Genome } from '../search/algorithm.ts'
import { loadAlgorithm } from '../search/discover.ts'
import { geneOperations } from '../search/genes.ts'
import { knownCosts } from '../search/known-costs.ts'
import type { ObjectiveName } from '../search/objectives.ts'
import { loadSpace } from '../spaces/discover.ts'
import { benchArguments } from './usage.ts'

const { values: flags } = benchArguments(
  'bench/ask-time.ts [--algorithm frugal] [--networks 600] [--seeds 1] [--rounds 3] [--space mobilenet]',
  {
    algorithm: { type: 'string', default: 'frugal' },
    networks: { type: 'string', default: '600' },
    seeds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    space: { type: 'string', default: 'mobilenet' },
  },
)
const DEVICES = [
  'stm32f446-tflm-cmsisnn',
  'stm32l552-tflm-cmsisnn',
  'stm32f746-tflm-cmsisnn',
  'nrf52832-tflm-cmsisnn',
  'efr32xg24-mvp',
  'stm32n6-neuralart',
]
const TASK = { inputShape: [32, 32, 3], classCount: 10 }
/** Networks told before the clock starts: they load code and have it compiled. */
const WARM_UP = 40

const definition = await loadAlgorithm(flags.algorithm)
const space = await loadSpace(flags.space)
const operations = geneOperations(space.genes(TASK))
const models = DEVICES.map((id) => createCostModel(loadProfile(id)))

function costsOn(
  devices: number,
  objectives: readonly ObjectiveName[],
): NonNullable<AlgorithmConfig['cheapObjectives']> {
  const searched = models.slice(0, devices).map((model, i) => ({
    id: DEVICES[i]!,
    price: (graph: Parameters<typeof model.price>[0]) => ({ ...model.price(graph), violations: [] }),
  }))
  return knownCosts({ space, task: TASK, devices: searched, objectives })
}

/** An error that larger choices lower, each less than the one before, with what a training adds by chance. */
function madeUpErrors(seed: number): (genome: Genome) => number {
  const random = randomStream(seed, 'errors')
  const effects = operations.genes.map(({ choices }) => choices.map(() => random.normal()))
  return (genome) => {
    const sum = genome.reduce((total, choice, gene) => total + effects[gene]![choice]! + 0.5 * Math.sqrt(choice), 0)
    return 0.05 + 0.9 / (1 + Math.exp((3 * sum) / genome.length)) + 0.002 * random.normal()
  }
}

/** Milliseconds of every turn. */
function turns(algorithm: Algorithm, tell: (genome: Genome) => void, networks: number): number[] {
  const times: number[] = []
  let genome = algorithm.ask()
  for (let told = 0; told < networks; told++) {
    const start = cpuSecondsNow()
    tell(genome)
    genome = algorithm.ask()
    if (told >= WARM_UP) times.push(1000 * (cpuSecondsNow() - start))
  }
  return times
}

const show = (name: string, times: readonly number[]): void => {
  const sorted = times.toSorted((a, b) => a - b)
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  console.log(
    `${name.padEnd(60)} mean ${mean.toFixed(1).padStart(5)}   99 % ${at(0.99).toFixed(1).padStart(5)}   slowest ${at(1).toFixed(1).padStart(5)} ms`,
  )
}

for (const { devices, objectives, known } of [
  { devices: 1, objectives: ['accuracy', 'latencyMs'], known: true },
  { devices: 1, objectives: ['accuracy', 'latencyMs', 'energyMj'], known: true },
  { devices: 6, objectives: ['accuracy', 'latencyMs', 'energyMj'], known: true },
  { devices: 6, objectives: ['accuracy', 'latencyMs', 'energyMj'], known: false },
] as const) {
  const times: number[] = []
  for (let seed = 1; seed <= Number(flags.seeds); seed++) {
    const rounds = Array.from({ length: Number(flags.rounds) }, () => {
      const priced = costsOn(devices, objectives)
      const errorOf = madeUpErrors(seed)
      const algorithm = definition.create(
        {
          operations,
          objectiveCount: objectives.length,
          frontCount: devices,
          populationSize: 20,
          ...(known ? { cheapObjectives: priced } : {}),
        },
        randomStream(seed, 'ask-time'),
      )
      const tell = (genome: Genome): void => {
        const error = errorOf(genome)
        const fronts = priced(genome)!.map(({ costs }) => ({ objectives: [error, ...costs], violation: 0 }))
        algorithm.tell({ genome, fronts })
      }
      return turns(algorithm, tell, Number(flags.networks))
    })
    times.push(...rounds[0]!.map((_, turn) => Math.min(...rounds.map((round) => round[turn]!))))
  }
  const what = `${devices} ${devices > 1 ? 'devices' : 'device'}, ${objectives.join(' + ')}`
  show(known ? what : `${what}, costs hidden`, times)
}
