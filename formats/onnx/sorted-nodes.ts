import { UserError } from '../../lib/errors.ts'
import type { OnnxFile, OnnxFileNode } from './read-onnx.ts'

/**
 * The same network with every node behind those whose results it reads. Files should be in such an order, but tools that put casts
 * around a network append them, and ONNX Runtime reads that.
 * @throws UserError when nodes read each other in a circle.
 */
export function withSortedNodes<T extends OnnxFile>(file: T): T {
  const producers = new Map(file.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const given = new Set<OnnxFileNode>()
  const isSorted = file.nodes.every((node) => {
    given.add(node)
    return node.inputs.every((name) => {
      const producer = producers.get(name)
      return producer === undefined || (producer !== node && given.has(producer))
    })
  })
  if (isSorted) return file
  const nodes: OnnxFileNode[] = []
  const state = new Map<OnnxFileNode, 'open' | 'done'>()
  for (const start of file.nodes) {
    const stack = [start]
    while (stack.length > 0) {
      const node = stack.at(-1)!
      const before = node.inputs.flatMap((name) => producers.get(name) ?? [])
      const missing = before.filter((producer) => state.get(producer) !== 'done')
      if (state.get(node) === 'done' || missing.length === 0) {
        stack.pop()
        if (state.get(node) !== 'done') nodes.push(node)
        state.set(node, 'done')
        continue
      }
      if (missing.some((producer) => state.get(producer) === 'open' || producer === node))
        throw new UserError(`node '${node.name || node.opType}' and others read each other in a circle`)
      state.set(node, 'open')
      stack.push(missing[0]!)
    }
  }
  return { ...file, nodes }
}
