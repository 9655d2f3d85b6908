import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { initialLatents } from '../../search/algorithms/frugal/choice-groups.ts'
import { createEncoding } from '../../search/algorithms/frugal/encoding.ts'
import { GaussianProcess } from '../../search/algorithms/frugal/gaussian-process.ts'
import { INITIAL_PARAMETERS, type KernelParameters } from '../../search/algorithms/frugal/kernel.ts'
import {
  improveParameters,
  initialParameters,
  parametersOf,
  STEPS_PER_SEARCH,
} from '../../search/algorithms/frugal/parameter-search.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import { geneOperations } from '../../search/genes.ts'
import { toyConfig, toyResult } from './toy-problem.ts'

const genesOf = (kind: 'ordinal' | 'categorical', count: number, size: number) =>
  geneOperations(
    Array.from({ length: count }, (_, i) => ({
      name: `g${i}`,
      kind,
      choices: Array.from({ length: size }, (_, k) => k),
    })),
  )

test('what levels off over many choices in order is predicted from few networks, the first choices lying far apart', (t) => {
  const operations = genesOf('ordinal', 3, 60)
  const encoding = createEncoding(operations, undefined)
  const random = randomStream(3)
  const response = ([a, b]: readonly number[]) => Math.log(1 + a!) * (1 + Math.log(1 + b!))
  const draw = (count: number) => Array.from({ length: count }, () => operations.sample(random))
  const [known, probes] = [draw(48), draw(100)]
  const rows = known.map((genome) => encoding.encode(genome))
  const targets = Float64Array.from(known, response)
  const miss = (parameters: KernelParameters): number => {
    const process = new GaussianProcess(encoding, parameters)
    for (const row of rows) process.add(row)
    const fit = process.fit(targets)
    const squares = probes.map((genome) => (process.mean(fit, encoding.encode(genome)) - response(genome)) ** 2)
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length)
  }
  let state = initialParameters(INITIAL_PARAMETERS, initialLatents(encoding.groups))
  for (let i = 0; i < 40; i++) state = improveParameters(encoding, rows, [targets], state, i % STEPS_PER_SEARCH, 0.0003)
  const found = parametersOf(state)
  t.true(found.bend < 1, `bend ${found.bend}`)
  const [learned, straight, rough] = [found, { ...found, bend: 1 }, { ...found, smooth: 0 }].map(miss)
  t.true(learned! < 0.7 * straight!, `${learned} with the scale bent, ${straight} without`)
  t.true(learned! < 0.7 * rough!, `${learned} with the smooth part, ${rough} without`)
})

test('waves much shorter than the scale are found from where single moves of the parameters lead to a long one', (t) => {
  const operations = genesOf('ordinal', 2, 100)
  const encoding = createEncoding(operations, undefined)
  const random = randomStream(6)
  const response = ([a, b]: readonly number[]) => Math.sin(a! / 8) + Math.cos(b! / 9)
  const known = Array.from({ length: 90 }, () => operations.sample(random))
  const rows = known.map((genome) => encoding.encode(genome))
  const targets = Float64Array.from(known, response)
  const probes = Array.from({ length: 100 }, () => operations.sample(random))
  const stuck = { ...INITIAL_PARAMETERS, smooth: 0, smoothDecay: 0.3 }
  let state = initialParameters(stuck, initialLatents(encoding.groups))
  for (let i = 0; i < 32; i++) state = improveParameters(encoding, rows, [targets], state, i % STEPS_PER_SEARCH, 0.003)
  const missed = (parameters: KernelParameters): number => {
    const process = new GaussianProcess(encoding, parameters)
    for (const row of rows) process.add(row)
    const fit = process.fit(targets)
    const misses = probes.map((genome) => Math.abs(process.mean(fit, encoding.encode(genome)) - response(genome)))
    return misses.reduce((sum, miss) => sum + miss, 0) / misses.length
  }
  const found = parametersOf(state)
  t.true(found.smoothDecay >= 10 && found.smooth > 0, JSON.stringify(found))
  t.true(missed(found) < 0.5 * missed(stuck), `${missed(found)} against ${missed(stuck)}`)
})

test('where no choices are in order the smooth part changes nothing', (t) => {
  for (const operations of [genesOf('categorical', 5, 4), genesOf('ordinal', 5, 2)]) {
    const encoding = createEncoding(operations, undefined)
    t.false(encoding.hasOrdinal)
    const random = randomStream(4)
    const rows = Array.from({ length: 20 }, () => encoding.encode(operations.sample(random)))
    const [one, other] = [{}, { smooth: 10, smoothDecay: 3, bend: 0.25 }].map((changed) => {
      const process = new GaussianProcess(encoding, { ...INITIAL_PARAMETERS, ...changed })
      for (const row of rows) process.add(row)
      return process.fit(Float64Array.from(rows, ({ codes }) => codes[0]!))
    })
    t.deepEqual(one, other)
    const state = initialParameters(INITIAL_PARAMETERS, initialLatents(encoding.groups))
    const turns = new Set<number>()
    let moved = state
    for (let i = 0; i < 12; i++) {
      moved = improveParameters(encoding, rows, [Float64Array.from(rows, (_, k) => k % 3)], moved, 0, 0.0003)
      turns.add(moved.turn)
    }
    t.deepEqual(moved.positions.slice(-3), state.positions.slice(-3))
    t.is(turns.size, 4, 'the parameters in use take turns: main, count, decay and noise')
  }
})

test('a state from before there was a smooth part goes on without one', async (t) => {
  const frugal = await loadAlgorithm('frugal')
  const algorithm = frugal.create(toyConfig(), randomStream(5))
  for (let i = 0; i < 20; i++) algorithm.tell(toyResult(algorithm.ask(), i))
  const state = JSON.parse(JSON.stringify(algorithm.state()), (key, value) =>
    key === 'positions' ? (value as number[]).slice(0, 6) : value,
  )
  const restored = frugal.restore(toyConfig(), state)
  const { errorModel } = restored.state() as { errorModel: { serving: { positions: number[] } } }
  t.is(parametersOf(errorModel.serving).smooth, 0)
  t.is(restored.ask().length, toyConfig().operations.genes.length)
})
