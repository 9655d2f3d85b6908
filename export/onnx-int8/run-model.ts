import { InferenceSession, Tensor } from 'onnxruntime-node'
import { OperationalError } from '../../lib/errors.ts'
import type { Shape } from '../../network/types.ts'
import { quantiseValue } from '../quantise/fixed-point.ts'
import type { Quantisation } from '../quantise/types.ts'

const BATCH = 64

export interface RealRun {
  readonly model: Uint8Array
  readonly samples: number
  /** Of one sample. */
  readonly inputShape: Shape
  /** Float samples from `start` up to, not including, `end`, one after the other. */
  readonly inputs: (start: number, end: number) => Float32Array
  readonly check?: () => void
}

export interface OnnxRun extends RealRun {
  /** Of the outputs that come back. */
  readonly output: Quantisation
}

/**
 * Runs a file with float in and out in ONNX Runtime.
 * @returns the outputs of all samples, one after the other.
 * @throws OperationalError when the file gives something else than floats.
 */
export async function runRealInOnnxRuntime(job: RealRun): Promise<Float32Array> {
  const { model, samples, inputShape, inputs, check } = job
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 })
  const parts: Float32Array[] = []
  try {
    for (let start = 0; start < samples; start += BATCH) {
      check?.()
      const end = Math.min(start + BATCH, samples)
      const results = await session.run({
        input: new Tensor('float32', inputs(start, end), [end - start, ...inputShape]),
      })
      const values = results['output']?.data
      if (!(values instanceof Float32Array)) throw new OperationalError('the file has no float output called output')
      parts.push(values)
    }
  } finally {
    await session.release()
  }
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** The same, with the outputs in the output's int8. */
export const runInOnnxRuntime = async (job: OnnxRun): Promise<Int8Array> =>
  Int8Array.from(await runRealInOnnxRuntime(job), (value) => quantiseValue(value, job.output))
