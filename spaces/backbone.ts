import { GraphBuilder } from '../network/build.ts'
import type { ActivationKind, NetworkGraph, Shape } from '../network/types.ts'
import { alongAxes } from './axes.ts'
import { type BlockKind, type BlockPlan, block, convUnit, type MixturePlan, mixtureBlock } from './blocks.ts'
import { categorical, type GenomeReader, ordinal } from './choices.ts'
import type { GeneDescription } from './genome.ts'
import type { Task } from './space.ts'

/** Widths that each stage may have; later stages are wider. */
const STAGE_WIDTHS: readonly (readonly number[])[] = [
  [8, 16, 24],
  [16, 24, 32],
  [24, 32, 48, 64],
  [32, 48, 64, 96, 128],
]
/** Fused blocks pay off on few channels only (EfficientNetV2, section 3.3): the later stages do without. */
const FUSED_STAGES = 2
/** Names of a stage's genes; put together once, since a search decodes thousands of genomes. */
const STAGES = STAGE_WIDTHS.map((_, index) => {
  const name = `stage${index + 1}`
  return {
    name,
    depth: `${name}.depth`,
    kind: `${name}.kind`,
    kernel: `${name}.kernel`,
    expansion: `${name}.expansion`,
    width: `${name}.width`,
    squeezeRatio: `${name}.squeezeRatio`,
  }
})
const BLOCK_KINDS: readonly BlockKind[] = ['depthwiseSeparable', 'invertedBottleneck', 'fused']

/** Strides of the stem and the four stages, from little to much down-sampling. */
const STRIDE_PLANS: readonly string[] = [
  '1-1-2-2-1',
  '1-2-2-1-1',
  '2-1-2-1-1',
  '2-2-1-1-1',
  '1-1-2-2-2',
  '1-2-2-2-1',
  '2-1-2-2-1',
  '2-2-2-1-1',
  '2-1-2-2-2',
  '2-2-2-2-1',
  '2-2-2-1-2',
  '2-2-2-2-2',
] // prettier-ignore
/** Least and greatest side of the last feature map, so that it is neither a point nor needlessly large. */
const LAST_MAP = { least: 2, greatest: 13 }
/** Longest side that the first stage may hand on: full-size maps cost most and give least. */
const FIRST_STAGE_SIDE = 24
/** Of samples with one axis: as many positions as such squares have. */
const LAST_SERIES = { least: LAST_MAP.least, greatest: LAST_MAP.greatest ** 2 }
const FIRST_STAGE_SERIES = FIRST_STAGE_SIDE ** 2

const stridesOf = (plan: string): readonly number[] => plan.split('-').map(Number)
/** Taken apart once, since a search decodes thousands of genomes. */
const KNOWN_STRIDES: ReadonlyMap<string, readonly number[]> = new Map(
  STRIDE_PLANS.map((plan) => [plan, stridesOf(plan)]),
)

const downSampled = (length: number, plan: string): number =>
  stridesOf(plan).reduce((size, stride) => Math.ceil(size / stride), length)

/** Plans whose last map is of a sensible size; for inputs of odd sizes, the one that comes nearest. */
function stridePlans(task: Task): readonly string[] {
  const sides = task.inputShape.slice(0, 2).filter((length) => length > 1)
  if (sides.length === 0) return ['1-1-1-1-1']
  const [last, first] = sides.length === 1 ? [LAST_SERIES, FIRST_STAGE_SERIES] : ([LAST_MAP, FIRST_STAGE_SIDE] as const)
  const [shortest, longest] = [Math.min(...sides), Math.max(...sides)]
  const fits = STRIDE_PLANS.filter(
    (plan) =>
      downSampled(longest, plan.slice(0, 3)) <= first &&
      downSampled(shortest, plan) >= last.least &&
      downSampled(longest, plan) <= last.greatest,
  )
  if (fits.length > 0) return fits
  return longest > last.greatest ? [STRIDE_PLANS.at(-1)!] : ['1-1-1-1-1']
}

/** Input sides as shares of the task's. Spectrograms and small images are never resized: each pixel counts there. */
function resolutions(task: Task): readonly number[] {
  const [height, width] = [task.inputShape[0]!, task.inputShape[1]!]
  if (height !== width || height < 24) return [1]
  return height >= 64 ? [0.5, 0.75, 1] : [0.75, 1]
}

