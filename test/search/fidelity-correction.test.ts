import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Genome } from '../../search/algorithm.ts'
import { type CorrectionSettings, fitCorrection } from '../../search/fidelity/correction.ts'
import { genomeDistance, nearestParent } from '../../search/fidelity/parents.ts'
import { residualModel } from '../../search/fidelity/residual-model.ts'
import { RungCorrection } from '../../search/fidelity/rung-correction.ts'
import { NO_SIZES, sizeScale } from '../../search/fidelity/size-scale.ts'
import type { GeneDescription } from '../../spaces/genome.ts'
import { eliminated } from '../lib/eliminated.ts'

const GENES: readonly GeneDescription[] = Array.from({ length: 6 }, (_, i) => ({
  name: `g${i}`,
  kind: i < 3 ? 'categorical' : 'ordinal',
  choices: [0, 1, 2, 3],
}))
const distance = genomeDistance(GENES)
const random = randomStream(1, 'pairs')
const sample = (): Genome => GENES.map(() => random.int(4))
const SAME: Genome = [0, 0, 0, 0, 0, 0]
const SETTINGS: CorrectionSettings = { distance, sizes: NO_SIZES, sizeGain: 0.4 }
const size = undefined
const WHO = { genome: SAME, size }

/** Sizes over two orders of magnitude, errors over a factor of four, one not told by the other. */
const SIZED = Array.from({ length: 16 }, (_, i) => ({
  error: 0.2 * 4 ** (((i * 7) % 16) / 15),
  size: 1e6 * 100 ** (i / 15),
}))
const SIZES = sizeScale(SIZED)

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
    size,
    lower: 0.05 + i / 150,
    upper: 0.4 * (0.05 + i / 150) ** 0.6,
  }))
  const corrected = fitCorrection(pairs, SETTINGS)
  for (const { genome, lower, upper } of pairs) t.true(Math.abs(corrected(lower, { genome, size }) / upper - 1) < 0.02)
})

test('one pair scales the errors of all networks by its factor', (t) => {
  const corrected = fitCorrection([{ genome: SAME, size, lower: 0.4, upper: 0.1 }], SETTINGS)
  for (const error of [0.01, 0.2, 0.4, 0.9])
    t.true(Math.abs(corrected(error, { genome: sample(), size }) - error / 4) < 1e-12)
})

test('of equal genomes and sizes the order is kept, whatever the pairs say, and figures stay finite', (t) => {
  for (let run = 0; run < 50; run++) {
    const pairs = Array.from({ length: 1 + random.int(20) }, () => ({
      genome: sample(),
      size: 1e6 * 100 ** random.float(),
      lower: random.float(),
      upper: random.float(),
    }))
    const corrected = fitCorrection(pairs, { ...SETTINGS, sizes: SIZES })
    const network = { genome: sample(), size: 1e7 }
    const carried = Array.from({ length: 100 }, (_, i) => corrected(i / 99, network))
    for (const [i, value] of carried.entries()) {
      t.true(Number.isFinite(value) && value >= 0)
      if (i > 0) t.true(value > carried[i - 1]!)
    }
  }
})

test('networks worse than all pairs are not thought to catch up', (t) => {
  const pairs = [0.2, 0.25, 0.3, 0.35].map((lower) => ({ genome: SAME, size, lower, upper: 0.1 }))
  const corrected = fitCorrection(pairs, SETTINGS)
  t.true(corrected(0.35, WHO) / corrected(0.2, WHO) < 0.35 / 0.2 - 0.1, 'flat where pairs are')
  t.true(Math.abs(corrected(0.7, WHO) / corrected(0.35, WHO) - 2) < 1e-9)
})

test('networks of a kind that gains more from training are told apart from the others', (t) => {
  /** The first gene decides how far the error falls; nothing of it is seen on the lower rung. */
  const truth = (genome: Genome, lower: number): number => lower * (genome[0]! >= 2 ? 0.3 : 0.6)
  const pairs = Array.from({ length: 60 }, () => {
    const [genome, lower] = [sample(), 0.2 + 0.2 * random.float()]
    return { genome, size, lower, upper: truth(genome, lower) }
  })
  const corrected = fitCorrection(pairs, SETTINGS)
  let worse = 0
  for (let i = 0; i < 200; i++) {
    const [gaining, other] = [
      [2 + (i % 2), ...sample().slice(1)],
      [i % 2, ...sample().slice(1)],
    ]
    if (corrected(0.3, { genome: gaining, size }) >= corrected(0.3, { genome: other, size })) worse++
  }
  t.true(worse < 10, `${worse} of 200 pairs in the wrong order`)
})

