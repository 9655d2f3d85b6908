import { OperationalError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import { quantiseValue } from '../quantise/fixed-point.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'
import { type LiteRtInstallation, openLiteRt } from './run-litert.ts'

/** Values that go to LiteRT's process in one message. */
const CHUNK_VALUES = 1 << 21

/**
 * Runs the variant of a TFLite file with float in and out in LiteRT, on the real values that int8 samples stand for.
 * @param inputs int8 samples, one after the other.
 * @returns what LiteRT gives, in the output's int8.
 * @throws OperationalError when LiteRT does not load or run the file, or gives outputs of another size.
 */
export async function runInLiteRt(
  installation: LiteRtInstallation,
  floatFile: Uint8Array,
  network: QuantisedNetwork,
  inputs: Int8Array,
  check: () => void = () => {},
): Promise<Int8Array> {
  const { shape, quantisation } = network.tensors[network.input]!
  const output = network.tensors[network.output]!
  const { scale, zeroPoint } = quantisation
  const size = sizeOf(shape)
  const samples = {
    size,
    count: inputs.length / size,
    values: (start: number, end: number) =>
      Float32Array.from(inputs.subarray(start * size, end * size), (q) => scale * (q - zeroPoint)),
  }
  const found = await runRealInLiteRt(installation, floatFile, samples, sizeOf(output.shape), check)
  return Int8Array.from(found, (value) => quantiseValue(value, output.quantisation))
}

export interface RealSamples {
  readonly count: number
  /** Values of one sample. */
  readonly size: number
  /** Samples from `start` up to, not including, `end`, one after the other. */
  readonly values: (start: number, end: number) => Float32Array
}

/**
 * Runs a TFLite file with float in and out in LiteRT.
 * @param width outputs of one sample.
 * @returns the outputs of all samples, one after the other.
 * @throws OperationalError when LiteRT does not load or run the file, or gives outputs of another size.
 */
export async function runRealInLiteRt(
  installation: LiteRtInstallation,
  file: Uint8Array,
  { count, size, values }: RealSamples,
  width: number,
  check: () => void = () => {},
): Promise<Float32Array> {
  const outputs = new Float32Array(count * width)
  const step = Math.max(Math.floor(CHUNK_VALUES / size), 1)
  const session = await openLiteRt(installation, file)
  try {
    for (let start = 0; start < count; start += step) {
      check()
      const end = Math.min(start + step, count)
      const found = await session.run(values(start, end))
      const wanted = (end - start) * width
      if (found.length !== wanted) {
        throw new OperationalError(`LiteRT gives ${found.length} values where the network has ${wanted}`)
      }
      outputs.set(found, start * width)
    }
  } finally {
    session.close()
  }
  return outputs
}
