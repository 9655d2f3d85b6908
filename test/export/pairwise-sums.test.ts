import test from 'ava'
import { pairwiseSums } from '../../export/pairwise-sums.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph, NetworkNode } from '../../network/types.ts'
import { everyKind, floatOutputs, quantisedCase } from './networks.ts'

const sumsOf = ({ nodes }: NetworkGraph): readonly NetworkNode[] => nodes.filter(({ op }) => op.kind === 'add')

test('a sum of four is three sums of two, the last of which has its name and activation', (t) => {
  const g = new GraphBuilder()
  const x = g.input([4, 4, 2])
  const four = g.node({ kind: 'add' }, x, g.activation(x, 'sigmoid'), x, g.activation(x, 'hardSwish'))
  const graph = g.build(g.activation(four, 'relu'))
  const pairs = pairwiseSums(graph)
  t.deepEqual(
    sumsOf(pairs).map(({ id, inputs }) => [id, ...inputs]),
    [
      [`${four}/sum1`, x, sumsOf(graph)[0]!.inputs[1]!],
      [`${four}/sum2`, `${four}/sum1`, x],
      [four, `${four}/sum2`, sumsOf(graph)[0]!.inputs[3]!],
    ],
  )
  const kernels = scheduleOf(pairs).kernels.filter(({ kind }) => kind === 'add')
  t.deepEqual(
    kernels.map(({ activation }) => activation),
    ['none', 'none', 'relu'],
  )
  t.is(pairwiseSums(pairs), pairs, 'a network of pairs stays what it is')
})

test('a name that is taken is left to its node; sums inside experts are taken apart too', (t) => {
  const shape = [2, 2, 3]
  const tripled = (g: GraphBuilder, x: string): string => g.node({ kind: 'add' }, x, x, x)
  const inside = new GraphBuilder()
  const body = inside.build(tripled(inside, inside.input(shape)))
  const g = new GraphBuilder()
  const x = g.input(shape)
  const gates = g.activation(g.dense(g.globalAveragePool(x), 2), 'softmax')
  const { nodes, output } = g.build(tripled(g, g.routedExperts(x, gates, 1, body)))
  const taken = `${output}/sum1`
  const rename = (id: string): string => (id === x ? taken : id)
  const graph = {
    nodes: nodes.map((node) => ({ ...node, id: rename(node.id), inputs: node.inputs.map(rename) })),
    output,
  }
  const pairs = pairwiseSums(graph)
  t.deepEqual(
    sumsOf(pairs).map(({ id }) => id),
    [`${taken}#2`, output],
  )
  const routed = pairs.nodes.find(({ op }) => op.kind === 'routedExperts')!
  t.is(routed.op.kind === 'routedExperts' ? sumsOf(routed.op.body).length : 0, 2)
})

test('the int8 network adds pairs, each partial sum in its own range, and computes what the float network does', async (t) => {
  const quantised = await quantisedCase(everyKind({ experts: false }), 3)
  const { network, outputs } = quantised
  const sums = network.kernels.filter(({ kind }) => kind === 'add')
  t.is(sums.length, 3)
  for (const { inputs } of sums) t.is(inputs.length, 2)
  const { scale, zeroPoint } = network.tensors[network.output]!.quantisation
  const float = await floatOutputs(quantised)
  const [most, off] = [
    Math.max(...float.map(Math.abs)),
    float.map((value, i) => Math.abs(value - scale * (outputs[i]! - zeroPoint))),
  ]
  t.true(off.reduce((a, b) => a + b) / off.length < 0.03 * most)
})
