import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { FrontResult, GenomeOperations, Told } from '../../search/algorithm.ts'
import { Asks } from '../../search/algorithms/asks.ts'
import { GenomeMemory } from '../../search/algorithms/genome-memory.ts'
import { OpenAsks } from '../../search/algorithms/open-asks.ts'
import { withResult } from '../../search/algorithms/population.ts'
import { unseenSample, unseenVariant } from '../../search/algorithms/proposals.ts'
import { checkTold, isFailed, isFeasible } from '../../search/algorithms/state.ts'
import { toyConfig } from './toy-problem.ts'

const OK: FrontResult = { objectives: [1, 2], violation: 0 }
const BROKEN: FrontResult = { objectives: undefined, violation: 0.5 }
const FAILED: FrontResult = { objectives: undefined, violation: Number.POSITIVE_INFINITY }
const told = (genome: number, ...fronts: readonly FrontResult[]): Told => ({ genome: [genome], fronts })

test('feasible is measured on a device or more; failed is nothing known of any', (t) => {
  t.deepEqual([[OK], [BROKEN], [FAILED], [OK, FAILED], [BROKEN, FAILED]].map(isFeasible), [
    true,
    false,
    false,
    true,
    false,
  ])
  t.deepEqual([[OK], [BROKEN], [FAILED], [OK, FAILED], [BROKEN, FAILED], [FAILED, FAILED]].map(isFailed), [
    false,
    false,
    true,
    false,
    false,
    true,
  ])
  t.true(isFailed([{ objectives: undefined, violation: 0 }]))
  t.false(isFeasible([{ objectives: [1, 2], violation: 0.1 }]))
})

test('a result closes the asks before its own; an infeasible one, which is told at once, only its own', (t) => {
  const after = (result: Told) => {
    const open = new OpenAsks([[1], [2], [3], [4]])
    open.close(result)
    return open.genomes.flat()
  }
  t.deepEqual(after(told(3, OK)), [4])
  t.deepEqual(after(told(3, FAILED)), [4])
  t.deepEqual(after(told(3, BROKEN)), [1, 2, 4])
  t.deepEqual(after(told(1, OK)), [2, 3, 4])
  t.deepEqual(after(told(9, OK)), [1, 2, 3, 4])
})

test('of more than 256 open asks the oldest is forgotten', (t) => {
  const open = new OpenAsks()
  for (let i = 0; i < 256; i++) open.add([i])
  t.is(open.genomes.length, 256)
  open.add([256])
  t.deepEqual([open.genomes.length, ...open.genomes[0]!], [256, 1])
})

test('samples are due until enough are feasible or under way, ten times as many at most', (t) => {
  const asks = new Asks()
  t.deepEqual([asks.stillSampling(1, 2), asks.stillSampling(2, 2), asks.stillSampling(0, 0)], [true, false, false])
  asks.add([1])
  t.deepEqual([asks.stillSampling(0, 2), asks.stillSampling(1, 2)], [true, false])
  asks.close(told(1, BROKEN))
  t.true(asks.stillSampling(1, 2))
  for (let i = 2; i <= 20; i++) {
    t.true(asks.stillSampling(0, 2), `${i}`)
    asks.add([i])
    asks.close(told(i, BROKEN))
  }
  t.false(asks.stillSampling(0, 2))
  const copy = new Asks({ ...asks.state() })
  t.deepEqual(copy.state(), asks.state())
  t.false(copy.stillSampling(0, 2))
})

test('the memory forgets the oldest genome beyond what it holds', (t) => {
  const memory = new GenomeMemory([], 3)
  for (const genome of [[1], [2], [3], [1]]) memory.add(genome)
  t.deepEqual(
    [[1], [2], [3], [4]].map((genome) => memory.has(genome)),
    [true, true, true, false],
  )
  memory.add([4])
  t.deepEqual(
    [[1], [2], [3], [4]].map((genome) => memory.has(genome)),
    [false, true, true, true],
  )
  const copy = new GenomeMemory(memory.state(), 3)
  copy.add([5])
  t.deepEqual(
    [[2], [3], [4], [5]].map((genome) => copy.has(genome)),
    [false, true, true, true],
  )
})

