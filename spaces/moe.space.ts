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

function mixtureOf(genome: GenomeReader, stage: string): MixturePlan | undefined {
  const experts = genome.number(`${stage}.experts`)
  if (experts === 1) return undefined
  return { experts, topK: genome.number(`${stage}.topK`), sharedExpert: genome.flag(`${stage}.sharedExpert`) }
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
