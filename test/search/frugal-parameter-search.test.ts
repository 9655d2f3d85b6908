import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Genome } from '../../search/algorithm.ts'
import { initialLatents } from '../../search/algorithms/frugal/choice-groups.ts'
import { createEncoding } from '../../search/algorithms/frugal/encoding.ts'
import { GaussianProcess } from '../../search/algorithms/frugal/gaussian-process.ts'
import {
  INITIAL_PARAMETERS,
  type KernelParameters,
  PARAMETER_GRIDS,
  SMOOTH_STARTS,
} from '../../search/algorithms/frugal/kernel.ts'
import {
  arePositions,
  completePositions,
  improveParameters,
  initialParameters,
  isParameterState,
  type ParameterState,
  parametersOf,
  pointsJudged,
} from '../../search/algorithms/frugal/parameter-search.ts'
import { geneOperations } from '../../search/genes.ts'

const operations = geneOperations(
  ['a', 'b'].map((name) => ({ name, kind: 'ordinal' as const, choices: Array.from({ length: 100 }, (_, k) => k) })),
)
const encoding = createEncoding(operations, undefined)
const random = randomStream(8)
const GENOMES = Array.from({ length: 50 }, () => operations.sample(random))
const ROWS = GENOMES.map((genome) => encoding.encode(genome))
const NAMES = Object.keys(PARAMETER_GRIDS) as (keyof KernelParameters)[]
/** Costs do not exist here; the others take turns. */
const TURNS: readonly (keyof KernelParameters)[] = NAMES.filter((name) => name !== 'cost' && name !== 'costScale')

const stateOf = (parameters: KernelParameters, name: keyof KernelParameters): ParameterState => ({
  ...initialParameters(parameters, initialLatents(encoding.groups)),
  turn: TURNS.indexOf(name),
})

/** Log likelihoods of parameters, from a process of their own. */
const judgeOf = (response: (genome: Genome) => number) => {
  const targets = Float64Array.from(GENOMES, response)
  return {
    targets,
    judge: (parameters: KernelParameters): number => {
      const process = new GaussianProcess(encoding, parameters)
      for (const row of ROWS) process.add(row)
      return process.fit(targets).logLikelihood
    },
  }
}
const wavesOf = (ofA: number, ofB: number) => judgeOf(([a, b]) => Math.sin(a! / ofA) + Math.cos(b! / ofB))
const waves = wavesOf(8, 9)
const slope = judgeOf(([a, b]) => a! + Math.sqrt(b!))

const moved = (state: ParameterState, { targets }: typeof waves, leastNoise = 0.0003): ParameterState =>
  improveParameters(encoding, ROWS, [targets], state, 0, leastNoise)

test('a parameter goes uphill from value to value until the next one is no likelier, and the next has its turn', (t) => {
  const starts = [INITIAL_PARAMETERS, { ...INITIAL_PARAMETERS, noise: 0.1, smooth: 0.3, decay: 3.3, smoothDecay: 0.03 }]
  let changed = 0
  for (const response of [waves, slope]) {
    for (const start of starts) {
      for (const name of TURNS.filter((each) => each !== 'bend')) {
        const after = moved(stateOf(start, name), response)
        t.is(after.turn, TURNS.indexOf(name) + 1)
        const found = parametersOf(after)
        t.deepEqual({ ...found, [name]: start[name] }, start, 'no other parameter moves')
        const grid = PARAMETER_GRIDS[name]
        const [from, to] = [start, found].map((parameters) => grid.indexOf(parameters[name]))
        const at = (place: number) => response.judge({ ...start, [name]: grid[place]! })
        const way = Math.sign(to! - from!)
        for (let place = from!; place !== to!; place += way)
          t.true(at(place + way) > at(place), `${name} ${grid[place]}`)
        changed += Math.abs(way)
        // At its end no neighbour is likelier, but the way that it came.
        for (const next of [to! - 1, to! + 1]) {
          const isFar = name === 'smoothDecay' && grid[next]! > 10
          if (next !== to! - way && grid[next] !== undefined && !isFar)
            t.true(at(next) <= at(to!), `${name} ${grid[next]}`)
        }
      }
    }
  }
  t.true(changed > 8)
  t.is(moved(stateOf(INITIAL_PARAMETERS, 'bend'), slope).turn, 0)
})