function inputShape(task: Task, resolution: number): Shape {
  const scaled = (length: number) =>
    resolution === 1 ? length : Math.max(4, Math.round((length * resolution) / 4) * 4)
  return [scaled(task.inputShape[0]!), scaled(task.inputShape[1]!), task.inputShape[2]!]
}

/** Kernels of rows of features have one tap only. */
const kernels = ({ inputShape: [height, width] }: Task): readonly number[] =>
  height === 1 && width === 1 ? [1] : [3, 5, 7]

/** The genes every MobileNet-style network has. `stageGenes` adds to each stage; its names start with the stage's. */
export function backboneGenes(
  task: Task,
  stageGenes: (stage: string) => readonly GeneDescription[],
): readonly GeneDescription[] {
  const genes = [
    ordinal('input.resolution', resolutions(task)),
    ordinal('input.stridePlan', stridePlans(task)),
    ordinal('input.stemFilters', [8, 16, 24, 32]),
    categorical('input.activation', ['relu', 'relu6', 'hardSwish']),
  ]
  STAGE_WIDTHS.forEach((widths, index) => {
    const stage = `stage${index + 1}`
    const depths = index < 2 ? [1, 2, 3] : [0, 1, 2, 3]
    const kinds = index < FUSED_STAGES ? BLOCK_KINDS : BLOCK_KINDS.filter((kind) => kind !== 'fused')
    const whenKind = (wanted: (kind: BlockKind) => boolean) => ({
      gene: `${stage}.kind`,
      choices: kinds.flatMap((kind, choice) => (wanted(kind) ? [choice] : [])),
    })
    const present = index < 2 ? undefined : { gene: `${stage}.depth`, choices: [1, 2, 3] }
    genes.push(
      ordinal(`${stage}.depth`, depths),
      categorical(`${stage}.kind`, kinds, present),
      ordinal(
        `${stage}.kernel`,
        kernels(task),
        whenKind((kind) => kind !== 'fused'),
      ),
      ordinal(
        `${stage}.expansion`,
        [1, 2, 3, 4, 6],
        whenKind((kind) => kind !== 'depthwiseSeparable'),
      ),
      ordinal(`${stage}.width`, widths, present),
      ordinal(`${stage}.squeezeRatio`, [0, 0.25], present),
      ...stageGenes(stage),
    )
  })
  return [...genes, ordinal('head.filters', [0, 64, 128, 256])]
}

/** The network of a genome. `mixtureOf` says which stages end in a mixture of experts. */
export function decodeBackbone(
  genome: GenomeReader,
  task: Task,
  mixtureOf: (stage: string) => MixturePlan | undefined,
): NetworkGraph {
  const g = new GraphBuilder()
  const along = alongAxes(task)
  const stridePlan = genome.text('input.stridePlan')
  const strides = KNOWN_STRIDES.get(stridePlan) ?? stridesOf(stridePlan)
  const activation = genome.text('input.activation') as ActivationKind
  let x = g.input(inputShape(task, genome.number('input.resolution')))
  x = convUnit(g, x, genome.number('input.stemFilters'), { kernel: along(3), stride: along(strides[0]!) }, activation)
  STAGES.forEach((stage, index) => {
    const depth = genome.number(stage.depth)
    const kind = genome.text(stage.kind) as BlockKind
    // Fused blocks are 3×3 as in EfficientNetV2: their cost grows with the square of the kernel on all channels.
    const kernel = along(kind === 'fused' ? 3 : genome.number(stage.kernel))
    const expansion = kind === 'depthwiseSeparable' ? 1 : genome.number(stage.expansion)
    const width = genome.number(stage.width)
    const squeezeRatio = genome.number(stage.squeezeRatio)
    const mixture = mixtureOf(stage.name)
    for (let i = 0; i < depth; i++) {
      const stride = along(i === 0 ? strides[index + 1]! : 1)
      const plan: BlockPlan = { kind, kernel, stride, expansion, width, squeezeRatio, activation }
      x = mixture !== undefined && i === depth - 1 ? mixtureBlock(g, x, plan, mixture) : block(g, x, plan)
    }
  })
  const headFilters = genome.number('head.filters')
  if (headFilters > 0) x = convUnit(g, x, headFilters, {}, activation)
  return g.build(g.dense(g.globalAveragePool(x), task.classCount))
}
