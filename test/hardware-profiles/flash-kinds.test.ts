import test from 'ava'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { storedKinds } from '../../hardware-profiles/stored-size.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { nestedExperts } from '../export/networks.ts'

test('kernels are counted as they are stored, experts that do not run included', (t) => {
  const counts = storedKinds(scheduleOf(nestedExperts()))
  // Stem, and in each of three experts two inner ones of two convolutions.
  t.is(counts.get('conv2d'), 1 + 3 * 2 * 2)
  // Gates outside and in each expert, and the classifier.
  t.is(counts.get('dense'), 1 + 3 + 1)
  t.is(counts.get('depthwiseConv2d'), undefined)
})

test('the exported C takes flash for the kinds of kernels that a network has: once for code, each for parameters', (t) => {
  const profile = loadProfile('stm32f446-frugal-c')
  const model = createCostModel(profile)
  const build = (activations: number, pools: number): number => {
    const g = new GraphBuilder()
    let x = g.conv2d(g.input([8, 8, 4]), 4, {})
    for (let i = 0; i < pools; i++) x = g.node({ kind: 'maxPool', kernel: [2, 2], stride: [1, 1], padding: 'same' }, x)
    for (let i = 0; i < activations; i++) x = g.activation(x, 'hardSwish')
    return model.price(g.build(g.dense(g.globalAveragePool(x), 3))).flashBytes
  }
  const { kinds, perKernelBytes } = profile.memory.flash
  const table = kinds!.find(({ kernels }) => kernels.includes('hardSwish'))!
  const pool = kinds!.find(({ kernels }) => kernels.includes('maxPool'))!
  const close = (actual: number, expected: number): void => {
    t.true(Math.abs(actual - expected) <= 1, `${actual}, ${expected}`)
  }
  close(build(1, 0) - build(0, 0), table.onceBytes + table.eachBytes + perKernelBytes)
  close(build(3, 0) - build(1, 0), 2 * (table.eachBytes + perKernelBytes))
  close(build(0, 2) - build(0, 0), pool.onceBytes + 2 * (pool.eachBytes + perKernelBytes))
  t.true(table.eachBytes > 256 && pool.onceBytes > 100)
})
