import test from 'ava'
import { compareOutputs } from '../../export/compare-outputs.ts'
import { findLiteRt, LITERT_MISSING } from '../../export/litert/run-litert.ts'
import { runInLiteRt } from '../../export/litert/verify-litert.ts'
import { quantisationOf } from '../../export/quantise/tensor-quantisation.ts'
import { writeTflite } from '../../export/tflite/write-model.ts'
import { GraphBuilder } from '../../network/build.ts'
import { plausibleWeights, quantisedCase } from './networks.ts'

/** Squeeze and excite whose relu lets nothing through, as training makes them now and then. */
async function silentCase() {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input([8, 8, 2]), 8, { kernel: 3 })), 'relu6')
  const squeeze = g.conv2d(g.globalAveragePool(x, true), 4, { bias: true })
  const scale = g.activation(g.conv2d(g.activation(squeeze, 'relu'), 8, { bias: true }), 'hardSigmoid')
  const graph = g.build(g.dense(g.globalAveragePool(g.multiply(x, scale)), 5))
  const weights = new Map(plausibleWeights(graph, 1))
  weights.set(`${squeeze}/bias`, new Float32Array(4).fill(-1000))
  return quantisedCase(graph, 1, 100, 8, weights)
}

test('a range of nothing is one up to 1; narrow ones stay as they are', (t) => {
  t.deepEqual(quantisationOf([0, 0]), { scale: Math.fround(1 / 255), zeroPoint: -128 })
  t.deepEqual(quantisationOf([0, 1e-4]), { scale: Math.fround(1e-4 / 255), zeroPoint: -128 })
  t.deepEqual(quantisationOf([-1, 1]), { scale: Math.fround(2 / 255), zeroPoint: -1 })
})

const liteRt = findLiteRt()
const run = liteRt === undefined ? test.skip : test
run(
  `LiteRT gives the reference’s outputs where a relu is always 0${liteRt === undefined ? ` (${LITERT_MISSING})` : ''}`,
  async (t) => {
    const { network, inputs, outputs } = await silentCase()
    const file = writeTflite(network, { description: 'a test', interface: 'float32' })
    t.is(compareOutputs(outputs, await runInLiteRt(liteRt!, file, network, inputs)).differing, 0)
    t.true(new Set(outputs).size > 5)
  },
)
