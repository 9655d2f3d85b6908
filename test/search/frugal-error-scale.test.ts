import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Algorithm, Told } from '../../search/algorithm.ts'
import { createEncoding } from '../../search/algorithms/frugal/encoding.ts'
import {
  chosenShift,
  type ErrorShift,
  errorScale,
  LONG_TAIL_SHIFT,
  MIRRORED,
  USUAL_SHIFT,
} from '../../search/algorithms/frugal/error-scale.ts'
import { GaussianProcess } from '../../search/algorithms/frugal/gaussian-process.ts'
import { INITIAL_PARAMETERS } from '../../search/algorithms/frugal/kernel.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import { toyConfig, toyResult } from './toy-problem.ts'

const config = toyConfig({ costsKnown: true })
/** From about 0 (bad) to 1 (good). */
const quality = (told: Told): number => 1 - told.fronts[0]!.objectives![0]!
const withError = (told: Told, errorOf: (quality: number) => number): Told => ({
  ...told,
  fronts: told.fronts.map((front) => ({
    ...front,
    objectives: [errorOf(quality(told)), ...front.objectives!.slice(1)],
  })),
})
/** An error that levels off near the best one, and a score whose good end is the long one. */
const levellingOff = (good: number): number => Math.exp(-6 * good)
const longTail = (good: number): number => -1e6 * Math.exp(10 * good)

function shiftOf(errorOf: (quality: number) => number, count: number, seed: number): ErrorShift | undefined {
  const random = randomStream(seed)
  const encoding = createEncoding(config.operations, undefined)
  const process = new GaussianProcess(encoding, INITIAL_PARAMETERS)
  const errors = Array.from({ length: count }, () => {
    const genome = config.operations.sample(random)
    process.add(encoding.encode(genome))
    return errorOf(quality(toyResult(genome, 0)))
  })
  const reference = [...errors].sort((a, b) => a - b)[Math.floor(count * 0.7)]!
  return chosenShift(errors, reference, (values) => process.fit(values).logLikelihood)
}

test('a score with a long good end gets the mirrored scale, errors that level off keep the usual one', (t) => {
  for (const seed of [1, 2, 3]) {
    t.is(shiftOf(longTail, 40, seed), MIRRORED)
    t.is(
      shiftOf((good) => 7 + 0.01 * longTail(good), 40, seed),
      MIRRORED,
      'in any unit',
    )
    t.is(shiftOf(levellingOff, 40, seed), USUAL_SHIFT)
    t.is(shiftOf(levellingOff, 30, seed), undefined, 'it may still turn out otherwise')
    t.is(shiftOf(longTail, 19, seed), undefined, 'too few to say')
    t.is(shiftOf(longTail, 41, seed), USUAL_SHIFT, 'too late')
  }
  t.is(
    shiftOf(() => 0.5, 40, 1),
    USUAL_SHIFT,
    'all equal',
  )
})

test('the mirrored scale must be twice as far ahead as the next to linear one, with either cap', (t) => {
  const errors = (count: number) => Array.from({ length: count }, (_, i) => -(1.1 ** i))
  /** So many nats ahead of the usual scale, the derivatives counted; the scales are judged in this order. */
  const ahead = (long: number, mirrored: number, spared: number) => {
    const judged = [
      { nats: 0, sign: 1 },
      { nats: mirrored, sign: -1 },
      ...(mirrored > 16
        ? [
            { nats: spared, sign: -1 },
            { nats: 0, sign: 1 },
          ]
        : []),
      { nats: long, sign: 1 },
    ][Symbol.iterator]()
    return (values: Float64Array): number => {
      const { nats, sign } = judged.next().value!
      return nats + sign * values.reduce((total, value) => total + value, 0)
    }
  }
  const choose = (count: number, long: number, mirrored: number, spared = mirrored) =>
    chosenShift(errors(count), -1, ahead(long, mirrored, spared))
  t.is(choose(25, 9, 15), LONG_TAIL_SHIFT)
  t.is(choose(25, 9, 17), MIRRORED)
  t.is(choose(25, 9, 17, 15), LONG_TAIL_SHIFT)
  t.is(choose(25, 7, 17, 15), undefined)
  t.is(choose(25, 7, 15), undefined)
  t.is(choose(40, 7, 15), USUAL_SHIFT)
})

