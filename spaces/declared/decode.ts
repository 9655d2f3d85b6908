import { GraphBuilder } from '../../network/build.ts'
import type { ActivationKind, NetworkGraph } from '../../network/types.ts'
import { type AlongAxes, alongAxes } from '../axes.ts'
import { type BlockPlan, block, convUnit, mixtureBlock } from '../blocks.ts'
import type { Genome } from '../genome.ts'
import type { Task } from '../space.ts'
import type { DeclaredGenes, DeclaredStage, Member } from './genes.ts'
import type { DeclaredBlock, MemberName } from './schema.ts'

type Choice = string | number | boolean

/** Decodes genomes of one declared space: stages in order, then global average pooling and a dense layer. */
export function declaredDecoder({
  genes,
  resolution,
  stages,
}: DeclaredGenes): (genome: Genome, task: Task) => NetworkGraph {
  const position = new Map(genes.map(({ name }, i) => [name, i]))

  return (genome, task) => {
    const read = (member: Member): Choice =>
      'value' in member
        ? member.value
        : genes[position.get(member.gene)!]!.choices[genome[position.get(member.gene)!]!]!
    const active = (name: string): boolean => {
      const { activeWhen } = genes[position.get(name)!]!
      return activeWhen === undefined || holds(activeWhen)
    }
    const holds = (condition: NonNullable<DeclaredStage['when']>): boolean =>
      condition.choices.includes(genome[position.get(condition.gene)!]!) && active(condition.gene)

    const g = new GraphBuilder()
    const along = alongAxes(task)
    let x = g.input(scaledInput(task, read(resolution) as number))
    for (const { members, when } of stages) {
      if (when !== undefined && !holds(when)) continue
      const value = (name: MemberName): Choice => read(members[name])
      const depth = value('depth') as number
      for (let i = 0; i < depth; i++) x = addBlock(g, x, value, along, i === 0, i === depth - 1)
    }
    return g.build(g.dense(g.globalAveragePool(x), task.classCount))
  }
}

function scaledInput(task: Task, share: number): readonly [number, number, number] {
  const [height, width, channels] = task.inputShape as readonly [number, number, number]
  const scaled = (length: number) => Math.max(1, Math.round(length * share))
  return [scaled(height), scaled(width), channels]
}

function addBlock(
  g: GraphBuilder,
  x: string,
  value: (name: MemberName) => Choice,
  along: AlongAxes,
  first: boolean,
  last: boolean,
): string {
  const kind = value('block') as DeclaredBlock
  const kernel = along(value('kernel') as number)
  const stride = along(first ? (value('stride') as number) : 1)
  const activation = value('activation') as ActivationKind
  const width = value('width') as number
  if (kind === 'maxPool') return g.maxPool(x, { kernel, stride })
  if (kind === 'conv') return convUnit(g, x, width, { kernel, stride }, activation)
  const plan: BlockPlan = {
    kind,
    kernel,
    stride,
    expansion: kind === 'depthwiseSeparable' ? 1 : (value('expansion') as number),
    width,
    squeezeRatio: value('squeezeRatio') as number,
    activation,
  }
  const experts = value('experts') as number
  if (!last || experts === 1) return block(g, x, plan)
  return mixtureBlock(g, x, plan, {
    experts,
    topK: value('topK') as number,
    sharedExpert: value('sharedExpert') as boolean,
  })
}
