import { inputShapes } from '../../../network/measure.ts'
import { definitionOf } from '../../../network/op-kinds.ts'
import { sizeOf } from '../../../network/shapes.ts'
import { storedNodes } from '../../../network/stored-values.ts'
import type { NetworkGraph, WeightRole, Weights } from '../../../network/types.ts'
import { rangeName } from '../fake-quantisation.ts'

/** The weights that one node of the training graph reads together: those of one layer, or of the same layer of all experts. */
export interface WeightPack {
  readonly names: readonly string[]
  readonly role: WeightRole
  /** Shape of each of them. */
  readonly shape: readonly number[]
  readonly elements: number
  readonly offset: number
}

/** All weights of a network as two flat vectors: what the optimiser changes, and batch norm's running statistics. */
export interface WeightLayout {
  readonly trained: readonly WeightPack[]
  readonly trainedElements: number
  readonly statistics: readonly WeightPack[]
  /** With fake quantisation: ranges of stored values, behind the statistics in the same vector. */
  readonly ranges: readonly WeightPack[]
  readonly statisticsElements: number
}

/** Vectors as long as the trained weights that the optimiser keeps between steps, one behind the other. */
export interface TrainingLayout extends WeightLayout {
  readonly optimiserVectors: number
}

/** Name prefixes of the bodies of routed experts, in the order in which their weights lie beside each other. */
export const expertPrefixes = (prefixes: readonly string[], nodeId: string, experts: number): readonly string[] =>
  prefixes.flatMap((prefix) => Array.from({ length: experts }, (_, expert) => `${prefix}${nodeId}/${expert}/`))

const isStatistic = (role: WeightRole): boolean => role === 'movingMean' || role === 'movingVariance'

/** Moving averages of the lowest value, the highest, and 1. */
const RANGE_ELEMENTS = 3

/** Lays the weights out in node order, the same layer of all experts side by side. */
export function layOutWeights(graph: NetworkGraph, fakeQuantise = false): WeightLayout {
  const trained: WeightPack[] = []
  const statistics: WeightPack[] = []
  const ranges: WeightPack[] = []
  let trainedElements = 0
  let statisticsElements = 0
  const visit = (body: NetworkGraph, prefixes: readonly string[]): void => {
    const shapesOf = inputShapes(body)
    for (const node of body.nodes) {
      for (const { role, shape } of definitionOf(node.op).weights(node.op as never, shapesOf(node))) {
        const names = prefixes.map((prefix) => `${prefix}${node.id}/${role}`)
        const elements = sizeOf(shape) * names.length
        if (isStatistic(role)) {
          statistics.push({ names, role, shape, elements, offset: statisticsElements })
          statisticsElements += elements
        } else {
          trained.push({ names, role, shape, elements, offset: trainedElements })
          trainedElements += elements
        }
      }
      if (node.op.kind === 'routedExperts') visit(node.op.body, expertPrefixes(prefixes, node.id, node.op.experts))
    }
  }
  const visitRanges = (body: NetworkGraph, prefixes: readonly string[]): void => {
    const stored = storedNodes(body)
    for (const { id, op } of body.nodes) {
      if (stored.get(id) === 'own' && (op.kind !== 'input' || prefixes[0] === '')) {
        const names = prefixes.map((prefix) => rangeName(`${prefix}${id}`))
        const elements = RANGE_ELEMENTS * names.length
        ranges.push({ names, role: 'constant', shape: [RANGE_ELEMENTS], elements, offset: statisticsElements })
        statisticsElements += elements
      }
      if (op.kind === 'routedExperts') visitRanges(op.body, expertPrefixes(prefixes, id, op.experts))
    }
  }
  visit(graph, [''])
  if (fakeQuantise) visitRanges(graph, [''])
  return { trained, trainedElements, statistics, ranges, statisticsElements }
}

/** Each weight of some packs with the part of the flat vector that holds it. */
export function* weightViews(packs: readonly WeightPack[], flat: Float32Array): Generator<[string, Float32Array]> {
  for (const pack of packs) {
    const size = pack.elements / pack.names.length
    for (const [index, name] of pack.names.entries()) {
      const start = pack.offset + index * size
      yield [name, flat.subarray(start, start + size)]
    }
  }
}

/** A copy of the weights held by the two flat vectors. */
export function collectWeights(layout: WeightLayout, trained: Float32Array, statistics: Float32Array): Weights {
  const weights = new Map<string, Float32Array>()
  for (const [name, view] of weightViews(layout.trained, trained)) weights.set(name, view.slice())
  for (const [name, view] of weightViews(layout.statistics, statistics)) weights.set(name, view.slice())
  return weights
}
