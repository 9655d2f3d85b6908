import test from 'ava'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import { bestKernelOrder, inOrder } from '../../network/kernel-order.ts'
import { arenaBytes, planMemory } from '../../network/memory-plan.ts'
import { type Kernel, type Schedule, scheduleOf } from '../../network/schedule.ts'
import { experts, randomNetwork } from '../hardware-profiles/networks.ts'
import { clashes, randomDag } from './plan-checks.ts'

const OPTIONS = { elementBytes: 1, alignmentBytes: 1 }

/** Every order of kernels in which each comes after those whose results it reads. */
function allOrders({ kernels, inputs }: Schedule): number[][] {
  const found: number[][] = []
  const extend = (steps: number[], made: ReadonlySet<number>): void => {
    if (steps.length === kernels.length) found.push(steps)
    kernels.forEach((kernel, step) => {
      if (steps.includes(step) || !kernel.inputs.every((tensor) => made.has(tensor))) return
      extend([...steps, step], new Set([...made, kernel.output]))
    })
  }
  extend([], new Set(inputs))
  return found
}

/** Largest sum of the buffers that a step needs, from the plan's own first and last steps. */
function aliveBytes(schedule: Schedule): number {
  const { buffers } = planMemory(schedule, OPTIONS)
  return Math.max(
    ...schedule.kernels.map((_, step) =>
      buffers.reduce(
        (sum, { bytes, firstStep, lastStep }) => sum + (firstStep <= step && step <= lastStep ? bytes : 0),
        0,
      ),
    ),
  )
}

test('on graphs of up to nine kernels no order needs less than the one found', (t) => {
  const random = randomStream(3, 'kernel-order')
  let better = 0
  for (let i = 0; i < 150; i++) {
    const schedule = randomDag(random, 2 + random.int(8))
    const { steps, aliveBytes: found, best } = bestKernelOrder(schedule, OPTIONS)
    t.true(best)
    const least = Math.min(...allOrders(schedule).map((order) => aliveBytes(inOrder(schedule, order))))
    t.is(found, least)
    t.is(aliveBytes(inOrder(schedule, steps)), least)
    if (least < aliveBytes(schedule)) better++
  }
  t.true(better > 20, 'most random orders can be improved')
})

test('every kernel is there once, after those whose results it reads, in networks of many kinds', (t) => {
  const random = randomStream(4, 'kernel-order')
  const b = new GraphBuilder()
  const graphs = [
    ...Array.from({ length: 10 }, () => randomNetwork(random)),
    b.build(experts(b, b.input([8, 8, 4]), 4, 2)),
    caseNetwork(
      'nasBench201 |nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|',
    ),
  ]
  for (const graph of graphs) {
    const schedule = scheduleOf(graph)
    const { steps, aliveBytes: found, best } = bestKernelOrder(schedule, OPTIONS)
    t.true(best)
    t.true(found <= aliveBytes(schedule))
    const ordered = inOrder(schedule, steps)
    t.is(aliveBytes(ordered), found)
    t.true(arenaBytes(ordered, OPTIONS) >= found)
    t.deepEqual(clashes(planMemory(ordered, OPTIONS)), [])
    t.deepEqual(
      steps.toSorted((one, other) => one - other),
      schedule.kernels.map((_, step) => step),
    )
    const made = new Set(schedule.inputs)
    for (const { inputs, output } of ordered.kernels) {
      t.true(inputs.every((tensor) => made.has(tensor)))
      made.add(output)
    }
  }
})

test('what a kernel adds to stays in order, scratch counts, and too many orders leave the given one', (t) => {
  const schedule = randomDag(randomStream(6, 'kernel-order'), 9)
  const scratchBytes = (kernel: Kernel): number => (kernel.id === 'k0' ? 1000 : 0)
  t.true(bestKernelOrder(schedule, { ...OPTIONS, scratchBytes }).aliveBytes >= 1000)
  const wide = randomDag(randomStream(7, 'kernel-order'), 60)
  const { steps, best, aliveBytes: alive } = bestKernelOrder(wide, { ...OPTIONS, mostStates: 5 })
  t.false(best)
  t.deepEqual(
    steps,
    wide.kernels.map((_, step) => step),
  )
  t.is(alive, aliveBytes(wide))
  const b = new GraphBuilder()
  const routed = scheduleOf(b.build(experts(b, b.input([8, 8, 4]), 4, 2)))
  const written = routed.kernels.map(({ output }) => output)
  t.true(new Set(written).size < written.length, 'two experts add to one result')
  const sums = bestKernelOrder(routed, OPTIONS)
    .steps.map((step) => routed.kernels[step]!)
    .filter(({ kind }) => kind === 'expertCombine')
  t.deepEqual(
    sums.map(({ id }) => id),
    routed.kernels.filter(({ kind }) => kind === 'expertCombine').map(({ id }) => id),
  )
})
