/**
 * A search space of one's own in code: small residual networks.
 *
 *   npx frugal spaces show ./examples/residual.space.ts --input 32x32x3
 *   npx frugal search --space ./examples/residual.space.ts --trials 8
 */
import {
  type ActivationKind,
  categorical,
  convUnit,
  defineSpace,
  GraphBuilder,
  ordinal,
  readGenome,
} from 'frugal-nas/spaces'

const STAGES = ['early', 'middle', 'late']

const genes = [
  ordinal('stem.filters', [8, 16, 24]),
  categorical('stem.activation', ['relu', 'hardSwish']),
  ...STAGES.flatMap((stage) => [
    ordinal(`${stage}.blocks`, stage === 'early' ? [1, 2, 3] : [0, 1, 2, 3]),
    // A stage without blocks has no width: the gene says when it matters.
    ordinal(
      `${stage}.filters`,
      [8, 16, 32, 48],
      stage === 'early' ? undefined : { gene: `${stage}.blocks`, choices: [1, 2, 3] },
    ),
  ]),
]

/** Two 3×3 convolutions beside a shortcut, which is projected where shapes differ (He et al. 2016). */
function residualBlock(
  g: GraphBuilder,
  x: string,
  filters: number,
  stride: number,
  activation: ActivationKind,
): string {
  const hidden = convUnit(g, x, filters, { kernel: 3, stride }, activation)
  const body = convUnit(g, hidden, filters, { kernel: 3 })
  const same = stride === 1 && g.channels(x) === filters
  const shortcut = same ? x : convUnit(g, x, filters, { kernel: 1, stride })
  return g.activation(g.add(body, shortcut), activation)
}

export default defineSpace({
  id: 'residual',
  version: '1',
  title: 'small residual networks',
  description: 'A 3×3 stem and three stages of residual blocks; each stage halves height and width.',
  genes: () => genes,
  decode(genome, task) {
    const read = readGenome(genes, genome)
    const activation = read.text('stem.activation') as ActivationKind
    const g = new GraphBuilder()
    let x = convUnit(g, g.input(task.inputShape), read.number('stem.filters'), { kernel: 3 }, activation)
    for (const stage of STAGES) {
      for (let i = 0; i < read.number(`${stage}.blocks`); i++) {
        x = residualBlock(g, x, read.number(`${stage}.filters`), i === 0 ? 2 : 1, activation)
      }
    }
    return g.build(g.dense(g.globalAveragePool(x), task.classCount))
  },
})
