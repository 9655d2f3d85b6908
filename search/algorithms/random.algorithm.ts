import { z } from 'zod'
import { type RandomStream, randomStreamFromState } from '../../lib/random.ts'
import { type Algorithm, type AlgorithmConfig, defineAlgorithm } from '../algorithm.ts'
import { GenomeMemory } from './genome-memory.ts'
import { unseenSample } from './proposals.ts'
import { parseState, randomStateSchema } from './state.ts'

const stateSchema = z.strictObject({ random: randomStateSchema, seen: z.array(z.int().min(0)) })

function randomSearch({ operations }: AlgorithmConfig, random: RandomStream, memory: GenomeMemory): Algorithm {
  return {
    ask: () => {
      const genome = unseenSample(operations, memory, random)
      memory.add(genome)
      return genome
    },
    tell: () => {},
    state: () => ({ random: random.state(), seen: memory.state() }),
  }
}

export default defineAlgorithm({
  id: 'random',
  title: 'uniform random sampling without repetition: the yardstick',
  create: (config, random) => randomSearch(config, random, new GenomeMemory()),
  restore: (config, state) => {
    const { random, seen } = parseState('random', stateSchema, state)
    return randomSearch(config, randomStreamFromState(random), new GenomeMemory(seen))
  },
})
