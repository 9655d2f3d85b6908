import test from 'ava'
import { designOf } from '../../hardware-profiles/calibration/design.ts'
import { madeUpNetwork } from './made-up.ts'

const SMALL = { size: 4, filters: 2, relus: 1, blocks: 0, pools: 0 }
const small = madeUpNetwork(SMALL)

test('networks as sums of features by class, each column divided by its mean', (t) => {
  const design = designOf([small, madeUpNetwork({ ...SMALL, relus: 3, pools: 1 })], [])
  t.deepEqual(design.classes, [
    { kind: 'conv2d', when: { kernelArea: [2, 1e15] } },
    { kind: 'relu', when: {} },
    { kind: 'globalAveragePool', when: {} },
    { kind: 'dense', when: {} },
    { kind: 'maxPool', when: {} },
  ])
  // Kernels, MACs, elements in and out, weights: 4·4 pixels of 2 channels from 3, then 2 to 10.
  t.deepEqual(design.scales, [
    ...[1, 288, 48, 32, 18],
    ...[2, 1, 64, 64, 1],
    ...[1, 1, 32, 2, 1],
    ...[1, 20, 2, 10, 20],
    ...[0.5, 1, 16, 16, 1],
    1,
  ])
  t.deepEqual(design.rows, [
    [...[1, 1, 1, 1, 1], ...[0.5, 0, 0.5, 0.5, 0], ...[1, 0, 1, 1, 0], ...[1, 1, 1, 1, 1], ...[0, 0, 0, 0, 0], 1],
    [...[1, 1, 1, 1, 1], ...[1.5, 0, 1.5, 1.5, 0], ...[1, 0, 1, 1, 0], ...[1, 1, 1, 1, 1], ...[2, 0, 2, 2, 0], 1],
  ])
})

test('kernels that are alike are one, whichever network has them', (t) => {
  const second = madeUpNetwork({ ...SMALL, relus: 3, pools: 1 })
  const { distinct, networks } = designOf([small, second], [])
  t.deepEqual(
    distinct.map(({ facts, at, count }) => [facts.kind, at, count]),
    [
      ['conv2d', 0, 2],
      ['relu', 1, 4],
      ['globalAveragePool', 2, 2],
      ['dense', 3, 2],
      ['maxPool', 4, 1],
    ],
  )
  t.deepEqual(
    networks.map(({ numbers }) => numbers),
    [
      [0, 1, 2, 3],
      [0, 1, 1, 1, 4, 2, 3],
    ],
  )
  t.deepEqual(
    networks.map(({ graph, kernels }) => [graph, kernels.length]),
    [
      [small, 4],
      [second, 7],
    ],
  )
  // Another width is another kernel, all over.
  t.is(designOf([small, madeUpNetwork({ ...SMALL, filters: 3 })], []).distinct.length, 8)
})

test('a runtime that fuses activations has no kernel of theirs, and another convolution', (t) => {
  const { distinct, networks, classes } = designOf([small, madeUpNetwork({ ...SMALL, relus: 0 })], ['relu'])
  t.deepEqual(
    distinct.map(({ facts, at, count }) => [facts.kind, facts.activation, at, count]),
    [
      ['conv2d', 1, 0, 1],
      ['globalAveragePool', 0, 1, 2],
      ['dense', 0, 2, 2],
      ['conv2d', 0, 0, 1],
    ],
  )
  t.deepEqual(
    networks.map(({ numbers }) => numbers),
    [
      [0, 1, 2],
      [3, 1, 2],
    ],
  )
  t.is(classes.length, 3)
})
