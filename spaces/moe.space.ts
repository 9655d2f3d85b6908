import { backboneGenes, decodeBackbone } from './backbone.ts'
import type { MixturePlan } from './blocks.ts'
import { categorical, type GenomeReader, ordinal, perTask, readGenome } from './choices.ts'
import { defineSpace } from './space.ts'

const EXPERTS = [1, 2, 4, 6, 8]
const MIXED = EXPERTS.map((_, index) => index).filter((index) => EXPERTS[index]! > 1)

const genesOf = perTask((task) =>
  backboneGenes(task, (stage) => {
    const mixed = { gene: `${stage}.experts`, choices: MIXED }
    const present =
      stage === 'stage1' || stage === 'stage2' ? undefined : { gene: `${stage}.depth`, choices: [1, 2, 3] }
    return [
      ordinal(`${stage}.experts`, EXPERTS, present),
      ordinal(`${stage}.topK`, [1, 2], mixed),
      categorical(`${stage}.sharedExpert`, [false, true], mixed),
    ]
  }),
)

interface MixtureGenes {
  readonly experts: string
  readonly topK: string
  readonly sharedExpert: string
}

const knownNames = new Map<string, MixtureGenes>()

/** Names of the genes that a stage has besides; put together once, since a search decodes thousands of genomes. */
function namesOf(stage: string): MixtureGenes {
  let names = knownNames.get(stage)
  if (names === undefined) {
    names = { experts: `${stage}.experts`, topK: `${stage}.topK`, sharedExpert: `${stage}.sharedExpert` }
    knownNames.set(stage, names)
  }
  return names
}

function mixtureOf(genome: GenomeReader, stage: string): MixturePlan | undefined {
  const names = namesOf(stage)
  const experts = genome.number(names.experts)
  if (experts === 1) return undefined
  return { experts, topK: genome.number(names.topK), sharedExpert: genome.flag(names.sharedExpert) }
}

export default defineSpace({
  id: 'moe',
  version: '1',
  title: 'the same backbone where a stage may end in a mixture of 2–8 routed experts',
  description:
    'Every gene of the mobilenet space; besides, the last block of a stage may be a mixture of experts: a learned router ' +
    '(global pooling, dense, softmax) runs one or two of 2–8 experts per sample, optionally beside an expert that always ' +
    'runs. Latency and energy count what runs, flash counts every expert.',
  genes: genesOf,
  decode: (genome, task) => {
    const reader = readGenome(genesOf(task), genome)
    return decodeBackbone(reader, task, (stage) => mixtureOf(reader, stage))
  },
})
