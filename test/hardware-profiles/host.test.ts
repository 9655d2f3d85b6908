import path from 'node:path'
import test from 'ava'
import { casesSchema } from '../../hardware-profiles/cases/cases.ts'
import { validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { cacheFolder, hostFile } from '../../hardware-profiles/host/cache.ts'
import { hostProfile } from '../../hardware-profiles/host/host-profile.ts'
import { measureHost, type Timer } from '../../hardware-profiles/host/measure-host.ts'
import { priceMixed } from '../../hardware-profiles/host/mixed-price.ts'
import { busyNoteOf } from '../../hardware-profiles/host/round-times.ts'
import { createCostModel, type Profile, parseProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'

const IDENTITY = { cpu: 'Test CPU', platform: 'linux-x64', runtimeVersion: '1.0.0' }
const OPTIONS = { identity: IDENTITY, clockHz: 3e9, ramBytes: 2 ** 34 }
const OVERHEAD_US = 20

/** A computer whose times are known: 10 ps a MAC, 100 ps an output, 0.5 µs a kernel; ReLU is part of what it follows. */
const steadyUs: Timer = async (graph) => {
  const { kernels } = scheduleOf(graph, { fusedActivations: new Set(['relu']) })
  const us = kernels.map(({ macs, outputShape }) => 1e-5 * macs + 1e-4 * sizeOf(outputShape) + 0.5)
  return (us.reduce((sum, value) => sum + value, 0) + OVERHEAD_US) / 1000
}

/** One quiet measurement for all tests that compare with one. */
const steady = measureHost(steadyUs, OPTIONS)
const steadyProfile = steady.then((measured) => hostProfile(measured).profile)

test('what a computer takes is found from chains alone, and stated intervals hold its networks', async (t) => {
  const shares: number[] = []
  const { profile, cases } = hostProfile(
    await measureHost(steadyUs, { ...OPTIONS, progress: (share) => shares.push(share) }),
  )
  t.is(shares.at(-1), 1)
  t.true(shares.every((share, i) => share > (shares[i - 1] ?? 0)))
  t.deepEqual(parseProfile(profile, 'host'), profile)
  t.deepEqual(casesSchema.parse(cases), cases)
  t.true(Math.abs(profile.inferenceOverhead - OVERHEAD_US) < 1)
  const whole = validateProfile(profile, cases).find(({ quantity }) => quantity === 'latency')!
  t.true(whole.mape < 0.03, `${whole.mape}`)
  t.true(whole.coverage90! >= 0.9)
  const b = new GraphBuilder()
  const graph = b.build(b.dense(b.globalAveragePool(b.conv2d(b.input([20, 20, 12]), 20, { kernel: 3 })), 10))
  const { latencyMs, unsupported } = createCostModel(profile).price(graph)
  t.deepEqual(unsupported, [])
  t.true(Math.abs(latencyMs / (await steadyUs(graph, 1)) - 1) < 0.15, `${latencyMs}`)
})

test('of two rounds the lesser time counts: one disturbance changes nothing', async (t) => {
  let call = 0
  const disturbed: Timer = async (graph, budget) => (await steadyUs(graph, budget)) * (call++ === 7 ? 30 : 1)
  t.deepEqual(hostProfile(await measureHost(disturbed, OPTIONS)).profile, await steadyProfile)
})

test('what differs between two rounds is timed again, and a busy computer’s profile says that it was', async (t) => {
  const calls = new Map<string, number>()
  const restless: Timer = async (graph, budget) => {
    const name = JSON.stringify(graph.nodes.map(({ op }) => op))
    const call = calls.get(name) ?? 0
    calls.set(name, call + 1)
    return (await steadyUs(graph, budget)) * (call === 0 && calls.size % 3 === 0 ? 1.5 : 1)
  }
  const measured = await measureHost(restless, OPTIONS)
  t.true(measured.unsettledShare > 0.25 && measured.unsettledShare < 0.4, `${measured.unsettledShare}`)
  t.deepEqual([...new Set(calls.values())].sort(), [2, 3])
  const busy = hostProfile(measured).profile
  t.truthy(busyNoteOf(busy.notes))
  const quiet = await steadyProfile
  t.is(busyNoteOf(quiet.notes), undefined)
  t.deepEqual(busy.tables, quiet.tables)
})

test('a chain that a disturbance shortened to nothing does not make all other kernels of its kind nearly free', async (t) => {
  const measured = await steady
  const name = 'depthwiseConv2d 3x3/2 64x64x24'
  t.true(measured.chains.some(({ benchmark }) => benchmark.name === name))
  const chains = measured.chains.map((chain) =>
    chain.benchmark.name === name ? { ...chain, longMs: chain.shortMs * 1.0001 } : chain,
  )
  const b = new GraphBuilder()
  const other = b.build(b.depthwiseConv2d(b.input([40, 40, 80]), { kernel: 3, bias: true }))
  const priceOf = (profile: Profile): number => createCostModel(profile).price(other).latencyMs
  const [quiet, disturbed] = [priceOf(await steadyProfile), priceOf(hostProfile({ ...measured, chains }).profile)]
  t.true(Math.abs(disturbed / quiet - 1) < 0.1, `${quiet} ${disturbed}`)
})

test('functions that runtimes take one by one have prices of their own', async (t) => {
  const softplusUs: Timer = async (graph, budget) => {
    const slow = graph.nodes.filter(({ op }) => op.kind === 'unary' && op.function === 'softplus')
    return (await steadyUs(graph, budget)) + slow.reduce((sum, { shape }) => sum + 1e-5 * sizeOf(shape), 0)
  }
  const model = createCostModel(hostProfile(await measureHost(softplusUs, OPTIONS)).profile)
  const us = (name: 'softplus' | 'elu' | 'gelu'): number => {
    const b = new GraphBuilder()
    const graph = b.build(b.node({ kind: 'unary', function: name }, b.conv2d(b.input([24, 24, 48]), 48, { kernel: 1 })))
    return 1000 * model.price(graph, { layers: true }).layers.at(-1)!.latencyMs
  }
  const elements = 24 * 24 * 48
  t.true(Math.abs(us('softplus') / (0.0101 * elements + 0.5) - 1) < 0.1, `${us('softplus')}`)
  t.true(Math.abs(us('elu') / (0.0001 * elements + 0.5) - 1) < 0.1, `${us('elu')}`)
  t.true(us('gelu') < 3 * us('elu'))
})

test('a sum that only a norm reads is one kernel with it, and what it takes is not the price of a norm alone', async (t) => {
  const rows = { kind: 'custom', name: 'LayerNormalization', shape: [60, 96] } as const
  const merged: Timer = async (graph) => {
    const { kernels } = scheduleOf(graph, { fusedActivations: new Set(['relu']), mergesSums: true })
    const us = kernels.map(({ op, macs, outputShape }) => {
      const slow = op.kind === 'custom' && op.name === 'SkipLayerNormalization' ? 5e-3 : 1e-4
      return 1e-5 * macs + slow * sizeOf(outputShape) + 0.5
    })
    return (us.reduce((sum, value) => sum + value, 0) + OVERHEAD_US) / 1000
  }
  const model = createCostModel(hostProfile(await measureHost(merged, OPTIONS)).profile)
  const us = (build: (b: GraphBuilder, x: string) => string): readonly number[] => {
    const b = new GraphBuilder()
    const { layers } = model.price(b.build(build(b, b.input([60, 96]))), { layers: true })
    return layers.map(({ latencyMs }) => 1000 * latencyMs)
  }
  const elements = 60 * 96
  const [alone] = us((b, x) => b.node(rows, x))
  const after = us((b, x) => b.node(rows, b.add(b.activation(x, 'relu'), x)))
  t.true(Math.abs(alone! / (1e-4 * elements + 0.5) - 1) < 0.1, `${alone}`)
  t.is(after.length, 2)
  t.true(Math.abs(after[1]! / (5e-3 * elements + 0.5) - 1) < 0.1, `${after}`)
  // Read twice, the sum stays what it was.
  const twice = us((b, x) => {
    const sum = b.add(b.activation(x, 'relu'), x)
    return b.add(b.node(rows, sum), sum)
  })
  t.is(twice.length, 4)
})

test('recurrent layers are priced by the number of their gates', async (t) => {
  const byGates: Timer = async (graph, budget) => {
    const steps = graph.nodes.flatMap(({ op }) => (op.kind === 'custom' && op.steps !== undefined ? [op] : []))
    const us = steps.reduce((sum, op) => sum + op.steps!.count * (op.name === 'RNN' ? 3 : 0.3), 0)
    return (await steadyUs(graph, budget)) + us / 1000
  }
  const model = createCostModel(hostProfile(await measureHost(byGates, OPTIONS)).profile)
  const us = (name: string, gates: number): number => {
    const steps = { count: 50, products: 1, width: gates * 40, passes: 1, elements: gates * 40 }
    const b = new GraphBuilder()
    const op = { kind: 'custom', name, shape: [50 * 40], macs: 50 * gates * 40 * 60, steps } as const
    return 1000 * model.price(b.build(b.node(op, b.input([50, 20])))).latencyMs - OVERHEAD_US
  }
  for (const [name, gates, each] of [
    ['RNN', 1, 3],
    ['GRU', 3, 0.3],
    ['LSTM', 4, 0.3],
  ] as const) {
    const expected = 50 * each + 1e-5 * 50 * gates * 40 * 60 + 1e-4 * 2000 + 0.5
    t.true(Math.abs(us(name, gates) / expected - 1) < 0.1, `${name} ${us(name, gates)} ${expected}`)
  }
})

test('a computer in int8 is measured by itself, and a file that is executed in both is priced by both', async (t) => {
  const fast: Timer = async (graph) => {
    const { kernels } = scheduleOf(graph, { fusedActivations: new Set(['relu', 'relu6']) })
    const us = kernels.map(({ macs, outputShape }) => 2e-6 * macs + 2e-4 * sizeOf(outputShape) + 1)
    return (us.reduce((sum, value) => sum + value, 0) + OVERHEAD_US) / 1000
  }
  const { profile, cases } = hostProfile(await measureHost(fast, { ...OPTIONS, id: 'host-int8' }))
  t.is(profile.id, 'host-int8')
  t.is(profile.dataType, 'int8')
  t.deepEqual(parseProfile(profile, 'host-int8'), profile)
  t.true(validateProfile(profile, cases).find(({ quantity }) => quantity === 'latency')!.mape < 0.05)
  const models = { float: createCostModel(await steadyProfile), int8: createCostModel(profile) }
  const b = new GraphBuilder()
  const first = b.conv2d(b.input([20, 20, 16]), 32, { kernel: 3 })
  const second = b.conv2d(first, 32, { kernel: 3 })
  const graph = b.build(second)
  const executed = (nodes: readonly string[]) =>
    priceMixed(models, graph, { computes: true, nodes: new Set(nodes), dequantised: new Set<string>() })
  const [real, whole] = [models.float.price(graph, { layers: true }), models.int8.price(graph, { layers: true })]
  t.true(Math.abs(executed([first, second]).latencyMs / whole.latencyMs - 1) < 1e-9)
  const mixed = executed([second])
  t.is(mixed.layers[0]!.latencyMs, real.layers[0]!.latencyMs)
  t.is(mixed.layers[1]!.latencyMs, whole.layers[1]!.latencyMs)
  t.true(mixed.latencyLowMs < mixed.latencyMs && mixed.latencyMs < mixed.latencyHighMs)
  t.is(mixed.peakRamBytes, whole.peakRamBytes)
  // What is dequantised in every inference has prices of its own.
  const slow: Timer = async (net, budget) => 3 * (await steadyUs(net, budget))
  const products = hostProfile(await measureHost(slow, { ...OPTIONS, id: 'host-dequantised' })).profile
  const nodes = { computes: true, nodes: new Set([second]), dequantised: new Set([first]) }
  const dequantised = priceMixed({ ...models, dequantised: createCostModel(products) }, graph, nodes)
  t.true(Math.abs(dequantised.layers[0]!.latencyMs / mixed.layers[0]!.latencyMs - 3) < 0.2)
  t.is(dequantised.layers[1]!.latencyMs, mixed.layers[1]!.latencyMs)
})

test('another processor or runtime is another file; the cache is where the system keeps such files', (t) => {
  t.is(hostFile('profile', 'host', IDENTITY), hostFile('profile', 'host', { ...IDENTITY }))
  for (const changed of [{ cpu: 'Other' }, { runtimeVersion: '1.0.1' }, { platform: 'darwin-arm64' }]) {
    t.not(hostFile('profile', 'host', { ...IDENTITY, ...changed }), hostFile('profile', 'host', IDENTITY))
  }
  t.is(cacheFolder({ XDG_CACHE_HOME: '/caches' }), path.join('/caches', 'frugal'))
  t.true(cacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux').endsWith(path.join('.cache', 'frugal')))
  t.true(cacheFolder({}, 'darwin').endsWith(path.join('Library', 'Caches', 'frugal')))
  t.is(cacheFolder({ LOCALAPPDATA: 'L' }, 'win32'), path.join('L', 'frugal', 'cache'))
})
