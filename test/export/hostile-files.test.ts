import test from 'ava'
import { buildInferenceGraph } from '../../evaluators/training/onnx/inference-graph.ts'
import { type ConversionFormat, convertModel } from '../../export/convert/convert-model.ts'
import { writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { importOnnx } from '../../formats/onnx/import-onnx.ts'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { everyKind, nestedExperts, quantisedCase } from './networks.ts'

const plain = await quantisedCase(everyKind({ experts: false }), 1, 4)
const mixtures = [await quantisedCase(everyKind({ experts: true }), 1, 4), await quantisedCase(nestedExperts(), 1, 4)]

const FILES = {
  tflite: (['int8', 'float32'] as const).map((ends) =>
    writeTflite(plain.network, { description: '', interface: ends }),
  ),
  onnx: [
    writeQdqModel(plain.network),
    buildInferenceGraph(plain.graph, plain.weights, { batch: 1 }),
    ...mixtures.flatMap(({ network, graph, weights }) => [
      writeQdqModel(network),
      writeQdqModel(network, { arithmetic: 'integer' }),
      buildInferenceGraph(graph, weights, { batch: 1, routed: true }),
    ]),
  ],
} as const

/** Sizes, counts and offsets where a file holds other ones. */
const EXTREMES = [0, 1, 2, 255, 0xffff, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff]
const pick = <T>(random: RandomStream, list: readonly T[]): T => list[random.int(list.length)]!

/** A file with a few places changed: bytes, whole numbers, parts over others; sometimes cut off. */
function damaged(original: Uint8Array, random: RandomStream): Uint8Array {
  const cut = random.int(12) === 0 ? 1 + random.int(original.length) : original.length
  const copy = original.slice(0, cut)
  const view = new DataView(copy.buffer)
  for (let changes = 1 + random.int(3); changes > 0; changes--) {
    // Structure stands at the beginning and the end, weights between.
    const near = Math.min(copy.length, 4000)
    const at = pick(random, [random.int(copy.length), random.int(near), copy.length - 1 - random.int(near)])
    const kind = random.int(4)
    if (kind === 0) copy[at] = random.int(256)
    else if (kind === 1) copy[at] = copy[at]! + pick(random, [1, 255])
    else if (kind === 2) {
      const from = random.int(copy.length)
      copy.copyWithin(at, from, from + 1 + random.int(40))
    } else if (at + 4 <= copy.length) view.setUint32(at & ~3, pick(random, EXTREMES), true)
  }
  return copy
}

const FORMATS: Readonly<Record<keyof typeof FILES, readonly ConversionFormat[]>> = {
  tflite: ['tflite', 'onnx-int8', 'onnx-integer', 'c'],
  onnx: ['onnx', 'tflite-float32'],
}
const MOST_SECONDS = 4
const MOST_BYTES = 512 << 20

test('damaged files are priced, converted, or refused in one sentence, quickly and in little memory', async (t) => {
  const random = randomStream(12, 'hostile files')
  const device = createCostModel(loadProfile('stm32f446-tflm-cmsisnn'))
  let [done, refused] = [0, 0]
  for (let i = 0; i < 300; i++) {
    const kind = i % 2 === 0 ? 'tflite' : 'onnx'
    const bytes = damaged(pick(random, FILES[kind]), random)
    const [before, cpu] = [process.memoryUsage().rss, process.cpuUsage()]
    const uses: (() => unknown)[] = [
      () => t.true(Number.isFinite(device.price((kind === 'onnx' ? importOnnx : importTflite)(bytes).graph).latencyMs)),
      () => convertModel({ bytes, kind, formats: FORMATS[kind], name: 'x', verify: false }),
    ]
    for (const use of uses) {
      try {
        await use()
        done++
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        t.notRegex(error.message, /\n/)
        refused++
      }
    }
    t.true(process.cpuUsage(cpu).user < MOST_SECONDS * 1e6, `file ${i}`)
    t.true(process.memoryUsage().rss - before < MOST_BYTES, `file ${i}`)
  }
  t.true(done > 100 && refused > 200, `${done} done, ${refused} refused`)
})
