import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { arenaBytes, planMemory } from '../../network/memory-plan.ts'
import type { Kernel, Schedule } from '../../network/schedule.ts'

const kernel = (step: number, inputs: readonly number[], output: number): Kernel => ({
  id: `k${step}`,
  kind: 'add',
  op: { kind: 'add' },
  activation: 'none',
  inputs,
  output,
  inputShapes: [],
  outputShape: [],
  macs: 0,
  weightElements: 0,
  biasElements: 0,
})

/** A chain of kernels that also read earlier results; some results stay to the end. */
function randomSchedule(count: number, seed: number): Schedule {
  const random = randomStream(seed, 'memory-plan')
  const tensors = Array.from({ length: count + 1 }, (_, i) => ({
    id: `t${i}`,
    shape: [],
    elements: 1 + random.int(40),
  }))
  const kernels = Array.from({ length: count }, (_, step) => {
    const far = random.chance(0.1) ? [random.int(step + 1)] : []
    return kernel(step, [step, ...far], step + 1)
  })
  const outputs = [count, ...tensors.flatMap((_, i) => (random.chance(0.01) ? [i] : []))]
  return { kernels, tensors, inputs: [0], outputs, idleExperts: [], repeats: [] }
}

interface Placed {
  readonly bytes: number
  readonly first: number
  readonly last: number
  offset: number
}

/** Greedy by size as it is written in the paper: every buffer against all that were placed before it. */
function plainPeak({ kernels, tensors, inputs, outputs }: Schedule): number {
  const steps = tensors.map((_, tensor) => {
    const used = kernels.flatMap((k, step) => (k.output === tensor || k.inputs.includes(tensor) ? [step] : []))
    if (inputs.includes(tensor)) used.push(0)
    if (outputs.includes(tensor)) used.push(kernels.length - 1)
    return used
  })
  const wanted = tensors
    .map(({ elements }, i) => ({
      bytes: elements,
      first: Math.min(...steps[i]!),
      last: Math.max(...steps[i]!),
      offset: 0,
    }))
    .sort((a, b) => b.bytes - a.bytes)
  const placed: Placed[] = []
  for (const buffer of wanted) {
    const near = placed
      .filter(({ first, last }) => first <= buffer.last && last >= buffer.first)
      .sort((a, b) => a.offset - b.offset)
    for (const { offset, bytes } of near) {
      if (buffer.offset + buffer.bytes <= offset) break
      buffer.offset = Math.max(buffer.offset, offset + bytes)
    }
    placed.push(buffer)
  }
  return Math.max(...placed.map(({ offset, bytes }) => offset + bytes))
}

test('the arena is that of greedy by size, for networks of any length', (t) => {
  // 511 and more kernels have more buffers than are listed kernel by kernel.
  for (const [seed, count] of [1, 2, 5, 20, 70, 200, 400, 511, 512, 700].entries()) {
    const schedule = randomSchedule(count, seed)
    const options = { elementBytes: 1, alignmentBytes: 1 }
    const peak = plainPeak(schedule)
    t.is(arenaBytes(schedule, options), peak, `${count} kernels`)
    const { peakRamBytes, buffers } = planMemory(schedule, options)
    t.is(peakRamBytes, peak)
    t.is(buffers.length, count + 1)
    t.true(buffers.every(({ offset }, i) => i === 0 || offset >= buffers[i - 1]!.offset))
  }
})

test('a network without kernels needs its input', (t) => {
  const schedule = { ...randomSchedule(1, 1), kernels: [], outputs: [0] }
  const bytes = schedule.tensors[0]!.elements
  t.is(arenaBytes(schedule, { elementBytes: 1, alignmentBytes: 1 }), bytes)
})
