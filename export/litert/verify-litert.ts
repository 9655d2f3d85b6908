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
  const input = network.tensors[network.input]!
  const output = network.tensors[network.output]!
  const size = sizeOf(input.shape)
  const width = sizeOf(output.shape)
  const outputs = new Int8Array((inputs.length / size) * width)
  const step = Math.max(Math.floor(CHUNK_VALUES / size), 1) * size
  const session = await openLiteRt(installation, floatFile)
  const { scale, zeroPoint } = input.quantisation
  try {
    let at = 0
    for (let start = 0; start < inputs.length; start += step) {
      check()
      const part = inputs.subarray(start, start + step)
      const found = await session.run(Float32Array.from(part, (q) => scale * (q - zeroPoint)))
      const wanted = (part.length / size) * width
      if (found.length !== wanted) {
        throw new OperationalError(`LiteRT gives ${found.length} values where the network has ${wanted}`)
      }
      for (const value of found) outputs[at++] = quantiseValue(value, output.quantisation)
    }
  } finally {
    session.close()
  }
  return outputs
}
