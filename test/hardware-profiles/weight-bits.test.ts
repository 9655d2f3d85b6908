import test from 'ava'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { CompiledTable, factsOfRow } from '../../hardware-profiles/table.ts'
import { INT32, tfliteFile } from '../formats/tflite-file.ts'

const FEATURES = 640
const UNITS = 128
/** A dense layer of int8 weights that take so many values, all equally often: log2 of it bits of entropy each. */
const denseFile = (values: number) =>
  importTflite(
    tfliteFile(
      [
        { dims: [1, FEATURES] },
        { dims: [UNITS, FEATURES], data: Uint8Array.from({ length: UNITS * FEATURES }, (_, i) => i % values) },
        { dims: [UNITS], type: INT32, data: new Array<number>(UNITS).fill(0) },
        { dims: [1, UNITS] },
      ],
      [{ code: 9, inputs: [0, 1, 2], outputs: [3] }],
      [0],
      [3],
    ),
  ).graph

test('the entropy of int8 weights is read from a file', (t) => {
  for (const bits of [1, 4, 6]) t.deepEqual(Object.values(denseFile(2 ** bits).weightBits!), [bits])
  // Weights that are all zero hold nothing, which is not the same as not known.
  t.deepEqual(Object.values(denseFile(1).weightBits!), [1 / 64])
})

test('where weights stream compressed, those that hold less take less time; elsewhere all take the same', (t) => {
  const known = [3, 5, 7].map((bits) => denseFile(2 ** bits))
  const { weightBits: _, ...unknown } = known[0]!
  const ethos = createCostModel(loadProfile('ethos-u55-128'))
  const times = known.map((graph) => ethos.price(graph).latencyMs)
  t.true(times[0]! < times[1]! && times[1]! < times[2]!)
  // Arm's estimates of this layer with uniform weights of 31 and 127 values, in cycles at 500 MHz; neither was fitted.
  const estimated = [52_512, 72_976].map((cycles) => cycles / 500e3)
  for (const [i, values] of [31, 127].entries()) {
    const error = ethos.price(denseFile(values)).latencyMs / estimated[i]! - 1
    t.true(Math.abs(error) < 0.12, `${values} values: ${error}`)
  }
  const usual = ethos.price(unknown).latencyMs
  t.true(times[1]! < usual && usual < times[2]!)
  for (const id of ['stm32f446-tflm-cmsisnn', 'gap9-ne16', 'edgetpu']) {
    const model = createCostModel(loadProfile(id))
    t.deepEqual(model.price(known[0]!), model.price(unknown), id)
  }
})

test('a measured kernel with other weights than it was measured with is no longer exact', (t) => {
  const provenance = { kind: 'vendor', source: 'made up for this test' } as const
  const row = [1, 1, 64, 64, 1, 1, 1, 1, 0, 1]
  const table = new CompiledTable({
    kernel: 'dense',
    models: [
      {
        terms: [{ feature: 'one', coefficient: 100 }],
        compute: [{ feature: 'macs', coefficient: 0.1 }],
        memory: [{ feature: 'codedWeights', coefficient: 1 }],
        coverage: { inChannels: [1, 64] },
        error90: 0.1,
        provenance,
      },
    ],
    rows: [...row, 5000],
  })
  const facts = factsOfRow('dense', row)
  t.like(table.lookup(facts), { cost: 5000, basis: 'exact' })
  const half = table.lookup({ ...facts, weightBits: 5.9 / 2 })!
  t.is(half.basis, 'interpolated')
  t.true(Math.abs(half.cost - (5000 * (100 + 4096 / 2)) / (100 + 4096)) < 1e-6)
})
