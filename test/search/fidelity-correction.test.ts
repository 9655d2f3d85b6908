import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { correctedError, fitErrorCurve } from '../../search/fidelity/correction.ts'

test('a power law between rungs is found', (t) => {
  const pairs = Array.from({ length: 200 }, (_, i) => ({ lower: 0.05 + i / 250, upper: 0.4 * (0.05 + i / 250) ** 0.6 }))
  const curve = fitErrorCurve(pairs)
  for (const { lower, upper } of pairs) t.true(Math.abs(correctedError(lower, curve) / upper - 1) < 0.02)
})

test('one pair scales all errors by its factor', (t) => {
  const curve = fitErrorCurve([{ lower: 0.4, upper: 0.1 }])
  for (const error of [0.01, 0.2, 0.4, 0.9]) t.true(Math.abs(correctedError(error, curve) - error / 4) < 1e-12)
})

test('the order of networks is kept, whatever the pairs say', (t) => {
  const random = randomStream(1, 'pairs')
  for (let run = 0; run < 50; run++) {
    const pairs = Array.from({ length: 1 + random.int(20) }, () => ({ lower: random.float(), upper: random.float() }))
    const curve = fitErrorCurve(pairs)
    const carried = Array.from({ length: 100 }, (_, i) => correctedError(i / 99, curve))
    for (const [i, value] of carried.entries()) {
      t.true(Number.isFinite(value) && value >= 0)
      if (i > 0) t.true(value > carried[i - 1]!)
    }
  }
})

test('networks worse than all pairs are not thought to catch up', (t) => {
  const pairs = [0.2, 0.25, 0.3, 0.35].map((lower) => ({ lower, upper: 0.1 }))
  const curve = fitErrorCurve(pairs)
  t.true(curve.slope < 0.9)
  const [limit, beyond] = [correctedError(0.35, curve), correctedError(0.7, curve)]
  t.true(Math.abs(beyond / limit - 2) < 1e-9)
})