test('where a few errors are far worse than all others, the mirrored scale is ahead only as long as all of them are cut off', (t) => {
  // The first 21 errors of a search of NAS-Bench-201: three networks hardly learn, the others lie within a few points.
  const close = [7.205, 7.673, 7.74, 7.815, 7.92, 8.163, 8.185, 8.83, 8.84, 10.29, 10.31, 10.41, 10.757, 10.86, 10.905]
  const errors = [...close, 11.097, 11.165, 11.3, 24.303, 90, 90]
  /** Of independent values of one normal distribution. */
  const logLikelihood = (values: Float64Array): number => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return -0.5 * values.length * Math.log(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  }
  const aheadWith = (spared: number): number => {
    const [usual, mirrored] = ([USUAL_SHIFT, MIRRORED] as const).map((shift) =>
      Float64Array.from(errors, errorScale(errors, 11, shift, spared).toModel),
    )
    const derivatives = [...usual!, ...mirrored!].reduce((sum, value) => sum + value, 0)
    return logLikelihood(mirrored!) - logLikelihood(usual!) + derivatives
  }

  t.true(aheadWith(0) > 5, `${aheadWith(0)}`)
  t.true(aheadWith(1) < -20, `${aheadWith(1)}`)
})

test('on every scale errors come back from the model, and the expected shortfall is that of many draws', (t) => {
  const errors = Array.from({ length: 20 }, (_, i) => 10 - 1.2 ** i)
  const random = randomStream(1)
  for (const shift of [USUAL_SHIFT, LONG_TAIL_SHIFT, MIRRORED] as const) {
    const scale = errorScale(errors, 7, shift)
    for (const error of errors.filter((value) => value < 7)) {
      t.true(Math.abs(scale.toError(scale.toModel(error)) - error) < 1e-9)
    }
    const prediction = { mean: scale.toModel(2), sd: 0.2 }
    const draws = Array.from({ length: 20_000 }, () => scale.toError(prediction.mean + prediction.sd * random.normal()))
    for (const level of [-5, 0, 2, 6]) {
      const shortfalls = draws.map((error) => Math.max(0, level - error))
      const mean = shortfalls.reduce((sum, value) => sum + value, 0) / draws.length
      const sd = Math.sqrt(shortfalls.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length)
      const expected = scale.shortfall(prediction, level)
      t.true(
        Math.abs(expected - mean) <= 4 * (sd / Math.sqrt(draws.length)) + 1e-6,
        `${shift}, ${level}: ${expected}, ${mean}`,
      )
    }
  }
})

const stateOf = (algorithm: Algorithm): Record<string, unknown> => JSON.parse(JSON.stringify(algorithm.state()))
const shiftIn = (algorithm: Algorithm): unknown => stateOf(algorithm)['errorShift']
const follow = (algorithm: Algorithm, count: number, errorOf: (quality: number) => number): string[] =>
  Array.from({ length: count }, () => {
    const genome = algorithm.ask()
    algorithm.tell(withError(toyResult(genome, 0, { costsKnown: true }), errorOf))
    return genome.join()
  })

for (const [name, errorOf, expected] of [
  ['a long good end', longTail, MIRRORED],
  ['errors that level off', levellingOff, USUAL_SHIFT],
] as const) {
  test(`a search chooses the shift once, and a state holds it (${name})`, async (t) => {
    const definition = await loadAlgorithm('frugal')
    const algorithm = definition.create(config, randomStream(1))
    follow(algorithm, 19, errorOf)
    t.is(shiftIn(algorithm), null)
    const before = stateOf(algorithm)
    follow(algorithm, 21, errorOf)
    t.is(shiftIn(algorithm), expected)
    const after = stateOf(algorithm)
    const further = follow(algorithm, 15, errorOf)
    t.is(shiftIn(algorithm), expected)

    const early = definition.restore(config, before)
    follow(early, 21, errorOf)
    t.deepEqual(stateOf(early), after, 'a copy from before chooses the same')
    const late = definition.restore(config, after)
    t.deepEqual(follow(late, 15, errorOf), further, 'a copy from after goes on with it')
  })
}

test('a state from before the shift was chosen goes on with the usual one', async (t) => {
  const definition = await loadAlgorithm('frugal')
  const algorithm = definition.create(config, randomStream(1))
  follow(algorithm, 19, longTail)
  const { errorShift: _, ...older } = stateOf(algorithm)
  const copy = definition.restore(config, older)
  follow(copy, 25, longTail)
  t.is(shiftIn(copy), USUAL_SHIFT)
  t.throws(() => definition.restore(config, { ...older, errorShift: -1 }), { message: /errorShift/ })
})