test('sizes count by their logarithms, with the spread that errors have', (t) => {
  const scaled = SIZED.map((network) => SIZES.of(network.size))
  const spread = Math.log(4) * Math.sqrt((16 ** 2 - 1) / 12 / 15 ** 2)
  t.true(Math.abs(SIZES.spread - spread) < 1e-12)
  t.true(Math.abs(Math.hypot(...scaled) / 4 - spread) < 1e-12)
  t.true(Math.abs(scaled.reduce((sum, value) => sum + value, 0)) < 1e-9)
  t.true(Math.abs(SIZES.of(1e8) - SIZES.of(1e7) - (SIZES.of(1e7) - SIZES.of(1e6))) < 1e-12)
  t.is(SIZES.of(undefined), 0)
  for (const wrong of [undefined, 0, -1, Number.NaN]) {
    t.is(sizeScale([...SIZED.slice(1), { error: 0.3, size: wrong }]), NO_SIZES, `${wrong}`)
  }
  t.is(sizeScale(SIZED.map(({ error }) => ({ error, size: 5 }))), NO_SIZES)
})

test('before anything was trained further, larger networks are believed to gain more, by the share stated', (t) => {
  const believed = fitCorrection([], { ...SETTINGS, sizes: SIZES })
  const gain = Math.log(believed(0.3, { genome: SAME, size: 1e6 }) / believed(0.3, { genome: SAME, size: 1e8 }))
  t.true(Math.abs(gain - 0.4 * (SIZES.of(1e8) - SIZES.of(1e6))) < 1e-12)
  t.is(fitCorrection([], SETTINGS)(0.3, { genome: SAME, size: 1e8 }), 0.3)
})

test('what size gains is learnt: the belief gives way to pairs that say otherwise', (t) => {
  for (const truth of [-0.5, 0, 1.2]) {
    const pairs = Array.from({ length: 160 }, () => {
      const [network, lower] = [{ genome: sample(), size: 1e6 * 100 ** random.float() }, 0.2 * 4 ** random.float()]
      return { ...network, lower, upper: 0.5 * lower * Math.exp(-truth * SIZES.of(network.size)) }
    })
    const gainAfter = (count: number): number => {
      const corrected = fitCorrection(pairs.slice(0, count), { ...SETTINGS, sizes: SIZES })
      const [small, large] = [1e6, 1e8].map((size) => Math.log(corrected(0.3, { genome: SAME, size })))
      return (small! - large!) / (SIZES.of(1e8) - SIZES.of(1e6))
    }
    const off = [0, 5, 160].map((count) => Math.abs(gainAfter(count) - truth))
    t.true(off[2]! < 0.12 * off[0]!, `${truth}: ${off}`)
    t.true(off[1]! < off[0]!, `${truth}: ${off}`)
  }
})

test('the curve is the least squares of the pairs and of both beliefs', (t) => {
  const pairs = Array.from({ length: 9 }, (_, i) => ({
    genome: SAME,
    size: SIZED[(5 * i) % 16]!.size,
    lower: 0.2 + 0.04 * i,
    upper: 0.1 + 0.03 * ((i * 4) % 9),
  }))
  // Logarithms; the beliefs weigh as 2 pairs 0.25 from the middle and 10 pairs one spread from it.
  const points = pairs.map(({ size, lower, upper }) => [Math.log(lower), SIZES.of(size), Math.log(upper)] as const)
  let [intercept, slope, sizeSlope] = [0, 0, 0]
  const [belief, sizeBelief] = [2 * 0.25 ** 2, 10 * SIZES.spread ** 2]
  const sum = (value: (x: number, s: number, y: number) => number) =>
    points.reduce((total, point) => total + value(...point), 0)
  for (let sweep = 0; sweep < 3000; sweep++) {
    intercept = sum((x, s, y) => y - slope * x - sizeSlope * s) / points.length
    slope = (sum((x, s, y) => x * (y - intercept - sizeSlope * s)) + belief) / (sum((x) => x * x) + belief)
    const rest = sum((x, s, y) => s * (y - intercept - slope * x)) - sizeBelief * 0.4
    sizeSlope = rest / (sum((_, s) => s * s) + sizeBelief)
  }
  t.true(slope > 0.05 && slope < 1 && sizeSlope < 0)
  const corrected = fitCorrection(pairs, { ...SETTINGS, sizes: SIZES })
  for (const size of [1e6, 1e7, 1e8]) {
    for (const error of [0.1, 0.3, 0.52]) {
      const expected = Math.exp(intercept + slope * Math.log(error) + sizeSlope * SIZES.of(size))
      t.true(Math.abs(corrected(error, { genome: SAME, size }) / expected - 1) < 1e-6, `${error} of ${size}`)
    }
  }
})

