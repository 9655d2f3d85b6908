import { InferenceSession, Tensor } from 'onnxruntime-node'
import { messageOf, UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import { type FloatNetwork, inputNodeOf, type OnnxEnds } from './float-builder.ts'

interface Samples {
  /** With the channels last, one after the other. */
  readonly values: Float32Array
  readonly count: number
}

/**
 * Runs a float ONNX file of whatever origin on samples with the channels last, one by one.
 * @param network as which it was read.
 * @returns what it gives for all samples, with the channels last.
 * @throws UserError when ONNX Runtime refuses the file, or the file gives something else than its graph.
 */
export async function runOriginalOnnx(
  bytes: Uint8Array,
  { graph, ends }: FloatNetwork,
  samples: Samples,
): Promise<Float32Array> {
  const outputs = await answers(bytes, { shape: inputNodeOf(graph).shape, ends }, samples).catch((error: unknown) => {
    throw new UserError(`ONNX Runtime does not run the file: ${messageOf(error).split('\n')[0]}`)
  })
  const width = sizeOf(graph.nodes.at(-1)!.shape)
  if (outputs.length !== samples.count * width) {
    throw new UserError(
      `the file gives ${outputs.length / samples.count} values in ONNX Runtime, where its operators make ${width}`,
    )
  }
  return Float32Array.from(outputs)
}

async function answers(
  bytes: Uint8Array,
  { shape, ends }: { readonly shape: Shape; readonly ends: OnnxEnds | undefined },
  { values, count }: Samples,
): Promise<readonly number[]> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 })
  const size = sizeOf(shape)
  const [channels, area] = [shape.at(-1)!, size / shape.at(-1)!]
  const metadata = session.inputMetadata[0]
  const isSequence = metadata?.isTensor === true && metadata.shape.length === 3
  const map = isSequence ? [shape[1]!] : shape.slice(0, -1)
  const dims = ends?.inputLast === true ? [1, ...map, channels] : [1, channels, ...map]
  const outputs: number[] = []
  try {
    for (let i = 0; i < count; i++) {
      const sample = values.subarray(i * size, (i + 1) * size)
      const turned =
        ends?.inputLast === true
          ? sample
          : Float32Array.from(sample, (_, at) => sample[(at % area) * channels + Math.floor(at / area)]!)
      const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', turned, dims) })
      const { data, dims: given } = results[session.outputNames[0]!]!
      const isTurned = given.length > 2 && ends?.outputLast !== true
      const [first, inner] = isTurned ? [given[1]!, sizeOf(given.slice(2))] : [1, data.length]
      for (let at = 0; at < data.length; at++) outputs.push(Number(data[(at % first) * inner + Math.floor(at / first)]))
    }
  } finally {
    await session.release()
  }
  return outputs
}
