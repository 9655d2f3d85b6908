import test from 'ava'
import { arenaBytes, type MemoryPlanOptions, planMemory } from '../../network/memory-plan.ts'
import type { Kernel, KernelKind, Schedule, ScheduledTensor } from '../../network/schedule.ts'

/** A schedule of tensors of so many elements, and of kernels that read and write them. */
function schedule(
  sizes: readonly (number | Pick<ScheduledTensor, 'elements' | 'elementBytes'>)[],
  kernels: readonly (readonly [inputs: readonly number[], output: number, kind?: KernelKind])[],
  ends: Partial<Pick<Schedule, 'inputs' | 'outputs'>> = {},
): Schedule {
  return {
    kernels: kernels.map(
      ([inputs, output, kind = 'add'], step): Kernel => ({
        ...{ id: `k${step}`, kind, op: { kind: 'add' }, activation: 'none', inputs, output },
        ...{ inputShapes: [], outputShape: [], macs: 0, weightElements: 0, biasElements: 0 },
      }),
    ),
    tensors: sizes.map((size, i) => ({
      id: `t${i}`,
      shape: [],
      ...(typeof size === 'number' ? { elements: size } : size),
    })),
    ...{ inputs: [0], outputs: [sizes.length - 1], idleExperts: [], repeats: [], ...ends },
  }
}

/** Two kernels, one after the other. */
const chainOf = (sizes: Parameters<typeof schedule>[0]): Schedule =>
  schedule(sizes, [
    [[0], 1],
    [[1], 2],
  ])

const BYTES: MemoryPlanOptions = { elementBytes: 1, alignmentBytes: 1 }

/** Where the buffers lie: name, offset, bytes, and the first and last kernel that need them. */
const placesOf = (of: Schedule, options: MemoryPlanOptions) =>
  planMemory(of, options).buffers.map(({ id, offset, bytes, firstStep, lastStep }) => [
    ...[id, offset, bytes],
    ...[firstStep, lastStep],
  ])

const peakOf = (of: Schedule, options: MemoryPlanOptions): number => {
  const { peakRamBytes } = planMemory(of, options)
  return peakRamBytes === arenaBytes(of, options) ? peakRamBytes : Number.NaN
}

test('buffers are rounded up to the alignment, after their elements are counted with the wider of two sizes', (t) => {
  const chain = chainOf([5, { elements: 5, elementBytes: 4 }, { elements: 10, elementBytes: 1 }])
  const options = { elementBytes: 2, alignmentBytes: 16 }
  t.deepEqual(placesOf(chain, options), [
    ['t1', 0, 32, 0, 1],
    ['t2', 32, 32, 1, 1],
    ['t0', 32, 16, 0, 0],
  ])
  t.is(peakOf(chain, options), 64)
})

test('of buffers of one size the earlier one is placed first, or the later one', (t) => {
  const chain = chainOf([10, 10, 5])
  t.deepEqual(placesOf(chain, BYTES), [
    ['t0', 0, 10, 0, 0],
    ['t2', 0, 5, 1, 1],
    ['t1', 10, 10, 0, 1],
  ])
  t.deepEqual(placesOf(chain, { ...BYTES, laterFirst: true }), [
    ['t1', 0, 10, 0, 1],
    ['t0', 10, 10, 0, 0],
    ['t2', 10, 5, 1, 1],
  ])
})

test('outputs stay to the end, and what no kernel touches has no place', (t) => {
  const forked = schedule(
    [4, 3, 2, 9, 1],
    [
      [[0], 1],
      [[1], 2],
      [[2], 4],
    ],
    { outputs: [1, 4] },
  )
  t.deepEqual(placesOf(forked, BYTES), [
    ['t0', 0, 4, 0, 0],
    ['t2', 0, 2, 1, 2],
    ['t4', 2, 1, 2, 2],
    ['t1', 4, 3, 0, 2],
  ])
  t.is(peakOf(forked, BYTES), 7)
})

test('a kernel has its working memory while it runs alone', (t) => {
  const chain = chainOf([16, 16, 16])
  const asked: unknown[] = []
  const scratchBytes = ({ id }: Kernel, step: number): number => {
    asked.push([id, step])
    return step === 1 ? 20 : 0
  }
  const options = { elementBytes: 1, alignmentBytes: 16, scratchBytes }
  t.deepEqual(placesOf(chain, options), [
    ['k1#scratch', 0, 32, 1, 1],
    ['t0', 0, 16, 0, 0],
    ['t1', 32, 16, 0, 1],
    ['t2', 48, 16, 1, 1],
  ])
  t.deepEqual(asked, [
    ['k0', 0],
    ['k1', 1],
  ])
  t.is(peakOf(chain, options), 64)
  t.deepEqual(placesOf(chain, { ...options, convertsImages: true }), [
    ['k1#scratch', 0, 32, 1, 1],
    ['t0', 0, 16, -1, 0],
    ['t0#unconverted', 16, 16, -1, -1],
    ['t1', 32, 16, 0, 1],
    ['t2', 48, 16, 1, 1],
  ])
})

