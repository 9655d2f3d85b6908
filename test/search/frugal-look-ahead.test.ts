import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Genome } from '../../search/algorithm.ts'
import frugal from '../../search/algorithms/frugal.algorithm.ts'
import { toyConfig, toyResult } from './toy-problem.ts'

/** How many networks are asked for, so many ahead, before the first that is not a random sample, and how many are known then. */
function randomOnes(lookAhead: number): { asked: number; known: number } {
  const { operations, ...config } = toyConfig({ costsKnown: true })
  let relatives = 0
  const counted = {
    ...operations,
    mutate: (...given: Parameters<typeof operations.mutate>) => {
      relatives++
      return operations.mutate(...given)
    },
    crossover: (...given: Parameters<typeof operations.crossover>) => {
      relatives++
      return operations.crossover(...given)
    },
  }
  const algorithm = frugal.create({ ...config, operations: counted }, randomStream(3, 'first asks'))
  const open: Genome[] = []
  for (let [asked, known] = [0, 0]; ; asked++) {
    if (open.length === lookAhead) algorithm.tell(toyResult(open.shift()!, known++))
    open.push(algorithm.ask())
    if (relatives > 0) return { asked, known }
  }
}

test('with many asked ahead fewer are random, and fewer known, before the first that the model chooses', (t) => {
  t.deepEqual(randomOnes(1), { asked: 16, known: 16 })
  t.deepEqual(randomOnes(4), { asked: 16, known: 13 })
  t.deepEqual(randomOnes(8), { asked: 10, known: 3 })
  t.deepEqual(randomOnes(32), { asked: 32, known: 1 }, 'there is nothing to learn from before')
})
