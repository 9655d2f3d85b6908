import test from 'ava'
import { createResizer } from '../../evaluators/datasets/resize.ts'
import { createWholeResizer, wholeTaps } from '../../evaluators/datasets/whole-resize.ts'
import { randomStream } from '../../lib/random.ts'

for (const [size, target] of [
  [
    [32, 40],
    [24, 20],
  ],
  [
    [49, 40],
    [36, 32],
  ],
  [
    [7, 9],
    [7, 9],
  ],
  [
    [5, 6],
    [11, 8],
  ],
  [
    [40, 5],
    [4, 9],
  ],
] as const) {
  test(`${size.join('×')} to ${target.join('×')}: as the resizer in floating point, but for ties`, (t) => {
    const random = randomStream(1, 'resize', ...size)
    const from = Uint8Array.from({ length: 3 * size[0] * size[1] }, () => random.int(256))
    const [whole, float] = [new Uint8Array(2 + target[0] * target[1]), new Float32Array(target[0] * target[1])]
    createWholeResizer(size, target)(from, size[0] * size[1], whole, 2)
    createResizer(size, target, 1)(from, size[0] * size[1], float, 0)
    for (const [i, value] of float.entries()) t.true(Math.abs(whole[i + 2]! - value) <= 0.50001, `${i}: ${value}`)
  })
}

test('halves go up, and the weights of each output sum to the divisor', (t) => {
  const out = new Uint8Array(1)
  createWholeResizer([2, 2], [1, 1])(Uint8Array.of(1, 2, 3, 4), 0, out, 0)
  t.deepEqual([...out], [3])
  for (const [from, to] of [
    [49, 36],
    [36, 49],
    [5, 5],
    [100, 3],
  ] as const) {
    const { width, weights, divisor } = wholeTaps(from, to)
    for (let i = 0; i < to; i++) {
      t.is(
        weights.subarray(i * width, (i + 1) * width).reduce((sum, weight) => sum + weight, 0),
        divisor,
      )
    }
  }
})
