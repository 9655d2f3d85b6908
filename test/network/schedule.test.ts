import test from 'ava'
import { GraphBuilder } from '../../network/build.ts'
import { planMemory } from '../../network/memory-plan.ts'
import { scheduleOf } from '../../network/schedule.ts'

const INT8 = { elementBytes: 1, alignmentBytes: 1 }

test('batch norm and relu are fused, hard swish is a kernel of its own', (t) => {
  const g = new GraphBuilder()
  const a = g.activation(g.batchNorm(g.conv2d(g.input([4, 4, 2]), 3, { kernel: 3 })), 'relu')
  const b = g.activation(g.batchNorm(g.depthwiseConv2d(a, { kernel: 3 })), 'hardSwish')
  const { kernels } = scheduleOf(g.build(b))
  t.deepEqual(
    kernels.map(({ kind, activation }) => [kind, activation]),
    [
      ['conv2d', 'relu'],
      ['depthwiseConv2d', 'none'],
      ['hardSwish', 'none'],
    ],
  )
  t.deepEqual(
    kernels.map(({ weightElements, biasElements }) => [weightElements, biasElements]),
    [
      [54, 3],
      [27, 3],
      [0, 0],
    ],
  )
})

test('an activation stays apart where its producer is read twice', (t) => {
  const g = new GraphBuilder()
  const x = g.conv2d(g.input([4, 4, 2]), 2, {})
  const { kernels } = scheduleOf(g.build(g.add(x, g.activation(x, 'relu'))))
  t.deepEqual(
    kernels.map(({ kind }) => kind),
    ['conv2d', 'relu', 'add'],
  )
})

test('reshape costs nothing and shares its tensor', (t) => {
  const g = new GraphBuilder()
  const x = g.conv2d(g.input([2, 2, 1]), 2, {})
  const { kernels } = scheduleOf(g.build(g.dense(g.node({ kind: 'reshape', shape: [8] }, x), 3)))
  t.deepEqual(
    kernels.map(({ kind }) => kind),
    ['conv2d', 'dense'],
  )
  t.is(kernels[1]!.inputs[0], kernels[0]!.output)
})

test('top-2 routing runs two bodies and combines twice', (t) => {
  const g = new GraphBuilder()
  const x = g.input([4, 4, 8])
  const gates = g.activation(g.dense(g.globalAveragePool(x), 4), 'softmax')
  const body = new GraphBuilder()
  const expert = body.build(body.conv2d(body.input([4, 4, 8]), 8, {}))
  const { kernels } = scheduleOf(g.build(g.routedExperts(x, gates, 2, expert)))
  t.deepEqual(
    kernels.map(({ kind }) => kind),
    ['globalAveragePool', 'dense', 'softmax', 'conv2d', 'expertCombine', 'conv2d', 'expertCombine'],
  )
})

test('further runs of an expert are its first on tensors of their own, behind the same features', (t) => {
  const g = new GraphBuilder()
  const x = g.input([4, 4, 8])
  const gates = g.activation(g.dense(g.globalAveragePool(x), 4), 'softmax')
  const body = new GraphBuilder()
  const entry = body.input([4, 4, 8])
  const expert = body.build(body.add(entry, body.batchNorm(body.conv2d(body.activation(entry, 'hardSwish'), 8, {}))))
  const { kernels, tensors, repeats } = scheduleOf(g.build(g.routedExperts(x, gates, 3, expert)))
  const tensorIds = kernels.map(({ inputs, output }) => [...inputs, output].map((tensor) => tensors[tensor]!.id))
  for (const run of [0, 1, 2]) {
    const name = (rest: string): string => `routedExperts_4/${run}/${rest}`
    const [act, conv] = [name('hardSwish_1'), name('conv2d_2')]
    t.deepEqual(tensorIds.slice(3 + 4 * run, 7 + 4 * run), [
      ['input_0', act],
      [act, conv],
      ['input_0', conv, name('add_4')],
      [name('add_4'), 'softmax_3', ...(run === 0 ? [] : ['routedExperts_4']), 'routedExperts_4'],
    ])
    t.deepEqual(
      kernels.slice(3 + 4 * run, 7 + 4 * run).map(({ id }) => id),
      [act, conv, name('add_4'), name('combine')],
    )
  }
  t.deepEqual(repeats, [
    { first: 7, end: 10, of: 3 },
    { first: 11, end: 14, of: 3 },
  ])
  t.is(new Set(tensors.map(({ id }) => id)).size, tensors.length)
  for (const [first, again] of [
    [3, 7],
    [4, 12],
  ] as const) {
    const { id: _, inputs: __, output: ___, ...rest } = kernels[first]!
    t.like(kernels[again]!, rest)
  }
})

test('the arena of a chain is its largest pair of neighbours', (t) => {
  const g = new GraphBuilder()
  // 64 → 128 → 256 → 32 bytes: the peak is 128 + 256.
  const x = g.conv2d(g.conv2d(g.conv2d(g.input([8, 8, 1]), 2, {}), 4, {}), 2, { stride: 2 })
  t.is(planMemory(scheduleOf(g.build(x)), INT8).peakRamBytes, 128 + 256)
})

test('a residual keeps its operand alive', (t) => {
  const g = new GraphBuilder()
  const x = g.conv2d(g.input([4, 4, 1]), 4, {}) // 64 bytes, read again by the add
  const wide = g.conv2d(x, 16, {}) // 256
  const back = g.conv2d(wide, 4, {}) // 64
  const plan = planMemory(scheduleOf(g.build(g.add(x, back))), INT8)
  t.is(plan.peakRamBytes, 64 + 256 + 64)
})

test('buffers alive together never overlap, and scratch counts', (t) => {
  const g = new GraphBuilder()
  let x = g.conv2d(g.input([9, 9, 3]), 8, { kernel: 3 })
  for (const filters of [24, 8, 40, 8]) x = g.add(g.conv2d(g.conv2d(x, filters, { kernel: 3 }), 8, {}), x)
  const schedule = scheduleOf(g.build(x))
  const plan = planMemory(schedule, {
    elementBytes: 1,
    alignmentBytes: 16,
    scratchBytes: (kernel) => (kernel.kind === 'conv2d' ? 100 : 0),
  })
  t.true(plan.buffers.some(({ id, bytes }) => id.endsWith('#scratch') && bytes === 112))
  for (const a of plan.buffers) {
    t.is(a.offset % 16, 0)
    for (const b of plan.buffers) {
      const together = a !== b && a.firstStep <= b.lastStep && b.firstStep <= a.lastStep
      if (together)
        t.true(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset, `${a.id} and ${b.id} overlap`)
    }
  }
  const demand = Math.max(
    ...schedule.kernels.map((_, step) =>
      plan.buffers.filter((b) => b.firstStep <= step && step <= b.lastStep).reduce((sum, b) => sum + b.bytes, 0),
    ),
  )
  t.true(plan.peakRamBytes >= demand)
})
