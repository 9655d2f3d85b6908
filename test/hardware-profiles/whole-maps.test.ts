import test from 'ava'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
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

test('where narrow results are copied, the kernel that reads one has a second buffer as large beside it', (t) => {
  const narrow = network((b, x) => b.conv2d(b.depthwiseConv2d(x, { kernel: 3 }), 16, { kernel: 1 }), 8)
  const copied = wholeMaps(narrow, { depthwiseBlocks: { below: 32, to: 16, copied: true } })
  t.deepEqual(elementsOf(copied), [128, 256, 256, 256])
  t.deepEqual(copied.kernels[1]!.inputs, [1, 3])
  const wide = network((b, x) => b.conv2d(b.depthwiseConv2d(x, { kernel: 3 }), 16, { kernel: 1 }), 16)
  t.is(wholeMaps(wide, { depthwiseBlocks: { below: 32, to: 16, copied: true } }), wide)
})

test('the STM32N6 takes for MobileNetV1 0.25 what the tool reports: 588 KiB under 2.0, 392 under 3.0', (t) => {
  const kib = (id: string): number =>
    createCostModel(loadProfile(id)).price(caseNetwork('mobilenetV1 0.25 224 101')).peakRamBytes / 1024
  t.deepEqual(['stm32n6-neuralart', 'stm32n6-neuralart3'].map(kib), [588, 392])
})

test('no bank of the STM32N6 is filled to its last byte: 256 and 192 KiB lie in two, as in YOLO LC at 256 pixels', (t) => {
  const b = new GraphBuilder()
  const first = b.conv2d(b.input([256, 256, 3]), 16, { kernel: 3, stride: 2 })
  const graph = b.build(b.conv2d(first, 32, { kernel: 3, stride: 2 }))
  // The first map and the second in one bank, the converted image in another.
  t.is(createCostModel(loadProfile('stm32n6-neuralart3')).price(graph).peakRamBytes / 1024, 256 + 128 + 192)
})
