/** Runs ONNX files one after the other, `MODEL:INPUT:OUTPUT …` as raw float32, and writes each one's outputs: for other processors. */
import { readFileSync, writeFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'

for (const job of process.argv.slice(2)) {
  const [model, input, output] = job.split(':') as [string, string, string]
  const session = await InferenceSession.create(model, { logSeverityLevel: 3, intraOpNumThreads: 1 })
  const bytes = readFileSync(input)
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const [given] = session.inputMetadata
  if (given?.isTensor !== true) throw new Error(`${model} takes no tensor`)
  const dims = given.shape.slice(1).map(Number)
  const count = values.length / dims.reduce((product, length) => product * length, 1)
  const results = await session.run({ input: new Tensor('float32', values.slice(), [count, ...dims]) })
  const data = results['output']?.data
  if (!(data instanceof Float32Array)) throw new Error(`${model} has no float output called output`)
  writeFileSync(output, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}
