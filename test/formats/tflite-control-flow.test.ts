import test from 'ava'
import { importTflite } from '../../formats/tflite/import-tflite.ts'
import { UserError } from '../../lib/errors.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { INT32, tfliteFile } from './tflite-file.ts'

const DENSE = 9

test('a loop that counts up, as recurrent layers are written, runs its products so often', (t) => {
  const counter = { dims: [], type: INT32 }
  const state = { dims: [1, 4] }
  const LESS = 58
  const WHILE = 119
  const file = (step: number): Uint8Array =>
    tfliteFile(
      [state, { ...counter, data: [0] }, counter, state],
      [{ code: WHILE, inputs: [1, 0], outputs: [2, 3], options: { 0: { int32: 1 }, 1: { int32: 2 } } }],
      [0],
      [3],
      [
        {
          tensors: [counter, state, { ...counter, data: [7] }, { dims: [] }],
          operators: [{ code: LESS, inputs: [0, 2], outputs: [3] }],
          inputs: [0, 1],
          outputs: [3],
        },
        {
          tensors: [counter, state, { ...counter, data: [step] }, counter, { dims: [4, 4], data: 'weights' }, state],
          operators: [
            { code: 0, inputs: [0, 2], outputs: [3] },
            { code: DENSE, inputs: [1, 4, -1], outputs: [5] },
          ],
          inputs: [0, 1],
          outputs: [3, 5],
        },
      ],
    )
  const { graph } = importTflite(file(1))
  t.is(countMacs(graph), 7 * 16)
  t.is(countParams(graph), 16)
  const loop = graph.nodes.find(({ op }) => op.kind === 'custom')!.op
  t.like(loop, { steps: { count: 7, products: 1, width: 4, passes: 0, elements: 1 } })
  t.is(countMacs(importTflite(file(2)).graph), 4 * 16)
  t.throws(() => importTflite(file(0)), { instanceOf: UserError, message: /decided while the network runs/ })
})

test('branches with branches in them are counted once each, however often they are taken', (t) => {
  const IF = 118
  const flag = { dims: [], type: INT32, data: [1] }
  const map = { dims: [1, 4] }
  const branches = 6
  /** Takes the next branch a hundred times; the last one has the weights. */
  const branch = (at: number) =>
    at === branches
      ? {
          tensors: [map, { dims: [4, 4], data: 'weights' as const }, map],
          operators: [{ code: DENSE, inputs: [0, 1, -1], outputs: [2] }],
          inputs: [0],
          outputs: [2],
        }
      : {
          tensors: [map, flag, map],
          operators: Array.from({ length: 100 }, () => taken(at + 1)),
          inputs: [0],
          outputs: [2],
        }
  const taken = (at: number) => ({
    code: IF,
    inputs: [1, 0],
    outputs: [2],
    options: { 0: { int32: at }, 1: { int32: at } },
  })
  const file = tfliteFile(
    [map, flag, map],
    [taken(1)],
    [0],
    [2],
    Array.from({ length: branches }, (_, i) => branch(i + 1)),
  )
  const { graph } = importTflite(file)
  t.is(countMacs(graph), 16 * 100 ** (branches - 1))
  t.is(countParams(graph), 16)
})
