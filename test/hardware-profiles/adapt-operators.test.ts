import test from 'ava'
import { adaptOperators, operatorSpread } from '../../hardware-profiles/adapt-operators.ts'
import { createCostModel, loadProfile, parseProfile } from '../../hardware-profiles/index.ts'
import { OPERATOR_COLUMNS, type OperatorRow, readOperatorRows } from '../../hardware-profiles/operator-measurements.ts'
import { GraphBuilder } from '../../network/build.ts'

const base = loadProfile('stm32f446-tflm-cmsisnn')

/** Convolutions that cost 5 ns a MAC, 1 ns an output and 2 µs each, and three additions three times as dear as the base's. */
function rows(): OperatorRow[] {
  const shapes = [4, 5, 6, 7, 8, 9, 12, 16].flatMap((map) =>
    [8, 16, 24].flatMap((channels) => [1, 3].flatMap((kernel) => [{ map, channels, kernel }])),
  )
  const convolutions = shapes.map(({ map, channels, kernel }): OperatorRow => {
    const macs = map * map * kernel * kernel * channels * 2 * channels
    return {
      kind: 'conv2d',
      shape: [map, map, channels, 2 * channels, kernel, kernel, 1, 1, 1, 1],
      latencyMs: macs * 5e-6 + map * map * 2 * channels * 1e-6 + 2e-3,
    }
  })
  return [...convolutions, ...[4, 8, 12].map((map) => addition(map, 3))]
}

function addMs(map: number): number {
  const b = new GraphBuilder()
  const x = b.input([map, map, 8])
  return createCostModel(base).price(b.build(b.add(x, x)), { layers: true }).layers[0]!.latencyMs
}
const addition = (map: number, times: number): OperatorRow => ({
  kind: 'add',
  shape: [map, map, 8, 8, 1, 1, 1, 1, 0, 2],
  latencyMs: times * addMs(map),
})

test('many kernels of a kind give it a model of its own, few scale the base, none follow the others', (t) => {
  const { profile, validation } = adaptOperators(base, rows())
  t.notThrows(() => parseProfile(profile, 'adapted'))
  const conv = validation.find(({ name }) => name.startsWith('conv2d'))!
  t.true(conv.mape < 0.05, `${conv.mape}`)
  const model = createCostModel(profile)
  const layerOf = (build: (b: GraphBuilder) => string) => {
    const b = new GraphBuilder()
    return model.price(b.build(build(b)), { layers: true }).layers.at(-1)!
  }
  const unseen = layerOf((b) => b.conv2d(b.input([10, 10, 16]), 32, { kernel: 3 }))
  t.true(Math.abs(unseen.latencyMs / (100 * 9 * 16 * 32 * 5e-6 + 3200e-6 + 2e-3) - 1) < 0.1, `${unseen.latencyMs}`)
  const known = layerOf((b) => {
    const x = b.input([8, 8, 8])
    return b.add(x, x)
  })
  t.is(known.basis, 'exact')
  t.true(Math.abs(known.latencyMs / (3 * addMs(8)) - 1) < 1e-3)
  const derived = profile.tables.find(({ kernel }) => kernel === 'softmax')!
  t.is(derived.models[0]!.provenance.kind, 'derived')
  t.is(derived.rows, undefined)
})

test('the base whose kernels are in proportion is the nearest', (t) => {
  const own = rows().filter(({ kind }) => kind === 'add')
  t.true(operatorSpread(base, own) < 0.02)
  t.true(operatorSpread(loadProfile('titan-rtx'), own) > 0.1)
  t.throws(() => adaptOperators(base, [{ kind: 'pad', shape: [4, 4, 4, 4, 1, 1, 1, 1, 0, 1], latencyMs: 1 }]), {
    message: /no table for any of the operators/,
  })
})

test('operator files are read, joined ones too, and refused in one sentence', (t) => {
  const heading = `${OPERATOR_COLUMNS.join(',')},cycles`
  const line = 'conv2d,8,8,4,8,3,3,1,1,1,1,80000'
  t.deepEqual(readOperatorRows([heading, line, heading, line, ''].join('\n'), 'o.csv', 80), [
    { kind: 'conv2d', shape: [8, 8, 4, 8, 3, 3, 1, 1, 1, 1], latencyMs: 1 },
    { kind: 'conv2d', shape: [8, 8, 4, 8, 3, 3, 1, 1, 1, 1], latencyMs: 1 },
  ])
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['model,latency_ms\n', /must begin with the heading operator,in_height/],
    [`${heading}\nconv3d,8,8,4,8,3,3,1,1,1,1,1`, /line 2 .*unknown operator 'conv3d': did you mean 'conv2d'/],
    [`${heading}\nconv2d,8,8,4,8,3,3,1,1,1,1`, /line 2 .* has 11 fields; it needs 12/],
    [`${heading}\nconv2d,8,8,0,8,3,3,1,1,1,1,5`, /whole numbers from 1/],
    [`${heading}\nconv2d,8,8,4,8,3,3,1,1,1,1,-5`, /time must be a number above 0/],
  ]
  for (const [text, message] of wrong) t.throws(() => readOperatorRows(text, 'o.csv', 80), { message })
  t.throws(() => readOperatorRows(heading, 'o.csv', undefined), { message: /gives cycles: say the device's clock/ })
  t.is(readOperatorRows(`${heading.replace('cycles', 'latency_us')}\n${line}`, 'o.csv', undefined)[0]!.latencyMs, 80)
})
