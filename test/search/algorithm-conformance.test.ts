import { setImmediate as nextTurn } from 'node:timers/promises'
import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Algorithm, AlgorithmDefinition, Genome, Told } from '../../search/algorithm.ts'
import { listAlgorithms, loadAlgorithm } from '../../search/discover.ts'
import { checkGenome } from '../../search/genes.ts'
import { TOY_GENES, type ToyOptions, toyConfig, toyHypervolume, toyResult } from './toy-problem.ts'

const definitions = await Promise.all(listAlgorithms().map(({ id }) => loadAlgorithm(id)))

/** Runs until `count` feasible results, keeping `ahead` asks open, and returns all results in order. */
function run(algorithm: Algorithm, count: number, options: ToyOptions = {}, ahead = 1): Told[] {
  const open: Genome[] = []
  const results: Told[] = []
  let measured = 0
  while (measured < count) {
    while (open.length < ahead) open.push(algorithm.ask())
    const result = toyResult(open.shift()!, results.length, options)
    algorithm.tell(result)
    results.push(result)
    if (result.fronts.some(({ objectives }) => objectives !== undefined)) measured++
    if (results.length > 200 * count) throw new Error(`only ${measured} feasible genomes in ${results.length}`)
  }
  return results
}

// Each test keeps the thread busy; in between its result is handed on, so that a slow machine is not taken for a dead one.
test.beforeEach(() => nextTurn())

const SEEDS = [11, 12, 13, 14, 15, 16]
const yardstick = definitions.find(({ id }) => id === 'random')!

/** By how many standard errors the mean of `a` lies above that of `b` (Welch). */
function meanAdvantage(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const squaredError = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1) / values.length
  return (mean(a) - mean(b)) / Math.sqrt(squaredError(a) + squaredError(b))
}

const create = (definition: AlgorithmDefinition, seed: number, options: ToyOptions = {}) =>
  definition.create(toyConfig(options), randomStream(seed, 'search'))
const genomesOf = (results: readonly Told[]) => results.map(({ genome }) => genome.join())
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('the built-in algorithms are found and have titles', (t) => {
  const ids = definitions.map(({ id }) => id)
  t.deepEqual(
    ids,
    listAlgorithms().map(({ id }) => id),
    'the id is the file name',
  )
  for (const id of ['aging', 'frugal', 'local', 'nsga2', 'random']) t.true(ids.includes(id))
  for (const { title } of definitions) t.regex(title, /^[^\n]{10,100}$/)
})

