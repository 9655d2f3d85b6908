import { OPTIONS } from '../../formats/tflite/options.ts'
import { UNIT_INTERVAL } from '../quantise/lookup-tables.ts'
import type { QuantisedExperts, QuantisedGraph } from '../quantise/types.ts'
import type { Operand, TfliteBuilder } from './builder.ts'

interface Mixture {
  readonly builder: TfliteBuilder
  readonly kernel: QuantisedExperts
  readonly features: Operand
  readonly gates: Operand
  readonly output: Operand
  readonly name: string
  /** Writes the operators of one expert. Returns its output. */
  readonly writeExpert: (graph: QuantisedGraph, entry: Operand, prefix: string) => Operand
}

/** More than any gate. */
const OUT = 2

/**
 * The dense fallback: TFLite has no operator that runs some experts only, so that all run and those that were not chosen
 * are weighted with 0. Weights of single experts are their gates, in int8; those of several are renormalised in float,
 * as int8 would be too coarse. What each expert adds is rounded to the sum's int8, as the integer reference does.
 */
export function writeMixture({ builder, kernel, features, gates, output, name, writeExpert }: Mixture): void {
  const { experts, topK } = kernel
  const weights = quantisedShares(builder, gates, experts.length, topK, name)
  const shares = splitShares(builder, weights, output.dims, name)
  let sum: Operand | undefined
  for (const [i, { graph }] of experts.entries()) {
    const path = `${name}/${i}`
    const result = writeExpert(graph, features, `${path}/`)
    const part = experts.length === 1 ? output : builder.computed(`${path}/part`, output.dims, output.quantisation)
    if (topK === 1) builder.operator('MUL', 2, [result, shares[i]!], [part], OPTIONS.mul('none'))
    else writeFloatProduct(builder, result, shares[i]!, part, path)
    if (sum === undefined) sum = part
    else {
      const next = i === experts.length - 1 ? output : builder.computed(`${path}/sum`, output.dims, output.quantisation)
      builder.operator('ADD', 2, [sum, part], [next], OPTIONS.add('none'))
      sum = next
    }
  }
}

function writeFloatProduct(builder: TfliteBuilder, a: Operand, share: Operand, to: Operand, name: string): void {
  const real = builder.computed(`${name}/real`, a.dims)
  builder.operator('DEQUANTIZE', 2, [a], [real])
  const product = builder.computed(`${name}/product`, a.dims)
  builder.operator('MUL', 1, [real, share], [product], OPTIONS.mul('none'))
  builder.operator('QUANTIZE', 1, [product], [to])
}

/** `[1, experts]`: a weight for each, 0 for those that are not chosen: int8 for one of them, float for several. */
function quantisedShares(builder: TfliteBuilder, gates: Operand, experts: number, topK: number, name: string): Operand {
  const real = builder.computed(`${name}/gates`, [1, experts])
  builder.operator('DEQUANTIZE', 2, [gates], [real])
  // Far below a step of the gates.
  const shares = chosenShares(builder, real, topK, gates.quantisation!.scale / (2 * experts), name)
  return topK === 1 ? quantised(builder, shares, name) : shares
}

/**
 * `[1, experts]` in float: a weight for each, 0 for those that are not chosen; several add up to 1.
 * @param real gates in float. @param step of equal gates the lower index counts as larger, by this.
 */
export function chosenShares(builder: TfliteBuilder, real: Operand, topK: number, step: number, name: string): Operand {
  const experts = real.dims[1]!
  const dims = [1, experts]
  const scalar = [1, 1]
  const float = (label: string, shape: readonly number[] = dims): Operand => builder.computed(`${name}/${label}`, shape)
  const constant = (label: string, values: Float32Array): Operand =>
    builder.stored({ name: `${name}/${label}`, dims: [1, values.length], type: 'float32', data: values })
  const ties = constant(
    'ties',
    Float32Array.from({ length: experts }, (_, i) => i * step),
  )
  const distinct = float('distinct')
  builder.operator('SUB', 1, [real, ties], [distinct], OPTIONS.sub())
  const axis = builder.integers([1])
  let rest = distinct
  const reached = (of: Operand, label: string): Operand => {
    const most = float(`${label}/most`, scalar)
    builder.operator('REDUCE_MAX', 1, [rest, axis], [most], OPTIONS.reducer(true))
    const flags = builder.computed(`${name}/${label}/flags`, dims, undefined, 'bool')
    builder.operator('GREATER_EQUAL', 1, [of, most], [flags])
    const mask = float(`${label}/mask`)
    builder.operator('CAST', 1, [flags], [mask])
    return mask
  }
  for (let rank = 0; rank < topK - 1; rank++) {
    const mask = reached(rest, `rank${rank}`)
    const out = float(`rank${rank}/out`)
    builder.operator('MUL', 1, [mask, constant(`rank${rank}/far`, Float32Array.of(OUT))], [out], OPTIONS.mul('none'))
    const next = float(`rank${rank}/rest`)
    builder.operator('SUB', 1, [rest, out], [next], OPTIONS.sub())
    rest = next
  }
  const chosen = float('chosen')
  builder.operator('MUL', 1, [real, reached(distinct, `rank${topK - 1}`)], [chosen], OPTIONS.mul('none'))
  return topK === 1 ? chosen : renormalised(builder, chosen, axis, name)
}

function quantised(builder: TfliteBuilder, chosen: Operand, name: string): Operand {
  const shares = builder.computed(`${name}/shares`, chosen.dims, UNIT_INTERVAL)
  builder.operator('QUANTIZE', 1, [chosen], [shares])
  return shares
}

function renormalised(builder: TfliteBuilder, chosen: Operand, axis: Operand, name: string): Operand {
  const total = builder.computed(`${name}/total`, [1, 1])
  builder.operator('SUM', 1, [chosen, axis], [total], OPTIONS.reducer(true))
  const shares = builder.computed(`${name}/shares`, chosen.dims)
  builder.operator('DIV', 1, [chosen, total], [shares], OPTIONS.div())
  return shares
}

/** One operand for each expert, of as many axes as what it weights, so that it repeats along all of them. */
export function splitShares(
  builder: TfliteBuilder,
  shares: Operand,
  of: readonly number[],
  name: string,
): readonly Operand[] {
  const experts = shares.dims[1]!
  const one = of.map(() => 1)
  const rows = builder.reshaped(shares, one.with(0, experts), `${name}/rows`)
  const parts = Array.from({ length: experts }, (_, i) =>
    builder.computed(`${name}/${i}/share`, one, shares.quantisation),
  )
  const axis = builder.stored({ name: `${name}/axis`, dims: [], type: 'int32', data: Int32Array.of(0) })
  builder.operator('SPLIT', shares.quantisation === undefined ? 1 : 2, [axis, rows], parts, OPTIONS.split(experts))
  return parts
}
