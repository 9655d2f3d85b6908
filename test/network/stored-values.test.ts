import test from 'ava'
import { type Level, levelsOf } from '../../export/quantise/lowering.ts'
import { quantisedSchedule } from '../../export/quantise/quantise.ts'
import { rangePaths, storedNodes } from '../../network/stored-values.ts'
import type { OpOf } from '../../network/types.ts'
import { everyKind, nestedExperts } from '../export/networks.ts'

/** Paths of the tensors of the int8 network, but for what pooling hands on and what has a prescribed range. */
function tensorPaths(level: Level, prefix = ''): readonly string[] {
  const kinds = new Map(level.kernels.map(({ output, node }) => [output, node.op.kind]))
  const without = ['softmax', 'sigmoid', 'hardSigmoid', 'maxPool']
  const own = level.tensors.flatMap(({ holds }, i) =>
    without.includes(kinds.get(i) ?? '') || (prefix !== '' && i === level.input) ? [] : [`${prefix}${holds}`],
  )
  const inner = level.kernels.flatMap(({ node, body }) => {
    if (body === undefined) return []
    const { experts } = node.op as OpOf<'routedExperts'>
    return Array.from({ length: experts }, (_, i) => tensorPaths(body, `${prefix}${node.id}/${i}/`)).flat()
  })
  return [...own, ...inner]
}

for (const [name, graph] of [
  ['every kind', everyKind({ experts: true })],
  ['nested experts', nestedExperts()],
] as const) {
  test(`${name}: training rounds what the int8 network stores`, (t) => {
    const level = levelsOf(graph, quantisedSchedule(graph))
    t.deepEqual([...rangePaths(graph)].sort(), [...tensorPaths(level)].sort())
  })
}

test('functions into 0 … 1 have a prescribed range, the largest of a window none', (t) => {
  const graph = everyKind({ experts: false })
  const stored = storedNodes(graph)
  for (const { id, op } of graph.nodes) {
    if (op.kind === 'sigmoid' || op.kind === 'hardSigmoid') t.is(stored.get(id), 'unit')
    if (op.kind === 'maxPool' || op.kind === 'reshape' || op.kind === 'relu6') {
      t.is(stored.get(id), op.kind === 'relu6' ? 'own' : undefined, id)
    }
  }
})
