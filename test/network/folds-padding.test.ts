import test from 'ava'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { fusionOf, lower } from '../../hardware-profiles/lowering.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph, Pair } from '../../network/types.ts'

const FOLDS = { fusedActivations: new Set(['relu'] as const), foldsPadding: true }
const BELOW: readonly Pair[] = [
  [0, 1],
  [0, 1],
  [0, 0],
]

/** Two convolutions with padding between them, as Keras writes stride 2. */
function padded(amounts = BELOW, padding: 'valid' | 'same' = 'valid', readTwice = false) {
  const b = new GraphBuilder()
  const x = b.conv2d(b.input([8, 8, 3]), 4, { kernel: 1 })
  const pad = b.node({ kind: 'pad', amounts: [...amounts] }, x)
  const y = b.depthwiseConv2d(pad, { kernel: 3, stride: 2, padding })
  return b.build(readTwice ? b.add(y, b.conv2d(pad, b.channels(y), { kernel: 3, stride: 2, padding })) : y)
}

test('zeros around a map vanish in the convolution that reads them', (t) => {
  const { kernels, tensors } = scheduleOf(padded(), FOLDS)
  t.deepEqual(
    kernels.map(({ kind }) => kind),
    ['conv2d', 'depthwiseConv2d'],
  )
  t.deepEqual(kernels[1]!.inputs, [kernels[0]!.output])
  const [read, written] = [kernels[1]!.inputShapes[0], kernels[1]!.outputShape]
  t.deepEqual(read, [8, 8, 4], 'padding that has a name')
  t.deepEqual(written, [4, 4, 4])
  t.is(tensors.length, 3)
  t.is(kernels[1]!.macs, scheduleOf(padded()).kernels[2]!.macs)
})

test('zeros stay in the shape that a convolution reads where its padding has no name', (t) => {
  const above = BELOW.map(([before, after]): Pair => [after, before])
  const { kernels } = scheduleOf(padded(above), FOLDS)
  t.deepEqual(
    kernels.map(({ kind }) => kind),
    ['conv2d', 'depthwiseConv2d'],
  )
  t.deepEqual(kernels[1]!.inputShapes[0], [9, 9, 4])
})

test('padding stays a kernel where nothing can take it', (t) => {
  const kinds = (graph: ReturnType<typeof padded>, options = FOLDS) =>
    scheduleOf(graph, options).kernels.map(({ kind }) => kind)
  t.true(kinds(padded(), { ...FOLDS, foldsPadding: false }).includes('pad'))
  t.true(kinds(padded(BELOW, 'same')).includes('pad'), 'the convolution pads by itself already')
  t.true(kinds(padded(BELOW, 'valid', true)).includes('pad'), 'two read it')
  const channels: readonly Pair[] = [
    [0, 1],
    [0, 1],
    [0, 2],
  ]
  t.true(kinds(padded(channels)).includes('pad'), 'channels are added')
})

test('a file with padding costs the STM32N6 what the network without it costs', (t) => {
  const b = new GraphBuilder()
  const x = b.conv2d(b.input([8, 8, 3]), 4, { kernel: 1 })
  const plain = b.build(b.depthwiseConv2d(x, { kernel: 3, stride: 2 }))
  const model = createCostModel(loadProfile('stm32n6-neuralart'))
  const [file, network] = [model.price(padded()), model.price(plain)]
  t.is(file.latencyMs, network.latencyMs)
  t.is(file.peakRamBytes, network.peakRamBytes)
})

test('devices that fold padding and those that do not share the work where nothing is padded, experts included', (t) => {
  const profile = loadProfile('stm32n6-neuralart')
  t.true(profile.foldsPadding)
  const [folding, plain] = [fusionOf(profile), fusionOf({ ...profile, foldsPadding: false })]
  const isShared = (graph: NetworkGraph) => lower(graph, plain) === lower(graph, folding)
  /** A mixture whose experts may pad. */
  const mixture = (pads: boolean) => {
    const body = new GraphBuilder()
    const x = body.input([8, 8, 3])
    const y = pads
      ? body.node(
          {
            kind: 'pad',
            amounts: [
              [1, 1],
              [1, 1],
              [0, 0],
            ],
          },
          x,
        )
      : x
    const expert = body.build(body.conv2d(y, 3, { kernel: 3, padding: pads ? 'valid' : 'same' }))
    const b = new GraphBuilder()
    const map = b.input([8, 8, 3])
    const gates = b.activation(b.dense(b.globalAveragePool(map), 2), 'softmax')
    return b.build(b.routedExperts(map, gates, 1, expert))
  }
  t.deepEqual([padded(), mixture(true), mixture(false)].map(isShared), [false, false, true])
})
