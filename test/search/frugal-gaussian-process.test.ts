import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Genome } from '../../search/algorithm.ts'
import { createEncoding } from '../../search/algorithms/frugal/encoding.ts'
import { GaussianProcess } from '../../search/algorithms/frugal/gaussian-process.ts'
import { INITIAL_PARAMETERS } from '../../search/algorithms/frugal/kernel.ts'
import { geneOperations } from '../../search/genes.ts'
import { eliminated } from '../lib/eliminated.ts'

const operations = geneOperations([
  { name: 'a', kind: 'categorical', choices: ['x', 'y', 'z', 'w'] },
  { name: 'b', kind: 'ordinal', choices: [1, 2, 3, 4, 5, 6] },
  { name: 'c', kind: 'ordinal', choices: [10, 20, 30] },
  { name: 'd', kind: 'categorical', choices: [false, true] },
])
const encoding = createEncoding(operations, undefined)
const parameters = { ...INITIAL_PARAMETERS, noise: 0.03, decay: 1, smoothDecay: 0.3 }
const { main, noise, decay, smooth, smoothDecay } = parameters

/** Covariance of two genomes: a sum over genes, an exponential and a normal curve of their mismatches. */
function covariance(one: Genome, other: Genome): number {
  const apart = [
    one[0] === other[0] ? 0 : 1,
    Math.abs(one[1]! - other[1]!) / 5,
    Math.abs(one[2]! - other[2]!) / 2,
    one[3] === other[3] ? 0 : 1,
  ]
  const total = apart.reduce((sum, value) => sum + value, 0)
  const squares = apart.reduce((sum, value) => sum + value * value, 0)
  const parts = [
    main * (1 - total / 4),
    Math.exp((-decay * total) / encoding.typicalMismatch),
    smooth * Math.exp((-smoothDecay * squares) / encoding.typicalSquare),
  ]
  return parts.reduce((sum, part) => sum + part, 0) / (main + 1 + smooth)
}

const random = randomStream(4)
const draw = (count: number): readonly Genome[] => {
  const drawn = new Map<string, Genome>()
  while (drawn.size < count) {
    const genome = operations.sample(random)
    drawn.set(genome.join(), genome)
  }
  return [...drawn.values()]
}
const ALL = draw(40)
const [KNOWN, MORE, PROBES] = [ALL.slice(0, 14), ALL.slice(14, 17), ALL.slice(17)]
const targetOf = ([a, b, c, d]: Genome) => Math.sin(a! + 0.7 * b!) + 0.3 * c! * d!
const targetsOf = (genomes: readonly Genome[]) => Float64Array.from(genomes, targetOf)

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

/** The same regression with whole matrices. */
function dense(genomes: readonly Genome[], targets: readonly number[]) {
  const n = genomes.length
  const matrix = genomes.map((one, i) => genomes.map((other, j) => covariance(one, other) + (i === j ? noise : 0)))
  const ones = Array<number>(n).fill(1)
  const { solution: solvedOnes, logDeterminant } = eliminated(matrix, ones)
  const mean = dot(solvedOnes, targets) / dot(solvedOnes, ones)
  const residuals = targets.map((target) => target - mean)
  const weights = eliminated(matrix, residuals).solution
  const variance = dot(residuals, weights) / n
  const logLikelihood = -0.5 * n * Math.log(variance) - 0.5 * logDeterminant
  const near = (genome: Genome) => genomes.map((other) => covariance(genome, other))
  return {
    ...{ matrix, mean, variance, weights, logLikelihood, near },
    predict: (genome: Genome) => mean + dot(near(genome), weights),
    relativeVariance: (genome: Genome) => 1 + noise - dot(near(genome), eliminated(matrix, near(genome)).solution),
    /** What is left of each target when the points before it have foretold it, and its relative variance. */
    ahead: residuals.map((residual, i) => {
      const before = matrix.slice(0, i).map((row) => row.slice(0, i))
      const own = matrix[i]!.slice(0, i)
      const { solution } = eliminated(before, own)
      return { miss: residual - dot(solution, residuals.slice(0, i)), relative: 1 + noise - dot(solution, own) }
    }),
  }
}

const rowsOf = (genomes: readonly Genome[]) => genomes.map((genome) => encoding.encode(genome))
function processOf(genomes: readonly Genome[]): GaussianProcess {
  const process = new GaussianProcess(encoding, parameters)
  for (const row of rowsOf(genomes)) process.add(row)
  return process
}

const process = processOf(KNOWN)
const fit = process.fit(targetsOf(KNOWN))
const naive = dense(KNOWN, [...targetsOf(KNOWN)])

const close = (t: { true(value: boolean, message: string): unknown }, a: number, b: number, what: string) =>
  t.true(Math.abs(a - b) < 1e-9 * Math.max(1, Math.abs(b)), `${what}: ${a}, and ${b} by whole matrices`)

test('mean, variance, likelihood and weights of a fit are those of whole matrices', (t) => {
  t.is(process.settled, 14)
  close(t, fit.mean, naive.mean, 'mean')
  close(t, fit.variance, naive.variance, 'variance')
  close(t, fit.logLikelihood, naive.logLikelihood, 'log likelihood')
  naive.weights.forEach((weight, i) => {
    close(t, fit.weights[i]!, weight, `weight ${i}`)
  })
})

