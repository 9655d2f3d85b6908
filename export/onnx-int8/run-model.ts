import { InferenceSession, Tensor } from 'onnxruntime-node'
import { OperationalError } from '../../lib/errors.ts'
import type { Shape } from '../../network/types.ts'
import { quantiseValue } from '../quantise/fixed-point.ts'
import type { Quantisation } from '../quantise/types.ts'

const BATCH = 64

export interface OnnxRun {
  readonly model: Uint8Array
  readonly samples: number
  /** Of one sample. */
  readonly inputShape: Shape
  /** Float samples from `start` up to, not including, `end`, one after the other. */
  readonly inputs: (start: number, end: number) => Float32Array
  /** Of the outputs that come back. */
  readonly output: Quantisation
  readonly check?: () => void
}

/**
 * Runs a file with float in and out in ONNX Runtime.
 * @returns the outputs of all samples in the output's int8.
 * @throws OperationalError when the file gives something else than floats.
 */
export async function runInOnnxRuntime({
  model,
  samples,
  inputShape,
  inputs,
  output,
  check,
}: OnnxRun): Promise<Int8Array> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 })
  const parts: Int8Array[] = []
  try {
    for (let start = 0; start < samples; start += BATCH) {
      check?.()
      const end = Math.min(start + BATCH, samples)
      const results = await session.run({
        input: new Tensor('float32', inputs(start, end), [end - start, ...inputShape]),
      })
      const values = results['output']?.data
      if (!(values instanceof Float32Array)) throw new OperationalError('the file has no float output called output')
      parts.push(Int8Array.from(values, (value) => quantiseValue(value, output)))
    }
  } finally {
    await session.release()
  }
  const all = new Int8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