test('residuals without a pattern are not explained by the genome', (t) => {
  const residuals = Array.from({ length: 80 }, () => ({ genome: sample(), value: random.normal() }))
  const model = residualModel(residuals, distance)
  const spread = Math.sqrt(Array.from({ length: 200 }, () => model(sample()) ** 2).reduce((a, b) => a + b, 0) / 200)
  t.true(spread < 0.5, `${spread}`)
})

test('a rung learns from its first pair, and then from every quarter more', (t) => {
  const rung = new RungCorrection(distance, 0.4)
  const due: number[] = []
  for (let pairs = 0; pairs <= 16; pairs++) {
    if (rung.isDue) {
      due.push(pairs)
      rung.fit()
      t.is(rung.fitted, pairs)
    }
    rung.pair({ genome: SAME, size, lower: 0.4, upper: 0.1 })
  }
  // From 8 on two more are a quarter, from 12 on three.
  t.deepEqual(due, [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15])
})

test('a rung can be learnt again as it was, from the first pairs alone', (t) => {
  const rung = new RungCorrection(distance, 0.4)
  t.is(rung.apply(0.3, WHO), 0.3, 'nothing is known yet')
  rung.pair({ genome: SAME, size, lower: 0.4, upper: 0.1 })
  rung.pair({ genome: SAME, size, lower: 0.4, upper: 0.2 })
  rung.fit(1)
  t.is(rung.fitted, 1)
  t.true(Math.abs(rung.apply(0.3, WHO) - 0.3 / 4) < 1e-12)
  rung.fit()
  t.true(rung.apply(0.3, WHO) > 0.3 / 4 + 0.01)
})

test('the sixteenth error of a rung makes the scale of sizes known, once', (t) => {
  const rung = new RungCorrection(distance, 0.4)
  const small = { genome: SAME, size: 1e6 }
  const told = SIZED.map((network): [boolean, number] => [
    rung.observe(network.error, { genome: SAME, size: network.size }),
    rung.apply(0.3, small),
  ])
  const [scaled, carried] = told[15]!
  t.deepEqual(told.slice(0, 15), Array(15).fill([false, 0.3]))
  t.true(scaled)
  t.true(Math.abs(carried / (0.3 * Math.exp(-0.4 * SIZES.of(1e6))) - 1) < 1e-12)
  t.false(rung.observe(0.9, { genome: SAME, size: 1e12 }))
  t.is(rung.apply(0.3, small), carried)
})

test('residuals are regressed with the range and the noise of the largest likelihood', (t) => {
  const chosen = new Set<string>()
  const shapes: readonly ((genome: Genome) => number)[] = [
    ([first]) => (first! > 1 ? 0.5 : -0.5),
    (genome) => genome[0]! / 3 + genome[3]! / 5 - 0.8,
    (genome) => genome.reduce((sum, choice) => sum + choice, 0) / 20 - 0.4 + 0.1 * random.normal(),
    () => random.normal(),
    () => 0.3 + 0.1 * random.normal(),
    (genome) => Math.sin(3 * genome[4]!) * Math.cos(2 * genome[1]!),
  ]
  for (const shape of shapes) {
    const residuals = Array.from({ length: 15 }, sample).map((genome) => ({ genome, value: shape(genome) }))
    const values = residuals.map(({ value }) => value)
    const fits = [0.4, 0.8, 1.6].flatMap((range) =>
      [0.1, 0.3, 1, 3, 30].map((noise) => {
        const alike = (a: Genome, b: Genome) => Math.exp(-distance(a, b) / range)
        const matrix = residuals.map((a, i) =>
          residuals.map((b, j) => alike(a.genome, b.genome) + (i === j ? noise : 0)),
        )
        const { solution, logDeterminant } = eliminated(matrix, values)
        const quadratic = solution.reduce((sum, weight, i) => sum + weight * values[i]!, 0)
        const likelihood = -15 * Math.log(quadratic / 15) - logDeterminant
        const at = (genome: Genome) =>
          solution.reduce((sum, weight, i) => sum + weight * alike(genome, residuals[i]!.genome), 0)
        return { likelihood, at, name: `${range} ${noise}` }
      }),
    )
    const best = fits.reduce((a, b) => (b.likelihood > a.likelihood ? b : a))
    chosen.add(best.name)
    const model = residualModel(residuals, distance)
    for (let i = 0; i < 10; i++) {
      const genome = sample()
      t.true(Math.abs(model(genome) - best.at(genome)) < 1e-9, `${best.name}: ${model(genome)}, ${best.at(genome)}`)
    }
  }
  t.true(chosen.size > 2, [...chosen].join())
})
