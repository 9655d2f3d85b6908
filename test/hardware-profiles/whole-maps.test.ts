import test from 'ava'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { wholeMaps } from '../../hardware-profiles/whole-maps.ts'
import { GraphBuilder } from '../../network/build.ts'
import { type Schedule, scheduleOf } from '../../network/schedule.ts'

const RULES = { fusedPools: true, depthwiseBlocks: { below: 32, to: 16 } }
const elementsOf = ({ tensors }: Schedule): readonly number[] => tensors.map(({ elements }) => elements)

function network(build: (b: GraphBuilder, x: string) => string, channels = 4): Schedule {
  const b = new GraphBuilder()
  return scheduleOf(b.build(build(b, b.input([4, 4, channels]))))
}

test('results of narrow depthwise convolutions are stored in blocks of 16 channels, others as they are', (t) => {
  const stored = (channels: number): number =>
    elementsOf(
      wholeMaps(
        network((b, x) => b.depthwiseConv2d(x, { kernel: 3 }), channels),
        RULES,
      ),
    )[1]! / 16
  t.deepEqual([1, 8, 16, 17, 24, 31, 32, 40, 72].map(stored), [16, 16, 16, 32, 32, 32, 32, 40, 72])
  const dense = network((b, x) => b.conv2d(x, 8, { kernel: 1 }))
  t.is(wholeMaps(dense, RULES), dense, 'nothing changes: the same schedule')
})

test('the map between a convolution and its pool is never whole; one that something else reads is', (t) => {
  const pool = (b: GraphBuilder, x: string) => b.maxPool(x, { kernel: 2, stride: 2 })
  const pooled = network((b, x) => pool(b, b.conv2d(x, 8, { kernel: 3 })))
  const maps = wholeMaps(pooled, RULES)
  t.deepEqual(elementsOf(maps), [64, 0, 32])
  t.deepEqual(maps.kernels[1]!.inputs, pooled.kernels[0]!.inputs, 'the pool reads what the convolution read')
  t.is(wholeMaps(pooled, {}), pooled)
  const kept = network((b, x) => {
    const map = b.conv2d(x, 8, { kernel: 3 })
    const half = pool(b, map)
    return b.add(half, b.conv2d(map, 8, { kernel: 1, stride: 2 }))
  })
  t.deepEqual(elementsOf(wholeMaps(kept, RULES)), elementsOf(kept))
})

test('the STM32N6 plans maps so, and lists no empty buffers', (t) => {
  const model = createCostModel(loadProfile('stm32n6-neuralart3'))
  const b = new GraphBuilder()
  const map = b.conv2d(b.input([64, 64, 3]), 32, { kernel: 3 })
  const graph = b.build(b.conv2d(b.maxPool(map, { kernel: 2, stride: 2 }), 8, { kernel: 1 }))
  const { buffers, peakRamBytes } = model.memoryPlan(graph)
  t.false(buffers.some(({ id, bytes }) => bytes === 0 || id === map))
  t.is(model.price(graph).peakRamBytes, peakRamBytes)
  // The image and the pooled map: the whole map alone would be 128 KiB.
  t.is(peakRamBytes, 64 * 64 * 3 + 32 * 32 * 32)
})
