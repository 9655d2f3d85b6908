import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { type BenchKernel, benchProgram } from '../../export/c/bench-program.ts'
import { writeCModel } from '../../export/c/write-model.ts'
import { quantisedSchedule, quantiseNetwork } from '../../export/quantise/quantise.ts'
import { emptyFacts, readFacts } from '../../hardware-profiles/features.ts'
import { tableRow } from '../../hardware-profiles/fit-table.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { OPERATOR_COLUMNS } from '../../hardware-profiles/operator-measurements.ts'
import { randomStream } from '../../lib/random.ts'
import type { Kernel } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'

const TASK = { inputShape: [32, 32, 3], classCount: 10 }
const NETWORKS = 4
/** Small enough for most boards, and long enough to hold every kind of kernel. */
const MOST_RAM = 48 * 1024
const MOST_FLASH = 256 * 1024
const LEAST_KERNELS = 15

/** C files that time the kernels of some networks of the mobilenet space, by name. The same files every time. */
export async function benchSources(): Promise<ReadonlyMap<string, string>> {
  const space = await loadSpace('mobilenet')
  const operations = geneOperations(space.genes(TASK))
  const random = randomStream(1, 'bench-c')
  const board = createCostModel(loadProfile('stm32f446-tflm-cmsisnn'))
  const files = new Map<string, string>()
  while (files.size < NETWORKS) {
    const graph = space.decode(operations.sample(random), TASK)
    const { peakRamBytes, flashBytes } = board.price(graph)
    if (peakRamBytes > MOST_RAM || flashBytes > MOST_FLASH) continue
    if (quantisedSchedule(graph).kernels.length < LEAST_KERNELS) continue
    const name = `bench-${String(files.size + 1).padStart(2, '0')}.c`
    files.set(name, await benchSource(graph, `frugal_bench_${files.size + 1}`))
  }
  return files
}

async function benchSource(graph: NetworkGraph, name: string): Promise<string> {
  const shape = graph.nodes.find(({ op }) => op.kind === 'input')!.shape
  const count = 8
  const noise = randomStream(2, name)
  const { minmax } = await quantiseNetwork({
    graph,
    weights: initialWeights(graph, randomStream(1, name)),
    normalisation: { mean: shape.slice(-1).fill(0), standardDeviation: shape.slice(-1).fill(1) },
    sample: { inputs: Float32Array.from({ length: count * sizeOf(shape) }, () => noise.normal()), count },
  })
  const schedule = quantisedSchedule(graph)
  const model = writeCModel(minmax, {
    ...{ name, schedule, alignmentBytes: 16, title: `${name}: kernels to time` },
    classNames: Array.from({ length: TASK.classCount }, (_, i) => `class ${i}`),
  })
  const kernels = schedule.kernels.flatMap((kernel): BenchKernel[] => {
    const layer = model.layers.indexOf(kernel.id)
    return layer === -1 ? [] : [{ line: lineOf(kernel), layer }]
  })
  return benchProgram(model, [...OPERATOR_COLUMNS, 'cycles'].join(','), kernels)
}

function lineOf(kernel: Kernel): string {
  const facts = emptyFacts()
  readFacts(kernel, facts)
  const row = tableRow({ facts, cost: 0, family: '', weight: 1 })
  return [kernel.kind, ...row.slice(0, -1)].join(',')
}
