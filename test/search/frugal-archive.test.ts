import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { Archive } from '../../search/algorithms/frugal/archive.ts'
import { deviceGain } from '../../search/algorithms/frugal/device-gain.ts'

test('fronts that grow with every result, and what would be gained on them, are those of all results at once', (t) => {
  const random = randomStream(1)
  const places = randomStream(2)
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
    const place = [places.int(12), places.int(12)]
    for (let device = 0; device < 3; device++) {
      t.deepEqual(growing.front(device), whole.front(device))
      const [gain, anew] = [growing, whole].map((archive) => deviceGain(archive, device, [], i < 20 ? 10 : 9))
      t.deepEqual(gain?.levels, anew?.levels)
      t.deepEqual(gain?.shares(place), anew?.shares(place))
      const shortfall = (level: number) => level
      t.is(gain?.gain(gain.shares(place), shortfall), anew?.gain(anew.shares(place), shortfall))
    }
  }
  t.true(growing.front(1).length > 3)
})

test('a later result in the place of an earlier one moves the box that gains are measured in', (t) => {
  const archive = new Archive(1)
  const tell = (genome: number, objectives: readonly number[]) =>
    archive.add({ genome: [genome], fronts: [{ objectives, violation: 0 }] })
  const shares = () => deviceGain(archive, 0, [], 9)!.shares([0, 0])
  tell(1, [1, 10, 10])
  tell(2, [5, 1, 1])
  const before = shares()
  tell(1, [1, 5, 5])
  t.notDeepEqual(shares(), before)
  t.deepEqual(shares(), deviceGain(new Archive(1, archive.observations), 0, [], 9)!.shares([0, 0]))
})