test('no noise below the least one is tried', (t) => {
  const start = { ...INITIAL_PARAMETERS, noise: 0.03 }
  t.true(slope.judge({ ...start, noise: 0.001 }) > slope.judge({ ...start, noise: 0.003 }))
  t.true(parametersOf(moved(stateOf(start, 'noise'), slope)).noise <= 0.001)
  t.is(parametersOf(moved(stateOf(start, 'noise'), slope, 0.003)).noise, 0.003)
})

test('single moves go no further than a decay of 10, but one that is beyond goes on', (t) => {
  const start = { ...SMOOTH_STARTS[2]!, cost: 1, costScale: 1 }
  t.is(start.smoothDecay, 10)
  const short = wavesOf(4.5, 5)
  t.true(short.judge({ ...start, smoothDecay: 30 }) > short.judge(start))
  t.is(parametersOf(moved(stateOf(start, 'smoothDecay'), short)).smoothDecay, 10)
  const shorter = wavesOf(3, 3.5)
  const beyond = { ...start, smoothDecay: 30 }
  t.true(shorter.judge({ ...start, smoothDecay: 100 }) > shorter.judge(beyond))
  t.is(parametersOf(moved(stateOf(beyond, 'smoothDecay'), shorter)).smoothDecay, 100)
})

test('at the turn of the last parameter all begin anew where the likeliest start gains more than 4', (t) => {
  const stuck = { ...INITIAL_PARAMETERS, smooth: 0, smoothDecay: 0.3 }
  const cases = [
    [waves, stuck],
    [wavesOf(20, 21), stuck],
    // The last parameter's own way goes on from there, not from before.
    [wavesOf(25, 26), { ...SMOOTH_STARTS[0]!, smooth: 3 }],
  ] as const
  for (const [response, before] of cases) {
    const likeliest = SMOOTH_STARTS.toSorted((a, b) => response.judge(b) - response.judge(a))[0]!
    t.true(response.judge(likeliest) > response.judge(before) + 4)
    const anew = parametersOf(moved(stateOf(before, 'bend'), response))
    t.deepEqual({ ...anew, bend: 1 }, likeliest)
    t.true(response.judge(anew) >= response.judge(likeliest))
  }
  // Other parameters' turns leave all others as they are.
  t.is(parametersOf(moved(stateOf(stuck, 'main'), waves)).smooth, 0)
})

test('starts that gain no more than 4 are left', (t) => {
  const near = { ...SMOOTH_STARTS[1]!, cost: 1, main: 0.3 }
  const gains = SMOOTH_STARTS.map((start) => waves.judge(start) - waves.judge(near))
  t.true(Math.max(...gains) > 0 && Math.max(...gains) <= 4, `${gains}`)
  t.is(parametersOf(moved(stateOf(near, 'bend'), waves)).cost, 1)
})

test('a state is one whose positions lie in the grids; older ones lack the smooth part', (t) => {
  const { positions } = initialParameters(INITIAL_PARAMETERS, [])
  t.deepEqual(parametersOf({ positions }), INITIAL_PARAMETERS)
  t.true(arePositions(positions))
  t.false(arePositions(positions.slice(1)))
  t.false(arePositions([...positions, 0]))
  t.false(arePositions(positions.with(0, 4)))
  t.false(arePositions(positions.with(8, -1)))
  t.true(isParameterState({ positions, turn: 8 }))
  t.false(isParameterState({ positions, turn: 9 }))
  const older = parametersOf({ positions: completePositions(positions.slice(0, 6)) })
  t.deepEqual(older, { ...INITIAL_PARAMETERS, smooth: 0, smoothDecay: 1, bend: 1 })
  t.is(completePositions(positions), positions)
  t.deepEqual([5, 128, 129].map(pointsJudged), [5, 128, 128])
})
