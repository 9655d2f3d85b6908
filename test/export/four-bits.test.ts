import test from 'ava'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import { checkProgram, LINKER_SCRIPT, mainProgram, START_SOURCE } from '../../export/c/check-program.ts'
import { countProgram } from '../../export/c/count-program.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { verifyC } from '../../export/c/verify-c.ts'
import { writeCModel } from '../../export/c/write-model.ts'
import { costModelOfC } from '../../export/c-runtime.ts'
import { compareOutputs } from '../../export/compare-outputs.ts'
import { parseFormats, weightBitsFor } from '../../export/formats/index.ts'
import { costsWithFourBits } from '../../export/four-bit-cost.ts'
import { referenceRoundedAs } from '../../export/litert/int4-rounding.ts'
import { findPythonLiteRt, PYTHON_LITERT_MISSING, runInPythonLiteRt } from '../../export/litert/python-litert.ts'
import { findLiteRt, LITERT_MISSING } from '../../export/litert/run-litert.ts'
import { runInLiteRt } from '../../export/litert/verify-litert.ts'
import { runInOnnxRuntime } from '../../export/onnx-int8/run-model.ts'
import { writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { checkSamples } from '../../export/quantise/check-samples.ts'
import { chooseQuantisation } from '../../export/quantise/choose.ts'
import { quantisedSchedule } from '../../export/quantise/quantise.ts'
import { createInterpreter } from '../../export/quantise/reference/interpreter.ts'
import type { RoundedTwice } from '../../export/quantise/reference/sums-of-products.ts'
import { runReference } from '../../export/quantise/run-reference.ts'
import type { QuantisedGraph } from '../../export/quantise/types.ts'
import {
  allWeightBytes,
  isWeighted,
  layerBits,
  packNibbles,
  type WeightBitsMode,
} from '../../export/quantise/weight-bits.ts'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { readTflite } from '../../formats/tflite/model.ts'
import { loadProfile, type Profile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { everyKind, nestedExperts, plausibleWeights, type QuantisedCase, quantisedCase } from './networks.ts'

const liteRt = findLiteRt()
const withLiteRt = liteRt === undefined ? test.skip : test
const python = await findPythonLiteRt()
const withPython = python === undefined ? test.skip : test

/** Kernels whose rows have odd lengths, so that filters begin in the middle of a byte; all of them alike in LiteRT. */
function oddRows() {
  const g = new GraphBuilder()
  const stem = g.activation(g.batchNorm(g.conv2d(g.input([11, 9, 3]), 7, { kernel: 3, stride: 2 })), 'relu6')
  const deep = g.activation(g.batchNorm(g.depthwiseConv2d(stem, { kernel: 5 })), 'hardSwish')
  const wide = g.activation(g.batchNorm(g.conv2d(deep, 5, { kernel: 3, padding: 'valid' })), 'relu')
  const flat = g.node({ kind: 'reshape', shape: [g.shape(wide).reduce((a, b) => a * b)] }, wide)
  return g.build(g.dense(g.activation(g.dense(flat, 9), 'relu'), 5))
}

const board = loadProfile('stm32f446-tflm-cmsisnn')
const costModel = costModelOfC(board)!
const odd = await quantisedCase(oddRows(), 3, 100, 4)
const every = await quantisedCase(everyKind({ experts: true }), 1, 100, 4)
const nested = await quantisedCase(nestedExperts(), 2, 100, 4)
const CASES = [odd, every, nested]

function weightsOf(graph: QuantisedGraph): readonly { readonly bits: number; readonly weights: Int8Array }[] {
  return graph.kernels.flatMap((kernel) => {
    if (kernel.kind === 'routedExperts') return kernel.experts.flatMap((expert) => weightsOf(expert.graph))
    return isWeighted(kernel) ? [{ bits: kernel.weightBits ?? 8, weights: kernel.weights }] : []
  })
}

test('two weights lie in a byte, the lower half first', (t) => {
  t.deepEqual([...packNibbles(Int8Array.of(1, -1, -7, 7, 3))], [0xf1, 0x79, 0x03])
  t.is(packNibbles(new Int8Array()).length, 0)
})

test('layers between the first and the last have 4 bits, experts too, and all 15 levels occur', (t) => {
  for (const { network } of CASES) {
    const layers = layerBits(network)
    t.is(layers[0]!.bits, 8)
    t.is(layers.at(-1)!.bits, 8)
    t.true(layers.slice(1, -1).every(({ bits }) => bits === 4))
    const four = weightsOf(network).filter(({ bits }) => bits === 4)
    const levels = new Set(four.flatMap(({ weights }) => [...weights]))
    t.deepEqual(
      [...levels].sort((a, b) => a - b),
      [-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7],
    )
    const sizes = weightsOf(network).map(({ bits, weights }) =>
      bits === 4 ? Math.ceil(weights.length / 2) : weights.length,
    )
    t.is(
      allWeightBytes(network),
      sizes.reduce((sum, bytes) => sum + bytes),
    )
  }
  t.true(
    layerBits(nested.network).some(({ id }) => /routedExperts.*\/routedExperts.*\/conv2d/.test(id)),
    'experts share an id',
  )
})

function classOf(outputs: Int8Array, sample: number): number {
  const scores = outputs.subarray(5 * sample, 5 * sample + 5)
  return scores.indexOf(Math.max(...scores))
}

test('4 bits change the outputs, but the classes mostly not', async (t) => {
  const int8 = await quantisedCase(oddRows(), 3)
  t.notDeepEqual(int8.outputs, odd.outputs)
  const same = Array.from({ length: 100 }, (_, i) => classOf(int8.outputs, i) === classOf(odd.outputs, i)).filter(
    Boolean,
  ).length
  t.true(same >= 80, `${same} of 100`)
})

test('TFLite holds them as int4, in half the bytes, and its operators say the version for that', (t) => {
  for (const { network } of CASES) {
    const bytes = writeTflite(network, { description: 'a test', interface: 'int8' })
    t.deepEqual(bytes, writeTflite(network, { description: 'a test', interface: 'int8' }))
    const { tensors } = readTflite(bytes)
    const stored = tensors.filter(({ name }) => /\/weights(#\d+)?$/.test(name))
    const wanted = weightsOf(network)
    t.is(stored.length, wanted.length)
    for (const [i, { data, dims, type }] of stored.entries()) {
      const { bits, weights } = wanted[i]!
      t.is(type, bits === 4 ? 'int4' : 'int8')
      t.is(
        dims.reduce((a, b) => a * b),
        weights.length,
      )
      t.deepEqual([...data], bits === 4 ? [...packNibbles(weights)] : [...new Uint8Array(weights)])
    }
  }
})

/** What the reference gives for the samples when some kernels round twice where their weights have 4 bits. */
function rounded({ network, inputs, count }: QuantisedCase, roundedTwice: RoundedTwice): Int8Array {
  const run = createInterpreter(network, roundedTwice)
  const size = inputs.length / count
  const rows = Array.from({ length: count }, (_, i) => [...run(inputs.subarray(i * size, (i + 1) * size))])
  return Int8Array.from(rows.flat())
}

withLiteRt(
  `LiteRT gives the reference’s outputs bit for bit where its depthwise kernels round twice${liteRt === undefined ? ` (${LITERT_MISSING})` : ''}`,
  async (t) => {
    const file = writeTflite(odd.network, { description: '', interface: 'float32' })
    const found = await runInLiteRt(liteRt!, file, odd.network, odd.inputs)
    const twice = rounded(odd, { kinds: ['depthwiseConv2d'], halves: 'away from zero' })
    t.true(compareOutputs(odd.outputs, twice).differing > 0, 'the rounding matters')
    t.is(compareOutputs(twice, found).differing, 0)
    for (const { network, inputs, outputs } of [every, nested]) {
      const mixture = writeTflite(network, { description: '', interface: 'float32' })
      t.is((await runInLiteRt(liteRt!, mixture, network, inputs)).length, outputs.length)
    }
  },
)

withPython(
  `so does LiteRT in Python, on x86 with its other convolutions too${python === undefined ? ` (${PYTHON_LITERT_MISSING})` : ''}`,
  async (t) => {
    t.timeout(60_000)
    const file = writeTflite(odd.network, { description: '', interface: 'int8' })
    const found = await runInPythonLiteRt(python!, file, odd.inputs)
    const kinds = [['depthwiseConv2d'], ['depthwiseConv2d', 'conv2d']] as const
    const differing = (['up', 'away from zero'] as const).flatMap((halves) =>
      kinds.map((twice) => compareOutputs(rounded(odd, { kinds: twice, halves }), found).differing),
    )
    t.is(Math.min(...differing), 0, differing.join())
  },
)

test('which kernels a runtime rounds twice is found by its outputs', async (t) => {
  const whole = await loadDataset('builtin', { seed: 1 })
  const { train, validation, test: part } = whole.splits
  const splits = { train: train.subarray(0, 100), validation: validation.subarray(0, 20), test: part.subarray(0, 60) }
  const dataset = { ...whole, splits }
  const g = new GraphBuilder()
  let x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 6, { kernel: 3, stride: 2 })), 'relu')
  for (let i = 0; i < 2; i++) x = g.batchNorm(g.conv2d(g.depthwiseConv2d(x, { kernel: 3 }), 6, {}))
  const graph = g.build(g.dense(g.globalAveragePool(x), 10))
  const choice = await chooseQuantisation(graph, plausibleWeights(graph, 5), dataset, () => {}, '4')
  const samples = checkSamples(dataset, choice)
  const roundings = [
    undefined,
    { kinds: ['depthwiseConv2d'], halves: 'away from zero' },
    { kinds: ['depthwiseConv2d', 'conv2d'], halves: 'up' },
  ] as const
  for (const rounding of roundings) {
    const twice = await runReference(choice.network, dataset, splits.test, () => {}, rounding)
    t.is(compareOutputs(samples.expected, twice.outputs).differing > 0, rounding !== undefined)
    const found = await referenceRoundedAs(twice.outputs, choice.network, dataset, samples)
    t.deepEqual(found, { expected: twice.outputs, roundedTwice: rounding })
  }
  const other = samples.expected.map((value) => Math.min(value + 9, 127))
  const { expected } = await referenceRoundedAs(other, choice.network, dataset, samples)
  t.true(compareOutputs(expected, other).differing > 0.9 * other.length, 'no rounding explains anything else')
})

for (const arithmetic of ['qdq', 'integer'] as const) {
  test(`ONNX Runtime gives what the integer reference gives, from int4: ${arithmetic}`, async (t) => {
    for (const { network, inputs, outputs, count } of CASES) {
      const { shape, quantisation } = network.tensors[network.input]!
      const size = inputs.length / count
      const real = Float32Array.from(inputs, (q) => quantisation.scale * (q - quantisation.zeroPoint))
      const found = await runInOnnxRuntime({
        model: writeQdqModel(network, { arithmetic }),
        samples: count,
        inputShape: shape,
        inputs: (start, end) => real.subarray(start * size, end * size),
        output: network.tensors[network.output]!.quantisation,
      })
      const { differing, most } = compareOutputs(outputs, found)
      if (arithmetic === 'integer' || process.arch === 'x64') t.is(differing, 0)
      else t.true(differing <= 0.001 * outputs.length && most <= 1, `${differing} differ, by ${most}`)
    }
  })
}

const tool = ['cc', 'arm-none-eabi-gcc', 'qemu-system-arm'].find((name) => findTool(name) === undefined)
const compiled = tool === undefined ? test : test.skip
compiled(
  `the C gives the reference’s outputs everywhere, with half the weights in flash${tool === undefined ? '' : ` (no ${tool})`}`,
  async (t) => {
    for (const quantised of [odd, every]) {
      const { graph, network, inputs, outputs, count } = quantised
      const options = {
        name: 'model',
        schedule: quantisedSchedule(graph),
        alignmentBytes: 16,
        title: 'a test',
        classNames: [],
      }
      const model = writeCModel(network, options)
      const files = new Map([
        ['model.c', model.source],
        ['model.h', model.header],
        ['main.c', mainProgram(model)],
        ['check.c', checkProgram(model)],
        ['count.c', countProgram(model)],
        ['start.c', START_SOURCE],
        ['link.ld', LINKER_SCRIPT],
      ])
      const { runs, flashBytes } = await verifyC({
        files,
        inputs,
        expected: outputs,
        samples: count,
        emulatedSamples: 10,
      })
      const predicted = costsWithFourBits(costModel.price(graph, { layers: true }), graph, network)
      // Networks as small as these are up to 7 % off in 8 bits, too.
      t.true(Math.abs(flashBytes! / predicted.flashBytes - 1) < 0.08, `${flashBytes} of ${predicted.flashBytes} B`)
      t.deepEqual(
        runs.map(({ samples }) => samples),
        [100, 10, 10, 10],
      )
    }
    const int8 = await quantisedCase(oddRows(), 3)
    const constants = ({ graph, network }: QuantisedCase): number =>
      writeCModel(network, {
        name: 'm',
        schedule: quantisedSchedule(graph),
        alignmentBytes: 16,
        title: '',
        classNames: [],
      }).constantBytes
    t.is(constants(int8) - constants(odd), allWeightBytes(int8.network) - allWeightBytes(odd.network))
  },
)

test('estimates of the C: slower kernels, less flash; experts too', (t) => {
  for (const { graph, network } of CASES) {
    const priced = costModel.price(graph, { layers: true })
    const costs = costsWithFourBits(priced, graph, network)
    const four = new Set(layerBits(network).flatMap(({ id, bits }) => (bits === 4 ? [id] : [])))
    const shared = (id: string): string => id.replace(/(routedExperts_\d+)\/\d+\//g, '$1/')
    let extra = 0
    for (const [i, { id, latencyMs }] of costs.layers.entries()) {
      const before = priced.layers[i]!.latencyMs
      t.is(latencyMs > before, four.has(shared(id)), id)
      extra += latencyMs - before
    }
    t.true(Math.abs(costs.latencyMs - priced.latencyMs - extra) < 1e-9)
    t.true(Math.abs(costs.energyMj / priced.energyMj - costs.latencyMs / priced.latencyMs) < 1e-9)
  }
})

test('which formats and devices take 4-bit weights', (t) => {
  const [gpu, npu, cube] = ['titan-rtx', 'ethos-u55-128', 'stm32h7a3-xcubeai'].map((id) => loadProfile(id))
  const formats = parseFormats('onnx,tflite,c')
  t.is(weightBitsFor('8', formats, npu!, { some: false }), '8')
  t.is(weightBitsFor('4', formats, board, { some: false }), '4')
  t.is(weightBitsFor('mixed', parseFormats('onnx-int8,tflite'), gpu!, { some: false }), 'mixed')
  t.is(weightBitsFor('mixed', parseFormats('c'), cube!, { some: false }), 'mixed')
  const refused = (asked: string, device: Profile, message: RegExp) => {
    t.throws(() => weightBitsFor('4', parseFormats(asked), device, { some: false }), { instanceOf: UserError, message })
    t.is(weightBitsFor('4', parseFormats(asked), device, { some: true }), '8')
  }
  refused(
    'onnx,tflite,c',
    cube!,
    /--weights-bits 4 for stm32h7a3-xcubeai: X-CUBE-AI.* takes no 4-bit weights in model.tflite; choose --format of .*c, or 8/,
  )
  refused('tflite', npu!, /ethos-u55-128: TensorFlow Lite Micro \+ Ethos-U.* takes no 4-bit/)
  refused('onnx,onnx-float16', gpu!, /onnx, onnx-float16 holds no quantised weights/)
})

/**
 * Samples that the int8 network tells apart clearly, with labels that are its own answers: it is right for all of them,
 * and layers that change much are found out.
 */
async function taught(graph: NetworkGraph, weights: Weights): Promise<Dataset> {
  const whole = await loadDataset('builtin', { seed: 1 })
  const { train, validation } = whole.splits
  const sample = { train: train.subarray(0, 100), validation: validation.subarray(0, 20), test: validation }
  const { testOutputs } = await chooseQuantisation(graph, weights, { ...whole, splits: sample }, () => {})
  const labels = whole.labels.slice()
  const clear = validation.filter((index, i) => {
    const scores = testOutputs.subarray(10 * i, 10 * i + 10)
    const [most, next] = [...scores].sort((a, b) => b - a) as [number, number]
    labels[index] = scores.indexOf(most)
    return most - next >= CLEAR
  })
  return { ...whole, labels, splits: { ...sample, validation: clear.subarray(0, 150), test: clear.subarray(0, 20) } }
}
/** Quanta between the largest output and the next one. */
const CLEAR = 2

test('mixed gives 4 bits to the layers that cost at most a point, and says what they cost', async (t) => {
  const g = new GraphBuilder()
  let x = g.activation(g.batchNorm(g.conv2d(g.input([16, 16, 1]), 6, { kernel: 3, stride: 2 })), 'relu')
  for (let i = 0; i < 3; i++)
    x = g.activation(g.batchNorm(g.conv2d(g.depthwiseConv2d(x, { kernel: 3 }), 6, {})), 'relu')
  const graph = g.build(g.dense(g.globalAveragePool(x), 10))
  // Depthwise kernels that 4 bits hold exactly: whole numbers up to 7 in each filter.
  const random = randomStream(5, 'whole numbers')
  const weights = new Map(
    [...plausibleWeights(graph, 5)].map(([name, values]) => [
      name,
      /^depthwise.*kernel$/.test(name) ? values.map((_, i) => (i % 9 === 4 ? 7 : random.int(15) - 7) / 12) : values,
    ]),
  )
  const dataset = await taught(graph, weights)
  const choose = (mode: WeightBitsMode) => chooseQuantisation(graph, weights, dataset, () => {}, mode)
  const [eight, four, mixed] = [await choose('8'), await choose('4'), await choose('mixed')]
  const countOf = ({ network }: typeof eight) => layerBits(network).filter(({ bits }) => bits === 4).length
  t.is(eight.weightBits.validation, 1, 'the labels are its own answers')
  t.deepEqual([countOf(eight), countOf(four)], [0, 6])
  t.true(four.weightBits.validation < 0.99, `4 bits everywhere cost more than a point: ${four.weightBits.validation}`)
  const chosen = layerBits(mixed.network).filter(({ bits }) => bits === 4)
  t.is(chosen.filter(({ id }) => id.startsWith('depthwise')).length, 3, 'those that lose nothing are among them')
  t.true(chosen.length < 6)
  t.true(mixed.weightBits.validation >= 0.99, `${mixed.weightBits.validation}`)
  t.true(allWeightBytes(mixed.network) < allWeightBytes(eight.network))
  t.deepEqual((await choose('mixed')).network, mixed.network, 'the same each time')
})
