import type { OnnxFile, OnnxFileNode } from './read-onnx.ts'

/** Steps from the chosen places to the shares of the experts: a mask, the gates behind it, their sum to 1. */
const BETWEEN: ReadonlySet<string> = new Set(['ScatterElements', 'Mul', 'Div'])

/**
 * Experts of a mixture as our own export writes it: the places that TopK chose become a mask over the gates, whose shares
 * are split, one for each expert, and every expert is computed. Undefined for a file without one; the largest where
 * there are several.
 */
export function routingOf({ nodes, initializers }: OnnxFile): { experts: number; topK: number } | undefined {
  const readers = new Map<string, OnnxFileNode[]>()
  for (const node of nodes) {
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node])
  }
  let found: { experts: number; topK: number } | undefined
  for (const node of nodes) {
    if (node.opType !== 'TopK') continue
    const topK = initializers.get(node.inputs[1] ?? '')?.values?.[0]
    const masks = (readers.get(node.outputs[1] ?? '') ?? []).filter(({ opType }) => opType === 'ScatterElements')
    const experts = Math.max(0, ...masks.map((mask) => sharesOf(mask, readers, 4)))
    if (topK !== undefined && experts > Math.max(topK, found?.experts ?? 0)) found = { experts, topK }
  }
  return found
}

/** Outputs of the Split that a value reaches within some steps; 0 when it reaches none. */
function sharesOf(node: OnnxFileNode, readers: ReadonlyMap<string, readonly OnnxFileNode[]>, steps: number): number {
  if (node.opType === 'Split') return node.outputs.length
  if (steps === 0 || !BETWEEN.has(node.opType)) return 0
  const next = node.outputs.flatMap((name) => readers.get(name) ?? [])
  return Math.max(0, ...next.map((reader) => sharesOf(reader, readers, steps - 1)))
}