test('predictions and their deviations are those of whole matrices', (t) => {
  const other = targetsOf(KNOWN).map((target) => 3 - target * target)
  const otherFit = process.fit(other)
  const otherNaive = dense(KNOWN, [...other])
  for (const genome of PROBES) {
    const row = encoding.encode(genome)
    close(t, process.mean(fit, row), naive.predict(genome), 'mean')
    const [one, two] = process.means([fit, otherFit], row)
    close(t, one!, naive.predict(genome), 'first mean')
    close(t, two!, otherNaive.predict(genome), 'second mean')
    close(t, process.relativeVariance(row), naive.relativeVariance(genome), 'relative variance')
    close(t, process.sd(fit, row), Math.sqrt(naive.variance * naive.relativeVariance(genome)), 'deviation')
  }
})

test('a rough deviation is that by the most similar point alone, and no smaller than the exact one', (t) => {
  for (const genome of [...PROBES, KNOWN[3]!]) {
    const row = encoding.encode(genome)
    const nearest = Math.max(...naive.near(genome))
    const rough = Math.sqrt(naive.variance * (1 + noise - nearest ** 2 / (1 + noise)))
    close(t, process.roughSd(fit, row), rough, 'rough deviation')
    t.true(process.roughSd(fit, row) >= process.sd(fit, row) - 1e-12)
  }
})

test('misses and surprises are how far points lie from what those before them foretell', (t) => {
  const whitened = targetsOf(KNOWN)
  process.whiten(whitened, 0, 5)
  process.whiten(whitened, 5, 14)
  const misses = process.misses(whitened)
  t.deepEqual(process.fitWhitened(whitened), fit)
  naive.ahead.forEach(({ miss, relative }, i) => {
    close(t, misses[i]!, miss, `miss ${i}`)
    close(t, fit.surprises[i]!, miss ** 2 / (naive.variance * relative), `surprise ${i}`)
  })
})

test('doubt is the root of the mean squared surprise of like points, with a weight of 2 on 1', (t) => {
  let some = 0
  for (const genome of [...PROBES, ...MORE]) {
    let [above, below] = [2, 2]
    naive.near(genome).forEach((near, i) => {
      // Less likeness counts for nothing.
      if (near < 0.7) return
      some++
      const { miss, relative } = naive.ahead[i]!
      above += (near ** 20 * miss ** 2) / (naive.variance * relative)
      below += near ** 20
    })
    close(t, process.doubt(fit, encoding.encode(genome)), Math.sqrt(above / below), 'doubt')
  }
  t.true(some > 10 && some < (PROBES.length + MORE.length) * KNOWN.length)
})

test('the slope of the likelihood by a covariance is w wᵀ / variance − K⁻¹, summed over the fits', (t) => {
  const other = targetsOf(KNOWN).map((target) => target ** 3)
  const gradient = process.covarianceGradient([fit, process.fit(other)])
  const otherNaive = dense(KNOWN, [...other])
  let at = 0
  for (let i = 0; i < KNOWN.length; i++) {
    const unit = KNOWN.map((_, k) => (k === i ? 1 : 0))
    const inverse = eliminated(naive.matrix, unit).solution
    for (let j = 0; j < i; j++) {
      const slopes = [naive, otherNaive].map(
        ({ weights, variance }) => (weights[i]! * weights[j]!) / variance - inverse[j]!,
      )
      close(t, gradient[at++]!, slopes[0]! + slopes[1]!, `slope ${i}, ${j}`)
    }
    t.is(gradient[at++], 0)
  }
  t.is(at, gradient.length)
})

test('points that are supposed count until others are, and points for good drive them out', (t) => {
  const changing = processOf(KNOWN)
  const check = (genomes: readonly Genome[], what: string) => {
    const targets = targetsOf(genomes)
    const expected = dense(genomes, [...targets])
    const made = changing.fit(targets)
    close(t, made.logLikelihood, expected.logLikelihood, `${what}: likelihood`)
    for (const genome of PROBES.slice(0, 6)) {
      const row = encoding.encode(genome)
      close(t, changing.mean(made, row), expected.predict(genome), `${what}: mean`)
      close(t, changing.relativeVariance(row), expected.relativeVariance(genome), `${what}: variance`)
    }
  }
  check(KNOWN, 'at first')
  changing.suppose(rowsOf(MORE))
  t.is(changing.settled, 14)
  check([...KNOWN, ...MORE], 'three supposed')
  // Only what was measured can surprise.
  const row = encoding.encode(MORE[0]!)
  const supposed = changing.fit(targetsOf([...KNOWN, ...MORE]))
  const surprises = supposed.surprises.map((surprise, i) => (i < 14 ? surprise : 1e6))
  t.is(changing.doubt({ ...supposed, surprises }, row), changing.doubt(supposed, row))
  changing.suppose(rowsOf(MORE.slice(2)))
  check([...KNOWN, MORE[2]!], 'another supposed')
  changing.suppose([])
  check(KNOWN, 'none supposed')
  changing.suppose(rowsOf(MORE))
  changing.add(encoding.encode(MORE[1]!))
  t.is(changing.settled, 15)
  check([...KNOWN, MORE[1]!], 'one for good')
})

test('some of the points make the process that they would have made alone', (t) => {
  const kept = [1, 4, 5, 9, 13]
  const genomes = kept.map((position) => KNOWN[position]!)
  const some = process.with(kept.map((position) => ({ row: encoding.encode(KNOWN[position]!), position })))
  t.is(some.settled, 5)
  const targets = targetsOf(genomes)
  const [made, alone] = [some.fit(targets), processOf(genomes).fit(targets)]
  t.deepEqual(made, alone)
  close(t, made.logLikelihood, dense(genomes, [...targets]).logLikelihood, 'likelihood')
})

test('targets that are all the same have hardly any variance', (t) => {
  const flat = process.fit(new Float64Array(14).fill(0))
  t.is(flat.mean, 0)
  t.is(flat.variance, 1e-12)
})
