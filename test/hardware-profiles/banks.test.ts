import test from 'ava'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { arenaBytes, type MemoryPlan, type MemoryPlanOptions, planMemory } from '../../network/memory-plan.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { clashes } from '../network/plan-checks.ts'
import { experts, randomNetwork } from './networks.ts'

const optionsOf = (bytes: number, count: number): MemoryPlanOptions => ({
  ...{ elementBytes: 1, alignmentBytes: 1, convertsImages: true },
  banks: { bytes, count },
})

test('largest first into the first bank with room; the image twice; what is larger than a bank lies behind them', (t) => {
  const b = new GraphBuilder()
  const small = b.conv2d(b.input([10, 10, 3]), 4, { kernel: 1 })
  const schedule = scheduleOf(b.build(b.conv2d(b.conv2d(small, 12, { kernel: 1 }), 9, { kernel: 1 })))
  const plan = planMemory(schedule, optionsOf(1000, 3))
  // 1200 fit in no bank. 900 come first, 400 below them (they end before), the image beside the 400, and before that beside itself.
  t.deepEqual(
    plan.buffers.map(({ id, offset, bytes, firstStep, lastStep }) => [id, offset, bytes, firstStep, lastStep]),
    [
      ['conv2d_3', 0, 900, 2, 2],
      ['conv2d_1', 0, 400, 0, 1],
      ['input_0#unconverted', 0, 300, -1, -1],
      ['input_0', 400, 300, -1, 0],
      ['conv2d_2', 3000, 1200, 1, 2],
    ],
  )
  t.is(plan.peakRamBytes, 900 + 1200)
  t.is(arenaBytes(schedule, optionsOf(1000, 3)), plan.peakRamBytes)
})

test('a buffer that does not fit behind another in a bank goes to the next one', (t) => {
  const b = new GraphBuilder()
  const wide = b.conv2d(b.input([10, 10, 3]), 8, { kernel: 1 })
  const schedule = scheduleOf(b.build(b.conv2d(wide, 4, { kernel: 1 })))
  const { buffers, peakRamBytes } = planMemory(schedule, optionsOf(1000, 3))
  t.deepEqual(
    buffers
      .map(({ offset, bytes }) => [offset, bytes])
      .sort(([a = 0], [c = 0]) => a - c)
      .slice(-2),
    [
      [1000, 400],
      [1000, 300],
    ],
  )
  t.is(peakRamBytes, 800 + 400)
})

test('a file that converts its image itself has it twice, not three times', (t) => {
  const b = new GraphBuilder()
  const quantized = b.node({ kind: 'quantize' }, b.input([10, 10, 3]))
  const schedule = scheduleOf(b.build(b.conv2d(quantized, 1, { kernel: 1 })))
  t.is(planMemory(schedule, optionsOf(1000, 3)).buffers.length, 3)
  t.is(arenaBytes(schedule, optionsOf(1000, 3)), 600)
})

/** Sum of how far each bank is filled; fails where a buffer lies in two. */
function filledBanks({ buffers }: MemoryPlan, bytes: number, count: number): number {
  const fill = new Map<number, number>()
  for (const buffer of buffers) {
    const bank = Math.min(Math.floor(buffer.offset / bytes), count)
    const end = buffer.offset + buffer.bytes - bank * bytes
    if (bank < count && end > bytes) return Number.NaN
    fill.set(bank, Math.max(fill.get(bank) ?? 0, end))
  }
  return [...fill.values()].reduce((sum, one) => sum + one, 0)
}

test('no two buffers meet and none lies in two banks, whatever the network', (t) => {
  const random = randomStream(5, 'banks')
  const b = new GraphBuilder()
  const routed = b.build(experts(b, b.input([8, 8, 4]), 4, 2))
  for (const graph of [routed, ...Array.from({ length: 30 }, () => randomNetwork(random))]) {
    const schedule = scheduleOf(graph)
    for (const bytes of [512, 20_000, 1e7]) {
      const options = { ...optionsOf(bytes, 2), alignmentBytes: 16 }
      const plan = planMemory(schedule, options)
      t.deepEqual(clashes(plan), [])
      t.is(plan.peakRamBytes, filledBanks(plan, bytes, 2))
      t.is(plan.peakRamBytes, arenaBytes(schedule, options))
    }
  }
})

test('the memory map of the STM32N6 adds up to its RAM', (t) => {
  const b = new GraphBuilder()
  const graph = b.build(b.dense(b.globalAveragePool(b.conv2d(b.input([96, 96, 3]), 32, { kernel: 3 })), 10))
  const model = createCostModel(loadProfile('stm32n6-neuralart'))
  t.is(model.memoryPlan(graph).peakRamBytes, model.price(graph).peakRamBytes)
  t.is(model.price(graph).peakRamBytes, 96 * 96 * 32 + 96 * 96 * 3)
})