for (const definition of definitions) {
  const { id } = definition

  test.serial(`${id}: same seed, same genomes; another seed, others; all valid, canonical and not repeated`, (t) => {
    const results = run(create(definition, 1), 120)
    const first = genomesOf(results).slice(0, 60)
    t.deepEqual(genomesOf(run(create(definition, 1), 60)), first)
    t.notDeepEqual(genomesOf(run(create(definition, 2), 60)), first)
    for (const { genome } of results) t.deepEqual(checkGenome(TOY_GENES, [...genome]), [...genome])
    t.is(new Set(genomesOf(results)).size, results.length)
  })

  for (const [name, options] of Object.entries<ToyOptions>({
    'one front': {},
    'two fronts of three objectives with limits and failures': {
      frontCount: 2,
      objectiveCount: 3,
      mostCost: 0.45,
      failEvery: 7,
    },
    'two fronts with known costs, limits and failures': {
      frontCount: 2,
      mostCost: 0.45,
      failEvery: 7,
      costsKnown: true,
    },
  })) {
    test.serial(`${id}: a copy restored from JSON with asks in flight continues identically (${name})`, (t) => {
      const config = toyConfig(options)
      const original = create(definition, 4, options)
      // Copies are made of a new search, of one that still samples, and later on.
      for (const further of [0, 3, 0, 0, 20]) {
        run(original, further, options, 3)
        const open = [original.ask(), original.ask(), original.ask()]
        const state = json(original.state())
        const copy = definition.restore(config, state)
        t.deepEqual(json(copy.state()), state, 'restoring loses nothing')
        const follow = (algorithm: Algorithm) => {
          for (const genome of open) algorithm.tell(toyResult(genome, 0, options))
          const results = run(algorithm, 12, options, 4)
          return { genomes: genomesOf(results), state: json(algorithm.state()) }
        }
        t.deepEqual(follow(copy), follow(original))
      }
    })
  }

  test.serial(`${id}: many asks before the first tell, and a state before the first ask`, (t) => {
    const algorithm = definition.restore(toyConfig(), json(create(definition, 5).state()))
    const open = Array.from({ length: 50 }, () => algorithm.ask())
    t.is(new Set(open.map((genome) => genome.join())).size, 50)
    for (const genome of open) algorithm.tell(toyResult(genome, 0))
    t.is(run(algorithm, 30, {}, 8).length, 30)
  })

  test.serial(`${id}: asks that are never told, as those of networks known already, are forgotten`, (t) => {
    const algorithm = create(definition, 10)
    for (let i = 0; i < 300; i++) {
      const genome = algorithm.ask()
      if (i % 10 === 0) algorithm.tell(toyResult(genome, i))
    }
    const { open } = json(algorithm.state()) as { open?: unknown[] }
    t.true((open?.length ?? 0) < 20)
  })

  test.serial(`${id}: survives when everything fails or is infeasible, then when all goes well`, (t) => {
    const algorithm = create(definition, 6)
    for (let i = 0; i < 60; i++) algorithm.tell(toyResult(algorithm.ask(), 0, { failEvery: 1 }))
    for (let i = 0; i < 60; i++) algorithm.tell(toyResult(algorithm.ask(), 0, { mostCost: 1e-6 }))
    const restored = definition.restore(toyConfig(), json(algorithm.state()))
    t.is(run(restored, 30).length, 30)
  })

  test.serial(`${id}: objectives that are all equal, and a space that runs out`, (t) => {
    const algorithm = create(definition, 7)
    for (let i = 0; i < 80; i++) {
      algorithm.tell({ genome: algorithm.ask(), fronts: [{ objectives: [0.5, 0.5], violation: 0 }] })
    }
    const { operations } = toyConfig()
    const tiny = definition.create(
      {
        ...toyConfig(),
        operations: { ...operations, sample: () => TOY_GENES.map(() => 0), mutate: (genome) => genome },
      },
      randomStream(7),
    )
    for (let i = 0; i < 40; i++) {
      const genome = tiny.ask()
      t.is(genome.length, TOY_GENES.length)
      tiny.tell(toyResult(genome, i))
    }
  })

  test.serial(`${id}: the state stays small over thousands of results, most of them infeasible`, (t) => {
    const algorithm = create(definition, 8)
    for (let i = 0; i < 3000; i++) {
      algorithm.tell(toyResult(algorithm.ask(), i, i % 150 === 0 ? {} : { mostCost: 1e-6 }))
    }
    t.true(JSON.stringify(algorithm.state()).length < 200_000)
  })

  test.serial(`${id}: told the same again, nothing changes; told a failure, it goes on without the genome`, (t) => {
    for (const options of [{}, { frontCount: 2, mostCost: 0.45 }]) {
      const algorithm = create(definition, 14, options)
      for (let i = 0; i < 60; i++) {
        const result = toyResult(algorithm.ask(), i, options)
        algorithm.tell(result)
        const state = json(algorithm.state())
        if (result.fronts.some(({ objectives }) => objectives !== undefined)) algorithm.tell(result)
        t.deepEqual(json(algorithm.state()), state)
        if (i % 3 === 0) algorithm.tell(toyResult(result.genome, 0, { ...options, failEvery: 1 }))
        const restored = definition.restore(toyConfig(options), json(algorithm.state()))
        t.deepEqual(json(restored.state()), json(algorithm.state()))
      }
      t.is(run(algorithm, 20, options, 3).length > 0, true)
    }
  })

  test.serial(`${id}: a state that is not its own is refused`, (t) => {
    const config = toyConfig()
    const state = json(create(definition, 9).state()) as Record<string, unknown>
    for (const bad of [null, 'x', [], {}, { ...state, random: [1] }, { ...state, unknown: 1 }]) {
      t.throws(() => definition.restore(config, bad), { name: 'UserError', message: new RegExp(`algorithm '${id}'`) })
    }
  })

  if (id === 'random') continue

  test.serial(`${id}: beats random sampling`, (t) => {
    const volumes = (searched: AlgorithmDefinition) =>
      SEEDS.map((seed) => toyHypervolume(run(create(searched, seed), 150, {}, 2)))
    t.true(meanAdvantage(volumes(definition), volumes(yardstick)) > 2.5)
  })

  test.serial(`${id}: of two results of a genome the later one counts`, (t) => {
    /** Accuracy of what is proposed in the end; errors are told upside down first, then, if at all, as they are. */
    const accuracies = (corrected: boolean) =>
      SEEDS.map((seed) => {
        const algorithm = create(definition, seed)
        let errors = 0
        for (let i = 0; i < 60; i++) {
          const result = toyResult(algorithm.ask(), i)
          const [error, cost] = result.fronts[0]!.objectives!
          algorithm.tell({ ...result, fronts: [{ objectives: [1 - error!, cost!], violation: 0 }] })
          if (corrected) algorithm.tell(result)
          if (i >= 30) errors += error!
        }
        return 1 - errors / 30
      })
    t.true(meanAdvantage(accuracies(true), accuracies(false)) > 2.5)
  })

  test.serial(`${id}: serves two fronts at once and gets past limits that most genomes break`, (t) => {
    const options: ToyOptions = { frontCount: 2, mostCost: 0.4, costsKnown: true }
    // Limits make results vary more, so more of them are needed to tell.
    const runs = (searched: AlgorithmDefinition) =>
      [...SEEDS, 17, 18].map((seed) => run(create(searched, seed, options), 150, options))
    const [better, base] = [runs(definition), runs(yardstick)]
    for (const front of [0, 1]) {
      const volumes = (all: readonly Told[][]) => all.map((results) => toyHypervolume(results, front))
      t.true(meanAdvantage(volumes(better), volumes(base)) > 2.5)
    }
  })
}
