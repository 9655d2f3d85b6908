import { agreeingMean, agreeingProduct, agreeingSum } from './agreement.ts'
import type { Ranges } from './calibrate.ts'
import { clampInt8, roundAway } from './fixed-point.ts'
import { meanFactor } from './kernels.ts'
import { UNIT_INTERVAL } from './lookup-tables.ts'
import type { Level, LevelKernel } from './lowering.ts'
import type { Quantisation } from './types.ts'

/**
 * A tensor whose range is narrower, such as what a relu gives that never lets anything through, is taken to hold anything
 * up to 1: with a scale that nearly vanishes the factor of the kernel before it is one that LiteRT does not take (256 and
 * more), and values that come after all would be cut off.
 */
const LEAST_RANGE = 1e-6

/** int8 for a range of real numbers, made to hold 0, which gets a value of its own. */
export function quantisationOf([least, greatest]: readonly [number, number]): Quantisation {
  const low = Math.min(least, 0)
  const seen = Math.max(greatest, 0)
  const high = seen - low < LEAST_RANGE ? 1 : seen
  const scale = Math.fround((high - low) / 255)
  return { scale, zeroPoint: clampInt8(-128 + roundAway(-low / scale)) }
}

const UNIT_KINDS: ReadonlySet<string> = new Set(['softmax', 'sigmoid', 'hardSigmoid'])

/**
 * The quantisation of each tensor of a level: prescribed for functions into 0 … 1, handed on by pooling, and otherwise
 * from the range of what the tensor holds.
 * @param entry of an expert's input: that of the features.
 */
export function tensorQuantisations(
  level: Level,
  prefix: string,
  ranges: Ranges,
  entry: Quantisation | undefined,
): readonly Quantisation[] {
  const found: (Quantisation | undefined)[] = level.tensors.map(() => undefined)
  const fromRange = (tensor: number): Quantisation => quantisationOf(ranges(prefix + level.tensors[tensor]!.holds))
  found[level.input] = entry ?? fromRange(level.input)
  for (const kernel of level.kernels) {
    const { node, inputs, output } = kernel
    const { kind } = node.op
    if (UNIT_KINDS.has(kind)) found[output] = UNIT_INTERVAL
    else if (kind === 'maxPool' || kind === 'averagePool') found[output] = found[inputs[0]!]!
    else if (kind === 'multiply') found[output] = apartFrom(found[inputs[0]!]!, fromRange(output))
    else if (kind === 'hardSwish') found[output] = hardSwishOutput(fromRange(output), found[inputs[0]!]!)
    else found[output] = fromRange(output)
    found[output] = agreeing(
      kernel,
      inputs.map((tensor) => found[tensor]!),
      found[output],
    )
  }
  return found as readonly Quantisation[]
}

/** A scale beside the one wanted with which runtimes round sums, products and means alike. */
function agreeing(
  { node, inputShapes }: LevelKernel,
  from: readonly Quantisation[],
  wanted: Quantisation,
): Quantisation {
  const [a, b] = from as readonly [Quantisation, Quantisation]
  if (node.op.kind === 'multiply') return agreeingProduct([a, b], wanted)
  if (node.op.kind === 'add') return agreeingSum([a, b], wanted)
  if (node.op.kind !== 'globalAveragePool') return wanted
  const [height, width] = inputShapes[0]! as readonly [number, number]
  return agreeingMean(a, height * width, wanted, (ratio) => meanFactor(ratio, height * width))
}

/** TFLite's kernel needs an output scale above a 128th of the input's. */
function hardSwishOutput(wanted: Quantisation, input: Quantisation): Quantisation {
  const least = Math.fround(input.scale / 64)
  return wanted.scale >= least ? wanted : { scale: least, zeroPoint: wanted.zeroPoint }
}

/**
 * Products of gates up to 1 keep the range of what is gated. Were the scale kept too, one product in 256 would lie exactly
 * between two integers, where runtimes round differently: a hair's breadth more avoids that.
 */
function apartFrom(input: Quantisation, wanted: Quantisation): Quantisation {
  return wanted.scale === input.scale ? { ...wanted, scale: Math.fround(wanted.scale * (1 + 2 ** -12)) } : wanted
}
