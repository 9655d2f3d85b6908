import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import type { Genome } from '../../search/algorithm.ts'
import { CandidatePool } from '../../search/algorithms/frugal/candidates.ts'
import { GenomeMemory } from '../../search/algorithms/genome-memory.ts'
import { geneOperations } from '../../search/genes.ts'

const sumOf = (genome: Genome): number => genome.reduce((sum, choice) => sum + choice, 0)
const source = { costs: (genome: Genome) => [{ costs: [sumOf(genome)], violation: 0 }] }

/** How many candidates a pool gathers, and by how much climbing raises the largest sum of their choices. */
function climbed(geneCount: number, seed: number) {
  const operations = geneOperations(
    Array.from({ length: geneCount }, (_, i) => ({
      name: `gene${i}`,
      kind: 'ordinal' as const,
      choices: [0, 1, 2, 3],
    })),
  )
  const pool = new CandidatePool(operations, new GenomeMemory(), source, randomStream(seed))
  const most = () => Math.max(...pool.members.map(({ genome }) => sumOf(genome)))
  pool.refresh([new Array<number>(geneCount).fill(0)])
  const before = most()
  pool.climb(({ genome }) => sumOf(genome))
  return { rise: most() - before, size: pool.members.length }
}

test('where there are more genes candidates climb for more rounds, and fewer of them are looked at otherwise', (t) => {
  const seeds = Array.from({ length: 20 }, (_, seed) => seed)
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [few, some, many] = [6, 29, 60].map((genes) => seeds.map((seed) => climbed(genes, seed)))
  const rises = [few!, some!, many!].map((runs) => mean(runs.map(({ rise }) => rise)))
  // One round takes 29 genes up by less than 2.
  t.true(rises[1]! > 3 && rises[2]! > rises[1]!, rises.join(' '))
  for (const { size } of [...few!, ...some!, ...many!]) t.true(size <= 180, `${size}`)
})
