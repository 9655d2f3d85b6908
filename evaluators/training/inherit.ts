import type { Weights } from '../../network/types.ts'
import type { Layer } from './layers.ts'

/** What a network's weights can be taken from. */
export interface Parent {
  readonly layers: readonly Layer[]
  readonly weights: Weights
}

/**
 * Initial weights of a network, taken from a parent's where shapes overlap:
 *
 * 1. Layers are paired in order, each with at most one of the parent's of the same kind, so that the pairs overlap as
 *    much as possible and stand at feature maps of the same size where they can (a sequence alignment, Needleman and
 *    Wunsch 1970). A block that the parent lacks keeps its fresh weights.
 * 2. Of paired weights the leading channels are taken, as many as both have, on both axes of a kernel; a kernel of
 *    another size is cropped, or padded with 0, about its centre. Biases, batch norm's scale and shift, and its running
 *    statistics go with their channels.
 * 3. All other weights are those of `fresh`.
 * @param fresh weights of the network, named as its layers say; not changed.
 */
export function inheritWeights(layers: readonly Layer[], fresh: Weights, parent: Parent): Weights {
  const weights = new Map([...fresh].map(([name, values]) => [name, values.slice()]))
  for (const [own, theirs] of alignLayers(layers, parent.layers)) {
    for (const { role, shape } of own.weights) {
      const source = theirs.weights.find((weight) => weight.role === role)
      if (source === undefined || source.shape.length !== shape.length) continue
      const target = weights.get(`${own.path}/${role}`)!
      copyOverlap(target, shape, parent.weights.get(`${theirs.path}/${role}`)!, source.shape)
    }
  }
  return weights
}

/** Worth of a pair beside its overlap (0 to 1): any inherited layer helps; one at the same place in the network more. */
const PAIR_WORTH = 0.5
const SAME_MAP_WORTH = 0.5

/** How well two layers fit together; undefined when they must not be paired. */
function likeness(a: Layer, b: Layer): number | undefined {
  if (a.kind !== b.kind) return undefined
  const [own, theirs] = [a.weights[0]!.shape, b.weights[0]!.shape]
  if (own.length !== theirs.length) return undefined
  const overlap = own.reduce((share, length, axis) => {
    const other = theirs[axis]!
    return (share * Math.min(length, other)) / Math.max(length, other)
  }, 1)
  const sameMap = a.shape.length === b.shape.length && a.shape[0] === b.shape[0] && a.shape.length === 3
  return PAIR_WORTH + (sameMap ? SAME_MAP_WORTH : 0) + overlap
}

/** How much two networks have in common: the likeness of their paired layers, 1 for equal networks, 0 for nothing. */
export function sharedPart(a: readonly Layer[], b: readonly Layer[]): number {
  const sum = (pairs: Iterable<readonly [Layer, Layer]>): number => {
    let total = 0
    for (const [own, theirs] of pairs) total += likeness(own, theirs) ?? 0
    return total
  }
  const whole = sum(a.map((layer) => [layer, layer])) + sum(b.map((layer) => [layer, layer]))
  return whole === 0 ? 0 : (2 * sum(alignLayers(a, b))) / whole
}

/** Pairs of layers in the order of both networks, the sum of their likeness as large as possible. */
export function alignLayers(
  own: readonly Layer[],
  theirs: readonly Layer[],
): readonly (readonly [own: Layer, theirs: Layer])[] {
  const width = theirs.length + 1
  // best[i · width + j]: the largest sum for the layers from i and from j on.
  const best = new Float64Array((own.length + 1) * width)
  for (let i = own.length - 1; i >= 0; i--) {
    for (let j = theirs.length - 1; j >= 0; j--) {
      const alike = likeness(own[i]!, theirs[j]!)
      const paired = alike === undefined ? 0 : alike + best[(i + 1) * width + j + 1]!
      best[i * width + j] = Math.max(paired, best[(i + 1) * width + j]!, best[i * width + j + 1]!)
    }
  }
  const pairs: [Layer, Layer][] = []
  for (let i = 0, j = 0; i < own.length && j < theirs.length; ) {
    const reached = best[i * width + j]!
    if (reached === best[(i + 1) * width + j]!) i++
    else if (reached === best[i * width + j + 1]!) j++
    else pairs.push([own[i++]!, theirs[j++]!])
  }
  return pairs
}

type FourAxes = readonly [number, number, number, number]

/** Shapes as `[outputs, inputs, height, width]`: vectors and dense kernels have no spatial axes. */
const fourAxes = (shape: readonly number[]): FourAxes => [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1, shape[3] ?? 1]

/** Writes the part of `source` that has a place in `target`: leading channels, kernels about their centre. */
function copyOverlap(
  target: Float32Array,
  targetShape: readonly number[],
  source: Float32Array,
  sourceShape: readonly number[],
): void {
  const [outputs, inputs, height, width] = fourAxes(targetShape)
  const [sourceOutputs, sourceInputs, sourceHeight, sourceWidth] = fourAxes(sourceShape)
  const top = Math.floor((height - sourceHeight) / 2)
  const left = Math.floor((width - sourceWidth) / 2)
  for (let out = 0; out < Math.min(outputs, sourceOutputs); out++) {
    for (let input = 0; input < Math.min(inputs, sourceInputs); input++) {
      const to = (out * inputs + input) * height * width
      const from = (out * sourceInputs + input) * sourceHeight * sourceWidth
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [fromY, fromX] = [y - top, x - left]
          const inside = fromY >= 0 && fromY < sourceHeight && fromX >= 0 && fromX < sourceWidth
          target[to + y * width + x] = inside ? source[from + fromY * sourceWidth + fromX]! : 0
        }
      }
    }
  }
}