test('stored searches know genomes by FNV-1a of their choices and the finisher of MurmurHash3', (t) => {
  const bits = (value: bigint) => BigInt.asUintN(32, value)
  const expected = (genome: readonly number[]) => {
    let hash = genome.reduce((known, choice) => bits((known ^ BigInt(choice)) * 0x01000193n), 0x811c9dc5n)
    hash = bits((hash ^ (hash >> 16n)) * 0x85ebca6bn)
    hash = bits((hash ^ (hash >> 13n)) * 0xc2b2ae35n)
    return Number(hash ^ (hash >> 16n))
  }
  const memory = new GenomeMemory()
  const genomes = [[], [0], [1, 2, 3], [299, 0, 7, 7, 1]]
  for (const genome of genomes) memory.add(genome)
  t.deepEqual(memory.state(), genomes.map(expected))
})

test('short genomes have names of their own', (t) => {
  const memory = new GenomeMemory()
  for (let a = 0; a < 40; a++) for (let b = 0; b < 40; b++) memory.add([a, b])
  t.is(memory.state().length, 1600)
  t.false(memory.has([40, 0]) || memory.has([0]) || memory.has([0, 0, 0]))
})

test('a later result takes the place of the earlier one, and a failure takes it away', (t) => {
  const members = [told(1, OK), told(2, OK), told(3, OK)]
  const better = told(2, { objectives: [0, 0], violation: 0 })
  t.deepEqual(withResult(members, better), [members[0]!, better, members[2]!])
  const first = told(1, { objectives: [0, 0], violation: 0 })
  t.deepEqual(withResult(members, first), [first, members[1]!, members[2]!])
  t.deepEqual(withResult(members, told(2, FAILED)), [members[0]!, members[2]!])
  t.deepEqual(withResult(members, told(4, BROKEN)), [...members, told(4, BROKEN)])
  t.deepEqual(withResult(members, told(4, FAILED)), members)
})

test('proposals are new as long as fifty tries find new ones', (t) => {
  const memory = new GenomeMemory()
  for (let i = 0; i < 100; i++) memory.add([i])
  const random = randomStream(1)
  const counting = (from: number): GenomeOperations & { readonly sampled: () => number } => {
    let next = from
    return {
      genes: [],
      sample: () => [next++],
      mutate: ([genome]) => [genome! + 1],
      crossover: (a) => a,
      sampled: () => next - from,
    }
  }
  t.deepEqual(unseenSample(counting(51), memory, random), [100])
  t.deepEqual(unseenSample(counting(50), memory, random), [99], 'the fiftieth is taken as it is')
  t.deepEqual(unseenVariant([200], counting(300), memory, random), [200], 'a new one stays')
  t.deepEqual(unseenVariant([50], counting(300), memory, random), [100], 'fifty steps')
  const lost = counting(300)
  t.deepEqual(unseenVariant([49], lost, memory, random), [300], 'a walk that does not get out')
  t.is(lost.sampled(), 1)
})

test('results of other searches are told by genes, devices and objectives', (t) => {
  const config = toyConfig({ frontCount: 2 })
  const genome = config.operations.genes.map(() => 0)
  const refused = (result: Told) =>
    t.throws(() => checkTold('x', config, [{ genome, fronts: [OK, BROKEN] }, result]), {
      name: 'UserError',
      message: /genomes of 24 genes with 2 objectives for 2 devices/,
    })
  refused({ genome: genome.slice(1), fronts: [OK, OK] })
  refused({ genome, fronts: [OK] })
  refused({ genome, fronts: [OK, { objectives: [1, 2, 3], violation: 0 }] })
  t.notThrows(() => checkTold('x', config, [{ genome, fronts: [OK, FAILED] }]))
})
