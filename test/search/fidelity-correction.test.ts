import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Genome } from '../../search/algorithm.ts'
import { fitCorrection } from '../../search/fidelity/correction.ts'
import { genomeDistance, nearestParent } from '../../search/fidelity/parents.ts'
import { residualModel } from '../../search/fidelity/residual-model.ts'
import type { GeneDescription } from '../../spaces/genome.ts'

const GENES: readonly GeneDescription[] = Array.from({ length: 6 }, (_, i) => ({
  name: `g${i}`,
  kind: i < 3 ? 'categorical' : 'ordinal',
  choices: [0, 1, 2, 3],
}))
const distance = genomeDistance(GENES)
const random = randomStream(1, 'pairs')
const sample = (): Genome => GENES.map(() => random.int(4))
const SAME: Genome = [0, 0, 0, 0, 0, 0]

test('distances: categorical genes differ or not, ordinal ones by their choices', (t) => {
  t.is(distance(SAME, SAME), 0)
  t.is(distance(SAME, [1, 0, 0, 0, 0, 0]), 1 / 6)
  t.is(distance(SAME, [3, 0, 0, 0, 0, 0]), 1 / 6)
  t.is(distance(SAME, [0, 0, 0, 0, 0, 1]), 1 / 18)
  t.is(distance(SAME, [3, 3, 3, 3, 3, 3]), 1)
})

test('the parent is the most similar candidate, of equals the first', (t) => {
  const candidates = [
    { genome: [1, 1, 1, 0, 0, 0], trial: 4 },
    { genome: [0, 0, 0, 0, 0, 2], trial: 7 },
    { genome: [0, 0, 0, 0, 2, 0], trial: 5 },
  ]
  t.is(nearestParent(SAME, candidates, distance)?.trial, 7)
  t.is(nearestParent(SAME, [], distance), undefined)
})

test('a power law between rungs is found', (t) => {
  const pairs = Array.from({ length: 120 }, (_, i) => ({
    genome: sample(),
    lower: 0.05 + i / 150,
    upper: 0.4 * (0.05 + i / 150) ** 0.6,
  }))
  const corrected = fitCorrection(pairs, distance)
  for (const { genome, lower, upper } of pairs) t.true(Math.abs(corrected(lower, genome) / upper - 1) < 0.02)
})

test('one pair scales the errors of all networks by its factor', (t) => {
  const corrected = fitCorrection([{ genome: SAME, lower: 0.4, upper: 0.1 }], distance)
  for (const error of [0.01, 0.2, 0.4, 0.9]) t.true(Math.abs(corrected(error, sample()) - error / 4) < 1e-12)
})

test('of equal genomes the order is kept, whatever the pairs say, and figures stay finite', (t) => {
  for (let run = 0; run < 50; run++) {
    const pairs = Array.from({ length: 1 + random.int(20) }, () => ({
      genome: sample(),
      lower: random.float(),
      upper: random.float(),
    }))
    const corrected = fitCorrection(pairs, distance)
    const genome = sample()
    const carried = Array.from({ length: 100 }, (_, i) => corrected(i / 99, genome))
    for (const [i, value] of carried.entries()) {
      t.true(Number.isFinite(value) && value >= 0)
      if (i > 0) t.true(value > carried[i - 1]!)
    }
  }
})

test('networks worse than all pairs are not thought to catch up', (t) => {
  const pairs = [0.2, 0.25, 0.3, 0.35].map((lower) => ({ genome: SAME, lower, upper: 0.1 }))
  const corrected = fitCorrection(pairs, distance)
  t.true(corrected(0.35, SAME) / corrected(0.2, SAME) < 0.35 / 0.2 - 0.1, 'flat where pairs are')
  t.true(Math.abs(corrected(0.7, SAME) / corrected(0.35, SAME) - 2) < 1e-9)
})

test('networks of a kind that gains more from training are told apart from the others', (t) => {
  /** The first gene decides how far the error falls; nothing of it is seen on the lower rung. */
  const truth = (genome: Genome, lower: number): number => lower * (genome[0]! >= 2 ? 0.3 : 0.6)
  const pairs = Array.from({ length: 60 }, () => {
    const [genome, lower] = [sample(), 0.2 + 0.2 * random.float()]
    return { genome, lower, upper: truth(genome, lower) }
  })
  const corrected = fitCorrection(pairs, distance)
  let worse = 0
  for (let i = 0; i < 200; i++) {
    const [gaining, other] = [
      [2 + (i % 2), ...sample().slice(1)],
      [i % 2, ...sample().slice(1)],
    ]
    if (corrected(0.3, gaining) >= corrected(0.3, other)) worse++
  }
  t.true(worse < 10, `${worse} of 200 pairs in the wrong order`)
})

test('residuals without a pattern are not explained by the genome', (t) => {
  const residuals = Array.from({ length: 80 }, () => ({ genome: sample(), value: random.normal() }))
  const model = residualModel(residuals, distance)
  const spread = Math.sqrt(Array.from({ length: 200 }, () => model(sample()) ** 2).reduce((a, b) => a + b, 0) / 200)
  t.true(spread < 0.5, `${spread}`)
})
