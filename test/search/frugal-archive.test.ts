import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { Archive } from '../../search/algorithms/frugal/archive.ts'

test('fronts that grow with every result are those of all results at once', (t) => {
  const random = randomStream(1)
  const growing = new Archive(3)
  for (let i = 0; i < 200; i++) {
    // Few values, so that some are equal; not every device can take every network.
    const error = random.int(12)
    const fronts = [0, 1, 2].map((device) => {
      const feasible = device === 0 || random.chance(0.7)
      return { objectives: feasible ? [error, random.int(12), random.int(12)] : undefined, violation: feasible ? 0 : 1 }
    })
    // Once in a while a network has a later result.
    growing.add({ genome: [random.chance(0.95) ? i : i >> 1], fronts })
    const whole = new Archive(3, growing.observations)
    for (let device = 0; device < 3; device++) t.deepEqual(growing.front(device), whole.front(device))
  }
  t.true(growing.front(1).length > 3)
})
