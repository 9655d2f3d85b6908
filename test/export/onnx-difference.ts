import { floatChecks } from '../../export/convert/convert-float.ts'
import { runFloat } from '../../export/convert/float-writers.ts'
import { readFloatOnnx } from '../../export/convert/read-onnx-float.ts'

/** Largest difference of the network as it is read to the file in ONNX Runtime, as a share of the largest output. */
export async function difference(bytes: Uint8Array): Promise<number> {
  const read = readFloatOnnx(bytes)
  const checks = await floatChecks(read, { bytes, kind: 'onnx' }, undefined)
  const outputs = await runFloat(read, checks)
  const largest = Math.max(...checks.expected.map(Math.abs))
  return outputs.reduce((most, value, i) => Math.max(most, Math.abs(value - checks.expected[i]!)), 0) / largest
}
