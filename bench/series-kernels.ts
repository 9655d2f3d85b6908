/**
 * What series (readings × 1 × sensors) and rows of features (1 × 1 × features) cost with kernels along their own axes
 * alone, as the spaces make them, and with square kernels, whose other taps would read padding only: the same random
 * networks, priced on devices.
 *
 *   npx node bench/series-kernels.ts [networks]
 */
import { createCostModel, loadProfile } from '../hardware-profiles/index.ts'
import { randomStream } from '../lib/random.ts'
import { buildGraph } from '../network/build.ts'
import { countMacs } from '../network/measure.ts'
import type { NetworkGraph, Op } from '../network/types.ts'
import { geneOperations } from '../search/genes.ts'
import { loadSpace } from '../spaces/discover.ts'
import { benchArguments } from './usage.ts'

const NETWORKS = Number(benchArguments('bench/series-kernels.ts [NETWORKS]', {}, [0, 1]).positionals[0] ?? 100)
const DEVICES = ['stm32f446-tflm-cmsisnn', 'stm32f446-frugal-c', 'efr32xg24-mvp', 'titan-rtx']
const TASKS = [
  { inputShape: [30, 1, 5], classCount: 2 },
  { inputShape: [125, 1, 3], classCount: 4 },
  { inputShape: [1, 1, 64], classCount: 10 },
]

/** A kernel as long along the axis of one position as along the other; of 1 × 1 ones it is not known what they were. */
function squared(op: Op): Op {
  if (op.kind !== 'conv2d' && op.kind !== 'depthwiseConv2d') return op
  const [kernel, stride] = [Math.max(...op.kernel), Math.max(...op.stride)]
  const side = op.kind === 'depthwiseConv2d' ? Math.max(kernel, 3) : kernel
  return { ...op, kernel: [side, side], stride: [stride, stride] }
}

const withSquares = ({ nodes, output }: NetworkGraph): NetworkGraph =>
  buildGraph(
    nodes.map(({ id, op, inputs }) => ({ id, op: squared(op), inputs })),
    output,
  )

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

const space = await loadSpace('mobilenet')
console.log('task, device: own kernels ÷ square ones, median over networks (latency, flash, MACs)')
for (const task of TASKS) {
  const random = randomStream(1, 'series-kernels')
  const operations = geneOperations(space.genes(task))
  const networks = Array.from({ length: NETWORKS }, () => space.decode(operations.sample(random), task))
  for (const device of DEVICES) {
    const model = createCostModel(loadProfile(device))
    const ratios = networks.map((network) => {
      const square = withSquares(network)
      const [own, other] = [model.price(network), model.price(square)]
      return {
        latency: own.latencyMs / other.latencyMs,
        flash: own.flashBytes / other.flashBytes,
        macs: countMacs(network) / countMacs(square),
      }
    })
    const figures = (['latency', 'flash', 'macs'] as const).map((key) =>
      median(ratios.map((each) => each[key])).toFixed(2),
    )
    console.log(`${task.inputShape.join('×')}, ${device}: ${figures.join(', ')}`)
  }
}
