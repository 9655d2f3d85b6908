import test from 'ava'
import { bankedBytes, planBanks } from '../../hardware-profiles/banks.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { MemoryPlan } from '../../network/memory-plan.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { experts, randomNetwork } from './networks.ts'

const OPTIONS = { elementBytes: 1, alignmentBytes: 1, banks: { bytes: 1000, count: 3 } }

/** Pairs of buffers that lie over each other while both are needed. */
const clashes = ({ buffers }: MemoryPlan): readonly string[] =>
  buffers.flatMap((one, i) =>
    buffers
      .slice(i + 1)
      .filter((other) => one.firstStep <= other.lastStep && other.firstStep <= one.lastStep)
      .filter((other) => one.offset < other.offset + other.bytes && other.offset < one.offset + one.bytes)
      .map((other) => `${one.id} and ${other.id}`),
  )

test('operand and result lie in different banks; the image twice; what fits in none lies beside them', (t) => {
  const b = new GraphBuilder()
  const small = b.conv2d(b.input([10, 10, 3]), 4, { kernel: 1 })
  const schedule = scheduleOf(b.build(b.conv2d(b.conv2d(small, 12, { kernel: 1 }), 9, { kernel: 1 })))
  const plan = planBanks(schedule, OPTIONS)
  // In the first bank the image, 400 over it, then 900, by which it grows least; 300 in the second; 1200 fit in none.
  t.is(plan.peakRamBytes, 900 + 300 + 1200)
  t.is(bankedBytes(schedule, OPTIONS), plan.peakRamBytes)
  t.deepEqual(
    plan.buffers.map(({ offset, bytes }) => [offset, bytes]),
    [
      [0, 300],
      [0, 400],
      [0, 900],
      [900, 300],
      [1200, 1200],
    ],
  )
})

test('a file that converts its image itself has it twice, not three times', (t) => {
  const b = new GraphBuilder()
  const quantized = b.node({ kind: 'quantize' }, b.input([10, 10, 3]))
  const schedule = scheduleOf(b.build(b.conv2d(quantized, 1, { kernel: 1 })))
  t.is(planBanks(schedule, OPTIONS).buffers.length, 3)
  t.is(bankedBytes(schedule, OPTIONS), 600)
})

test('no two buffers meet, whatever the network', (t) => {
  const random = randomStream(5, 'banks')
  for (let i = 0; i < 30; i++) {
    const schedule = scheduleOf(randomNetwork(random))
    for (const bytes of [500, 20_000, 1e7]) {
      const plan = planBanks(schedule, { ...OPTIONS, alignmentBytes: 16, banks: { bytes, count: 2 } })
      t.deepEqual(clashes(plan), [])
      t.is(plan.peakRamBytes, Math.max(...plan.buffers.map((buffer) => buffer.offset + buffer.bytes)))
    }
  }
  const b = new GraphBuilder()
  const routed = scheduleOf(b.build(experts(b, b.input([8, 8, 4]), 4, 2)))
  t.deepEqual(clashes(planBanks(routed, OPTIONS)), [])
})

test('the memory map of the STM32N6 adds up to its RAM', (t) => {
  const b = new GraphBuilder()
  const graph = b.build(b.dense(b.globalAveragePool(b.conv2d(b.input([96, 96, 3]), 32, { kernel: 3 })), 10))
  const model = createCostModel(loadProfile('stm32n6-neuralart'))
  t.is(model.memoryPlan(graph).peakRamBytes, model.price(graph).peakRamBytes)
  t.is(model.price(graph).peakRamBytes, 96 * 96 * 32 + 96 * 96 * 3)
})
