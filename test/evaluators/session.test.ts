import test from 'ava'
import { OnnxEmitter } from '../../evaluators/training/onnx/emitter.ts'
import { floatTensor, Session } from '../../evaluators/training/onnx/session.ts'

test('results are written where the caller wants them, and the copies that the runtime makes do not pile up', async (t) => {
  const size = 250_000
  const emitter = new OnnxEmitter()
  const x = emitter.input('x', 'float32', [size])
  emitter.output('y', 'float32', [size], emitter.node('Add', [x, emitter.scalar(1)]))
  const session = await Session.create(emitter.encode('adder'), 'none')
  const [input, output] = [new Float32Array(size).fill(2), new Float32Array(size)]
  const tensors = [{ x: floatTensor(input, [size]) }, { y: floatTensor(output, [size]) }] as const
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  for (let i = 0; i < 50; i++) {
    await session.run(...tensors)
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  await session.release()
  t.true(output.every((value) => value === 3))
  // A copy has 1 MB.
  t.true(most < 10 * 4 * size, `${(most / 1e6).toFixed(1)} MB of copies at once`)
})
