import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { Task } from '../../spaces/space.ts'

export interface NamedNetwork {
  readonly name: string
  readonly graph: NetworkGraph
}

const TASKS: readonly Task[] = [
  { inputShape: [16, 16, 1], classCount: 10 },
  { inputShape: [28, 28, 1], classCount: 10 },
  { inputShape: [49, 10, 1], classCount: 12 },
  { inputShape: [32, 32, 3], classCount: 10 },
]
/** Networks of each space and task, and the largest that is still emulated in seconds. */
const EACH = 6
const MOST_MACS = 12e6
const MOST_PARAMS = 300e3

/** Kinds that the spaces do not use, and single kernels: what each takes of flash shows without the rest. */
function special(): readonly NamedNetwork[] {
  const built = (name: string, build: (g: GraphBuilder) => string): NamedNetwork => {
    const g = new GraphBuilder()
    return { name, graph: g.build(build(g)) }
  }
  const pooled = (kind: 'averagePool' | 'maxPool', size: number) =>
    built(`${kind}-${size}`, (g) => {
      const x = g.activation(g.conv2d(g.input([20, 20, 3]), 8, { kernel: 3 }), 'relu6')
      const window = { kernel: [size, size], stride: [2, 2], padding: 'same' } as const
      return g.dense(g.globalAveragePool(g.node({ kind, ...window }, x)), 4)
    })
  const activated = (kind: 'relu' | 'relu6' | 'sigmoid', size: number) =>
    built(`${kind}-${size}`, (g) => g.conv2d(g.activation(g.input([size, size, 4]), kind), 4, {}))
  return [
    built('dense', (g) => g.dense(g.activation(g.dense(g.input([64]), 32), 'relu'), 10)),
    built('conv2d', (g) => g.conv2d(g.activation(g.conv2d(g.input([16, 16, 3]), 16, { kernel: 3 }), 'relu6'), 4, {})),
    built('conv2d-5', (g) =>
      g.conv2d(g.activation(g.conv2d(g.input([24, 20, 2]), 8, { kernel: 5 }), 'relu6'), 6, { kernel: 5, stride: 2 }),
    ),
    built('conv2d-7', (g) =>
      g.conv2d(g.activation(g.conv2d(g.input([24, 20, 2]), 6, { kernel: 7, stride: 2 }), 'relu6'), 5, { kernel: 7 }),
    ),
    built('depthwise', (g) => g.dense(g.globalAveragePool(g.depthwiseConv2d(g.input([16, 16, 8]), { kernel: 3 })), 4)),
    built('batchNorm', (g) => g.conv2d(g.batchNorm(g.input([12, 12, 8])), 4, {})),
    built('softmax', (g) => g.activation(g.dense(g.input([20]), 7), 'softmax')),
    ...[2, 3].flatMap((size) => [pooled('averagePool', size), pooled('maxPool', size)]),
    ...[8, 24].flatMap((size) => [activated('relu', size), activated('relu6', size), activated('sigmoid', size)]),
    ...[4, 12].map((channels) =>
      built(`concat-${channels}`, (g) => {
        const x = g.activation(g.conv2d(g.input([10, 10, 3]), channels, { kernel: 3 }), 'relu')
        const y = g.activation(g.conv2d(x, 5, {}), 'relu6')
        return g.dense(g.globalAveragePool(g.node({ kind: 'concat' }, x, y)), 3)
      }),
    ),
  ]
}

/** The special networks, and random ones of both spaces that a microcontroller could hold. */
export async function measuredNetworks(): Promise<readonly NamedNetwork[]> {
  const networks = [...special()]
  for (const id of ['mobilenet', 'moe']) {
    const space = await loadSpace(id)
    for (const task of TASKS) {
      const operations = geneOperations(space.genes(task))
      const random = randomStream(7, `${id}/${task.inputShape}`)
      for (let taken = 0; taken < EACH; ) {
        const graph = space.decode(operations.sample(random), task)
        if (countMacs(graph) > MOST_MACS || countParams(graph) > MOST_PARAMS) continue
        networks.push({ name: `${id} ${task.inputShape.join('x')} ${taken++}`, graph })
      }
    }
  }
  return networks
}
