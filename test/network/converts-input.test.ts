import test from 'ava'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { Op } from '../../network/types.ts'

const CONVERTS = { fusedActivations: new Set(['relu'] as const), convertsInput: true }

/** A convolution behind the image, which may be quantised before it or behind it. */
function network(quantised: 'before' | 'behind' | 'nowhere', input: Op & { kind: 'input' }) {
  const b = new GraphBuilder()
  const image = b.node(input)
  const x = b.conv2d(quantised === 'before' ? b.node({ kind: 'quantize' }, image) : image, 4, { kernel: 3 })
  return b.build(quantised === 'behind' ? b.node({ kind: 'quantize' }, x) : x)
}

const BYTES = { kind: 'input', shape: [16, 16, 3] } as const
const FLOATS = { ...BYTES, elementBytes: 4 } as const
const kinds = (graph: ReturnType<typeof network>, options?: typeof CONVERTS) =>
  scheduleOf(graph, options).kernels.map(({ kind }) => kind)

test('the zero point of an image of bytes is part of taking it in, where the device says so', (t) => {
  t.deepEqual(kinds(network('before', BYTES), CONVERTS), ['conv2d'])
  t.deepEqual(kinds(network('before', BYTES)), ['quantize', 'conv2d'])
})

test('floats, and results within the network, are quantised by a kernel', (t) => {
  t.deepEqual(kinds(network('before', FLOATS), CONVERTS), ['quantize', 'conv2d'])
  t.deepEqual(kinds(network('behind', BYTES), CONVERTS), ['conv2d', 'quantize'])
})

test('a file whose image is converted costs the STM32N6 what the network of its profile costs, in any order', (t) => {
  const model = createCostModel(loadProfile('stm32n6-neuralart'))
  const other = createCostModel({ ...loadProfile('stm32n6-neuralart'), convertsInput: false })
  const file = network('before', BYTES)
  const dearer = other.price(file).latencyMs
  const [ofFile, plain] = [model.price(file), model.price(network('nowhere', BYTES))]
  t.is(ofFile.latencyMs, plain.latencyMs)
  t.is(ofFile.peakRamBytes, plain.peakRamBytes)
  t.true(dearer > ofFile.latencyMs)
  t.is(other.price(file).latencyMs, dearer)
})