test('an image lies beside itself while it is converted, but not where the file converts it', (t) => {
  const plain = schedule([100, 10], [[[0], 1]])
  const options = { ...BYTES, convertsImages: true }
  t.deepEqual(placesOf(plain, options), [
    ['t0', 0, 100, -1, 0],
    ['t0#unconverted', 100, 100, -1, -1],
    ['t1', 100, 10, 0, 0],
  ])
  t.is(peakOf(plain, options), 200)
  t.is(peakOf(plain, BYTES), 110)
  t.deepEqual(placesOf(plain, { ...options, laterFirst: true }), [
    ['t0#unconverted', 0, 100, -1, -1],
    ['t1', 0, 10, 0, 0],
    ['t0', 100, 100, -1, 0],
  ])
  // What no kernel reads is needed for the first one, too.
  const unread = schedule([100, 50, 10], [[[0], 2]], { inputs: [0, 1] })
  t.deepEqual(placesOf(unread, options).slice(0, 2), [
    ['t0', 0, 100, -1, 0],
    ['t0#unconverted', 100, 100, -1, -1],
  ])
  t.deepEqual(
    placesOf(unread, options)
      .find(([id]) => id === 't1')!
      .slice(2),
    [50, -1, 0],
  )
  // Of two images the first kernel converts one.
  const two = schedule(
    [100, 50, 100, 10],
    [
      [[0], 2, 'quantize'],
      [[1, 2], 3],
    ],
    { inputs: [0, 1] },
  )
  t.deepEqual(
    planMemory(two, options)
      .buffers.map(({ id }) => id)
      .filter((id) => id.includes('#')),
    ['t1#unconverted'],
  )
})

test('more buffers at once than are listed lie one behind the other, largest first', (t) => {
  // Forty inputs of one kernel; its result is larger, and two others come behind it, one after the other, when the inputs are gone.
  const inputs = Array.from({ length: 40 }, (_, i) => i)
  const wide = schedule(
    [...inputs.map((i) => i + 1), 41, 3, 30],
    [
      [inputs, 40],
      [[40], 41],
      [[40], 42],
    ],
    { inputs },
  )
  const { buffers } = planMemory(wide, BYTES)
  const offsetOf = (id: string) => buffers.find((buffer) => buffer.id === id)!.offset
  for (const i of inputs) {
    const larger = inputs.slice(i + 1).reduce((sum, k) => sum + k + 1, 41)
    t.is(offsetOf(`t${i}`), larger)
  }
  t.deepEqual(['t40', 't41', 't42'].map(offsetOf), [0, 41, 41])
  t.is(peakOf(wide, BYTES), (41 * 42) / 2)
  t.is(peakOf(schedule([9], []), BYTES), 9, 'nothing of it is left for a network without kernels')
})

test('no buffer lies in two banks; one may fill a bank to its end', (t) => {
  const banks = { bytes: 100, count: 2 }
  const together = schedule([60, 60, 30, 30, 20, 40], [[[0, 1, 2, 3, 4], 5]], { inputs: [0, 1, 2, 3, 4] })
  t.deepEqual(
    placesOf(together, { ...BYTES, banks }).map(([id, offset]) => [id, offset]),
    [
      ['t0', 0],
      ['t5', 60],
      ['t1', 100],
      ['t2', 160],
      ['t3', 200],
      ['t4', 230],
    ],
  )
  t.is(peakOf(together, { ...BYTES, banks }), 100 + 90 + 50)
  // What is larger than a bank lies behind the last one, what is as large fits.
  const large = schedule([101, 100, 20], [[[0, 1], 2]], { inputs: [0, 1] })
  t.deepEqual(
    placesOf(large, { ...BYTES, banks }).map(([id, offset]) => [id, offset]),
    [
      ['t1', 0],
      ['t2', 100],
      ['t0', 200],
    ],
  )
  t.is(peakOf(large, { ...BYTES, banks }), 100 + 20 + 101)
})

test('banks are as full as the buffer that reaches farthest, and behind the last one there are no bounds', (t) => {
  const options = { ...BYTES, banks: { bytes: 100, count: 2 } }
  const chain = chainOf([50, 40, 30])
  t.is(peakOf(chain, options), 50 + 40)
  const behind = schedule([150, 100, 60, 60], [[[0, 1, 2], 3]], { inputs: [0, 1, 2] })
  t.deepEqual(
    placesOf(behind, options).map(([id, offset]) => [id, offset]),
    [
      ['t1', 0],
      ['t2', 100],
      ['t0', 200],
      ['t3', 350],
    ],
  )
  t.is(peakOf(behind, options), 100 + 60 + 210)
})

test('a buffer lies behind all that it meets, also where one of them ends before another', (t) => {
  const chain = chainOf([50, 10, 20])
  t.deepEqual(placesOf(chain, BYTES), [
    ['t0', 0, 50, 0, 0],
    ['t2', 0, 20, 1, 1],
    ['t1', 50, 10, 0, 1],
  ])
})
