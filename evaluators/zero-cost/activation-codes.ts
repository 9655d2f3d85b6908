import { failure } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, OpKind, Shape, Weights } from '../../network/types.ts'
import { initialWeights } from '../training/initial-weights.ts'
import { onnxEngine } from '../training/onnx/engine.ts'
import { buildInferenceGraph } from '../training/onnx/inference-graph.ts'
import { floatTensor, Session } from '../training/onnx/session.ts'
import { logitsOf } from '../training/onnx/training-graph.ts'
import { inputShapeOf } from '../training/train.ts'
import { gradientRecipe, type ScoreBatch, type ZeroCostScore } from './score.ts'

/** Activations that are on or off: positive where their operand is. */
const RECTIFIERS: ReadonlySet<OpKind> = new Set<OpKind>(['relu', 'relu6', 'hardSwish'])

/**
 * NASWOT (Mellor et al. 2021): ln |det K|, where K counts for each pair of samples the rectifiers that are on for both or
 * off for both. Samples that a fresh network already tells apart give a large determinant. Batch norm works with the
 * batch's own statistics.
 */
export const naswot: ZeroCostScore = {
  id: 'naswot',
  title: 'NASWOT: distance of activation codes',
  async compute(graph, batch, random) {
    const { graph: logits } = logitsOf(graph)
    const units = rectifiers(logits)
    if (units.size === 0) return failure('invalid-graph', 'the network has no rectifier')
    const codes = await activationCodes(logits, await settledWeights(logits, batch, random), units, batch)
    const score = logDeterminant(agreements(codes))
    return Number.isFinite(score) ? score : failure('non-finite-objective', 'two samples have the same activation code')
  },
}

/** Initial weights, with running statistics as the batch has them: a step of rate 0 measures them. */
async function settledWeights(
  graph: NetworkGraph,
  { inputs, labels }: ScoreBatch,
  random: Parameters<typeof initialWeights>[1],
): Promise<Weights> {
  const program = await onnxEngine.compile(graph, gradientRecipe(labels.length))
  try {
    await program.writeWeights(initialWeights(graph, random))
    await program.step(inputs, labels, 0)
    return await program.readWeights()
  } finally {
    await program.dispose()
  }
}

/** Paths of all rectifiers, those in experts included, with the shapes of their values. */
function rectifiers(graph: NetworkGraph, prefix = ''): ReadonlyMap<string, Shape> {
  const found = new Map<string, Shape>()
  for (const { id, op, shape } of graph.nodes) {
    if (RECTIFIERS.has(op.kind)) found.set(`${prefix}${id}`, shape)
    if (op.kind !== 'routedExperts') continue
    for (let expert = 0; expert < op.experts; expert++) {
      for (const [path, inner] of rectifiers(op.body, `${prefix}${id}/${expert}/`)) found.set(path, inner)
    }
  }
  return found
}

/** For each sample which units are on, 32 units to a word. */
async function activationCodes(
  graph: NetworkGraph,
  weights: Weights,
  units: ReadonlyMap<string, Shape>,
  { inputs, labels }: ScoreBatch,
): Promise<readonly Uint32Array[]> {
  const samples = labels.length
  const model = buildInferenceGraph(graph, weights, { batch: samples, observed: new Set(units.keys()) })
  const session = await Session.create(model, 'all')
  try {
    const values = new Map([...units].map(([path, shape]) => [path, new Float32Array(samples * sizeOf(shape))]))
    const outputs = [...units].map(([path, shape]) => {
      const dims = shape.length === 3 ? [shape[2]!, shape[0]!, shape[1]!] : shape
      return [`node:${path}`, floatTensor(values.get(path)!, [samples, ...dims])] as const
    })
    const classes = graph.nodes.find(({ id }) => id === graph.output)!.shape[0]!
    await session.run(
      { input: floatTensor(inputs, [samples, ...inputShapeOf(graph)]) },
      { ...Object.fromEntries(outputs), output: floatTensor(new Float32Array(samples * classes), [samples, classes]) },
    )
    return Array.from({ length: samples }, (_, sample) => packed([...values.values()], sample, samples))
  } finally {
    await session.release()
  }
}

function packed(maps: readonly Float32Array[], sample: number, samples: number): Uint32Array {
  const code = new Uint32Array(Math.ceil(maps.reduce((sum, map) => sum + map.length / samples, 0) / 32))
  let bit = 0
  for (const map of maps) {
    const size = map.length / samples
    for (let i = sample * size; i < (sample + 1) * size; i++, bit++) {
      if (map[i]! > 0) code[bit >> 5]! |= 1 << (bit & 31)
    }
  }
  return code
}

/** Per pair of codes the number of bits in which they agree, the few unused ones included. */
export const agreements = (codes: readonly Uint32Array[]): readonly Float64Array[] =>
  codes.map((a) => Float64Array.from(codes, (b) => a.reduce((sum, word, i) => sum + 32 - ones(word ^ b[i]!), 0)))

function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** ln |det| of a square matrix, by elimination with pivots; −∞ for a singular one. */
export function logDeterminant(matrix: readonly Float64Array[]): number {
  const rows = matrix.map((row) => row.slice())
  let sum = 0
  for (let column = 0; column < rows.length; column++) {
    let pivot = column
    for (let i = column + 1; i < rows.length; i++) {
      if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i
    }
    const top = rows[pivot]!
    rows[pivot] = rows[column]!
    sum += Math.log(Math.abs(top[column]!))
    if (top[column] === 0) return Number.NEGATIVE_INFINITY
    for (let i = column + 1; i < rows.length; i++) {
      const row = rows[i]!
      const factor = row[column]! / top[column]!
      for (let j = column; j < rows.length; j++) row[j]! -= factor * top[j]!
    }
  }
  return sum
}
