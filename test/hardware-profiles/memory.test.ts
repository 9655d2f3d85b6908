import test from 'ava'
import { validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { createCostModel, loadProfile, MemoryModel, type Profile, storedSize } from '../../hardware-profiles/index.ts'
import { lowerSchedule } from '../../hardware-profiles/lowering.ts'
import { overlaidBytes } from '../../hardware-profiles/overlay.ts'
import { factsOfRow } from '../../hardware-profiles/table.ts'
import { GraphBuilder } from '../../network/build.ts'
import { arenaBytes, planMemory } from '../../network/memory-plan.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { experts } from './networks.ts'

const profile = loadProfile('stm32f446-tflm-cmsisnn')
const model = createCostModel(profile)

test('arena and flash of a tiny network, computed by hand', (t) => {
  const b = new GraphBuilder()
  const conv = b.conv2d(b.input([4, 4, 1]), 2, { kernel: 3, bias: true })
  const graph = b.build(b.dense(b.globalAveragePool(conv), 3))
  const { peakRamBytes, flashBytes } = model.price(graph)
  // Step 0: im2col scratch 4·9 B → 48 at 0, map 32 at 48, input 16 at 80. The vectors fit below the map later.
  const arena = 96
  const { ram, flash } = profile.memory
  t.is(
    peakRamBytes,
    arena + ram.constantBytes + 2 * ram.perKernelBytes + ram.perKindBytes!.conv2d! + 2 * ram.perChannelBytes,
  )
  // Weights 2·9 + 3·2, biases 2 + 3 of 4 B, two quantised channels, three kernels.
  const stored = 24 + 20 + 2 * flash.perChannelBytes + 3 * flash.perKernelBytes
  t.is(flashBytes, stored + flash.constantBytes + flash.runtimeBytes)
})

test('1×1 convolutions need no scratch', (t) => {
  const price = (kernel: number) => {
    const b = new GraphBuilder()
    return model.price(b.build(b.conv2d(b.input([8, 8, 16]), 4, { kernel }))).peakRamBytes
  }
  t.is(price(3) - price(1), 4 * 16 * 9)
})

test('flash holds every expert, latency only those that run', (t) => {
  const network = (count: number, topK: number) => {
    const b = new GraphBuilder()
    return b.build(experts(b, b.input([8, 8, 4]), count, topK))
  }
  const [few, many, twice] = [network(2, 1), network(6, 1), network(6, 2)].map((graph) => ({
    costs: model.price(graph, { layers: true }),
    stored: storedSize(model.schedule(graph)),
  }))
  const perExpert = 4 * 4 * 9 + 4 // weights of the body, and one row of the router
  t.is(many!.stored.weightElements - few!.stored.weightElements, 4 * perExpert)
  t.true(many!.costs.flashBytes > few!.costs.flashBytes)
  const secondExpert = twice!.costs.layers.filter(({ id }) => id.includes('/1/'))
  t.is(secondExpert.length, 2)
  const extraMs = secondExpert.reduce((sum, layer) => sum + layer.latencyMs, 0)
  t.true(Math.abs(twice!.costs.latencyMs - many!.costs.latencyMs - extraMs) < 1e-9)
  t.is(twice!.stored.weightElements, many!.stored.weightElements)
  t.true(many!.costs.latencyMs < 1.1 * few!.costs.latencyMs)
})

test('TFLM places the later of two equal buffers first: a residual block needs a fourth map', (t) => {
  const b = new GraphBuilder()
  let x = b.conv2d(b.input([16, 16, 16]), 16, { kernel: 1 })
  for (let i = 0; i < 3; i++) x = b.add(x, b.conv2d(b.activation(x, 'hardSwish'), 16, { kernel: 1 }))
  const schedule = scheduleOf(b.build(x))
  const plan = (laterFirst: boolean) => planMemory(schedule, { elementBytes: 1, alignmentBytes: 16, laterFirst })
  t.is(plan(false).peakRamBytes, 3 * 4096)
  t.is(plan(true).peakRamBytes, 4 * 4096)
  t.is(arenaBytes(schedule, { elementBytes: 1, alignmentBytes: 16, laterFirst: true }), 4 * 4096)
  for (const { buffers } of [plan(false), plan(true)])
    for (const one of buffers)
      for (const other of buffers)
        if (one !== other && one.firstStep <= other.lastStep && other.firstStep <= one.lastStep)
          t.true(one.offset + one.bytes <= other.offset || other.offset + other.bytes <= one.offset)
})

const residual = (b: GraphBuilder) => {
  const x = b.input([4, 4, 4])
  return b.build(b.add(b.activation(x, 'sigmoid'), x))
}

test('bytes a kernel may differ by kind', (t) => {
  const base = loadProfile('stm32f446-tflm-cmsisnn').memory
  const b = new GraphBuilder()
  const schedule = scheduleOf(residual(b))
  const ramOf = (perKindBytes: Profile['memory']['ram']['perKindBytes']) =>
    new MemoryModel({ ...base, ram: { ...base.ram, perKernelBytes: 100, perKindBytes } }).peakRamBytes(
      lowerSchedule(schedule),
    )
  t.is(ramOf({ add: 30 }) - ramOf({ add: 30, sigmoid: 0 }), 100)
  t.is(ramOf({}) - ramOf({ add: 30 }), 70)
})

test('weights that are copied to RAM count there, whole bytes are told, and a rule of scratch may have a condition', (t) => {
  const b = new GraphBuilder()
  const conv = b.conv2d(b.input([4, 4, 1]), 2, { kernel: 3, bias: true })
  const lowered = lowerSchedule(scheduleOf(b.build(b.dense(b.globalAveragePool(conv), 3))))
  const base = loadProfile('stm32f446-tflm-cmsisnn').memory
  const sized = { ...base, weightBytes: 2, biasBytes: 4 }
  const ramOf = (memory: Profile['memory']) => new MemoryModel(memory).peakRamBytes(lowered)
  // Weights 2·9 + 3·2 and biases 2 + 3.
  t.is(ramOf({ ...sized, weightsInRam: true }) - ramOf({ ...sized, weightsInRam: false }), 24 * 2 + 5 * 4)
  const more = { ...base.ram, constantBytes: base.ram.constantBytes + 0.25 }
  t.is(ramOf({ ...base, ram: more }) - ramOf(base), 1)
  const flash = { ...base.flash, constantBytes: base.flash.constantBytes + 0.25 }
  t.is(new MemoryModel({ ...base, flash }).flashBytes(lowered) - new MemoryModel(base).flashBytes(lowered), 1)
  // Beside a map of 32 bytes and an image of 16, in steps of 16.
  const workspace: Profile['memory']['workspace'] = [
    { kernel: 'conv2d', terms: [{ feature: 'one', coefficient: 100 }] },
  ]
  t.is(ramOf({ ...base, scratch: [], workspace }) - ramOf({ ...base, scratch: [], workspace: [] }), 112)
  const { scratchBytes } = new MemoryModel({
    ...base,
    scratch: [
      { kernel: 'conv2d', when: { kernelArea: [1, 1] }, terms: [] },
      { kernel: 'conv2d', terms: [{ feature: 'one', coefficient: 100.5 }] },
    ],
    workspace: [{ kernel: 'dense', terms: [{ feature: 'outputs', coefficient: 2 }] }],
  })
  const bytesOf = (kind: 'conv2d' | 'dense' | 'depthwiseConv2d', kernel: number) =>
    scratchBytes(factsOfRow(kind, [8, 8, 4, 6, kernel, kernel, 8, 8, 1, 1]))
  t.deepEqual(
    [bytesOf('conv2d', 1), bytesOf('conv2d', 3), bytesOf('dense', 8), bytesOf('depthwiseConv2d', 3)],
    [0, 101, 12, 0],
  )
})

test('a kernel may write over the operand that dies with it, not over one that is read again or is too small', (t) => {
  const peak = (growth: number, rows: number, build: (b: GraphBuilder, x: string) => string) => {
    const b = new GraphBuilder()
    const schedule = scheduleOf(b.build(build(b, b.input([8, 8, 4]))))
    return overlaidBytes(schedule, { elementBytes: 1, growth, scratchBytes: () => rows })
  }
  const wider = (b: GraphBuilder, x: string) => b.conv2d(x, 8, { kernel: 3 })
  t.is(peak(2, 30, wider), 512 + 30, 'input and output count once, with the rows between them')
  t.is(peak(1, 30, wider), 256 + 512, 'an output twice as large has a place of its own, and needs no rows')
  const kept = (b: GraphBuilder, x: string) => b.add(x, b.conv2d(x, 4, { kernel: 1 }))
  t.is(peak(2, 0, kept), 2 * 256, 'the input is read again: it stays beside the first result, the sum takes its place')
})

test('a map above the internal RAM lies outside: the two parts add, and neither is written over the other', (t) => {
  const b = new GraphBuilder()
  const wide = b.conv2d(b.input([8, 8, 4]), 8, { kernel: 3 })
  const schedule = scheduleOf(b.build(b.conv2d(wide, 4, { kernel: 1 })))
  const peak = (internalBytes: number) =>
    overlaidBytes(schedule, { elementBytes: 1, growth: 2, internalBytes, scratchBytes: () => 0 })
  t.is(peak(512), 512, 'all inside: 256, 512 over it, 256 over that')
  t.is(peak(511), 512 + 256, '512 outside, beside them the image and then the result')
  const reports = validateProfile(loadProfile('stm32h747-xcubeai10'))
  t.true(reports.find(({ quantity }) => quantity === 'peakRam')!.mape < 0.05)
})

test('results in the place of their operand: one that shrinks begins with it, one that grows ends with it', (t) => {
  const peak = (aligned: boolean, build: (b: GraphBuilder, x: string) => string, extra = {}) => {
    const b = new GraphBuilder()
    const schedule = scheduleOf(b.build(build(b, b.input([8, 8, 12]))))
    return overlaidBytes(schedule, { elementBytes: 1, growth: 2, aligned, scratchBytes: () => 0, ...extra })
  }
  const narrowThenWide = (b: GraphBuilder, x: string) => b.conv2d(b.conv2d(x, 8, { kernel: 1 }), 16, { kernel: 1 })
  t.is(peak(false, narrowThenWide), 1024)
  // 768 bytes, of which the first 512 become the first result; the second ends there and begins 512 bytes before all.
  t.is(peak(true, narrowThenWide), 768 + 512)
  const wideTwice = (b: GraphBuilder, x: string) => b.conv2d(b.conv2d(x, 16, { kernel: 1 }), 32, { kernel: 1 })
  t.is(peak(true, wideTwice), 2048, 'what only grows ends where it ended')
  const wideThenNarrowThenWide = (b: GraphBuilder, x: string) =>
    b.conv2d(b.conv2d(b.conv2d(x, 24, { kernel: 1 }), 12, { kernel: 1 }), 16, { kernel: 1 })
  t.is(peak(true, wideThenNarrowThenWide), 1536 + 256, 'room behind a result is of no use to one that grows')
  t.is(
    peak(true, (b, x) => b.conv2d(x, 2, { kernel: 1 }), { workBytes: () => 100 }),
    768 + 100,
  )
})

test('side by side where a chain in one place would take more', (t) => {
  const b = new GraphBuilder()
  const narrow = b.conv2d(b.input([16, 16, 12]), 8, { kernel: 3, stride: 4 })
  const schedule = scheduleOf(b.build(b.conv2d(narrow, 16, { kernel: 1 })))
  // 3,072 bytes of image, then 128 and 256: the last lies where the image was.
  t.is(overlaidBytes(schedule, { elementBytes: 1, growth: 2, aligned: true, scratchBytes: () => 0 }), 3072)
})

test('a maximum pool takes the rows of the convolution before it, unless something else reads them', (t) => {
  const peak = (build: (b: GraphBuilder, x: string) => string, fusedPools = true) => {
    const b = new GraphBuilder()
    const schedule = scheduleOf(b.build(build(b, b.input([8, 8, 2]))))
    return overlaidBytes(schedule, { elementBytes: 1, growth: 1, fusedPools, scratchBytes: () => 30 })
  }
  const pool = (b: GraphBuilder, x: string) => b.maxPool(x, { kernel: 2, stride: 2 })
  t.is(
    peak((b, x) => pool(b, b.conv2d(x, 8, { kernel: 3 })), false),
    128 + 512,
  )
  t.is(
    peak((b, x) => pool(b, b.conv2d(x, 8, { kernel: 3 }))),
    128 + 30,
    'the pooled map over the image, with rows',
  )
  t.is(
    peak((b, x) => pool(b, b.conv2d(x, 16, { kernel: 3 }))),
    128 + 256,
    'a larger pooled map beside the image',
  )
  const kept = (b: GraphBuilder, x: string) => {
    const map = b.conv2d(x, 8, { kernel: 3 })
    return b.add(b.conv2d(pool(b, map), 8, { kernel: 1 }), pool(b, b.conv2d(map, 8, { kernel: 1 })))
  }
  t.true(peak(kept) >= 512 + 128)
})

test('kernels in another order: two wide maps are not needed at once', (t) => {
  const b = new GraphBuilder()
  const x = b.input([8, 8, 2])
  const wide = [b.conv2d(x, 64, { kernel: 1 }), b.conv2d(x, 64, { kernel: 1 })]
  const [left, right] = wide.map((map) => b.conv2d(map, 1, { kernel: 1 }))
  const graph = b.build(b.add(left!, right!))
  const { peakRamBytes, kernels, best, memoryPlan } = model.bestOrder(graph)
  t.is(model.price(graph).peakRamBytes - peakRamBytes, 4096 - 64)
  t.true(best)
  t.deepEqual(kernels, ['conv2d_1', 'conv2d_3', 'conv2d_2', 'conv2d_4', 'add_5'])
  t.is(memoryPlan.peakRamBytes, 4096 + 128 + 64)
  const chain = b.build(b.conv2d(wide[0]!, 1, { kernel: 1 }))
  t.is(model.bestOrder(chain).peakRamBytes, model.price(chain).peakRamBytes)
})
