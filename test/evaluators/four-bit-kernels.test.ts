import test from 'ava'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { fakeQuantiseWeights } from '../../evaluators/training/fake-quantisation.ts'
import { fourBitKernels } from '../../evaluators/training/four-bit-kernels.ts'
import { initialWeights } from '../../evaluators/training/initial-weights.ts'
import { createOnnxEngine, onnxEngine } from '../../evaluators/training/onnx/engine.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { fourBitScale } from '../../network/four-bits.ts'
import { weightSpecs } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { compareEngines, oracle } from './oracle.ts'
import { FAKE_QUANTISED, namedCase } from './training-cases.ts'

/** Every layer with a kernel, as recipes name them. */
const layersOf = ({ nodes }: NetworkGraph, prefix = ''): readonly string[] =>
  nodes.flatMap(({ id, op }) => {
    if (op.kind === 'routedExperts') return layersOf(op.body, `${prefix}${id}/`)
    return ['conv2d', 'depthwiseConv2d', 'dense'].includes(op.kind) ? [prefix + id] : []
  })

const recipeFor = (fourBitLayers: readonly string[]): Recipe => ({ ...FAKE_QUANTISED, fourBitLayers })

for (const name of [
  'biases',
  'squeeze and excite',
  'depthwiseConv2d 3,3 stride 2,2 same',
  'two of three experts, both ways in',
  'experts inside experts',
]) {
  test(`${name}: both engines agree on 4-bit kernels`, async (t) => {
    const graph = namedCase(name)
    const recipe = recipeFor(layersOf(graph))
    const { logits, loss, gradients, statistics, threeSteps, correct, worst } = await compareEngines(graph, recipe, 1)
    t.is(correct[0], correct[1])
    for (const [what, error] of Object.entries({ logits, loss, gradients, statistics, threeSteps })) {
      t.true(error <= 1e-3, `${what} differ by ${error}; worst: ${worst}`)
    }
  })
}

test('so do the kernels that GPUs have', async (t) => {
  const graph = namedCase('squeeze and excite')
  const standard = { engine: createOnnxEngine('cpu', 'standard'), nudge: 0 }
  const { gradients, threeSteps, worst } = await compareEngines(graph, recipeFor(layersOf(graph)), 1, standard)
  t.true(Math.max(gradients, threeSteps) <= 1e-3, `${gradients}, ${threeSteps}; worst: ${worst}`)
})

test('a step is not that of 8 bits: only what is named is rounded to 15 levels', async (t) => {
  const graph = namedCase('squeeze and excite')
  const layers = layersOf(graph)
  const lossOf = async (fourBitLayers: readonly string[]): Promise<number> => {
    const program = await onnxEngine.compile(graph, recipeFor(fourBitLayers))
    await program.writeWeights(initialWeights(graph, randomStream(1, 'weights')))
    const stream = randomStream(2, 'samples')
    const inputs = Float32Array.from({ length: 16 * 60 }, () => stream.normal())
    const { loss } = await program.step(
      inputs,
      Int32Array.from({ length: 16 }, () => stream.int(3)),
      0,
    )
    await program.dispose()
    return loss
  }
  const losses = [await lossOf([]), await lossOf(layers.slice(0, 1)), await lossOf(layers)]
  t.is(new Set(losses).size, 3, losses.join())

  const weights = initialWeights(graph, randomStream(1, 'weights'))
  const first = fourBitKernels(graph, recipeFor(layers.slice(0, 1)))
  const rounded = fakeQuantiseWeights(graph, weights, first)
  for (const { name, role, shape } of weightSpecs(graph)) {
    if (role !== 'kernel') continue
    const [before, after] = [weights.get(name)!, rounded.get(name)!]
    if (!first.has(name)) {
      t.deepEqual(after, fakeQuantiseWeights(graph, weights, new Set()).get(name))
      continue
    }
    const size = after.length / shape[0]!
    for (let start = 0; start < after.length; start += size) {
      const scale = fourBitScale(before.slice(start, start + size))
      for (const value of after.subarray(start, start + size)) {
        const level = value / scale
        t.true(Math.abs(level - Math.round(level)) < 1e-4 && Math.abs(level) < 7.5, `${level}`)
      }
    }
  }
})

test('experts share a layer, and a layer that is not there is refused', async (t) => {
  const graph = namedCase('one of three experts')
  const inside = layersOf(graph).find((layer) => layer.includes('/'))!
  const [mixture, node] = inside.split('/') as [string, string]
  t.deepEqual(
    [...fourBitKernels(graph, recipeFor([inside]))],
    [0, 1, 2].map((expert) => `${mixture}/${expert}/${node}/kernel`),
  )
  for (const engine of [onnxEngine, oracle]) {
    const error = await t.throwsAsync(engine.compile(graph, recipeFor(['conv2d_77'])), { instanceOf: UserError })
    t.regex(error!.message, /fourBitLayers names 'conv2d_77', but the network has no such node/)
  }
})

test('the scale has the least squared error: large weights are cut off where that makes the others finer', (t) => {
  t.is(fourBitScale(Float64Array.of(7, -7, 3, 0)), 1)
  t.is(fourBitScale(Float64Array.of(0, 0)), 0)
  const weights = Float64Array.of(14, ...Array.from({ length: 400 }, (_, i) => (i % 15) - 7))
  t.is(fourBitScale(weights), 1)
})
