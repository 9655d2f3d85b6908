import type { AlgorithmConfig, FrontResult, Genome, KnownCosts, Told } from '../../search/algorithm.ts'
import { geneOperations } from '../../search/genes.ts'
import { hypervolume } from '../../search/pareto/index.ts'
import type { GeneDescription } from '../../spaces/genome.ts'

/**
 * A made-up search with a known shape: eight layers, each with a kind, a width and, for one kind, a kernel. Wider is
 * better and dearer; neighbouring layers should be of different kinds; width pays off less and less.
 */
const LAYERS = 8
export const TOY_GENES: readonly GeneDescription[] = Array.from({ length: LAYERS }, (_, i) => [
  { name: `l${i}.kind`, kind: 'categorical' as const, choices: ['a', 'b', 'c'] },
  { name: `l${i}.width`, kind: 'ordinal' as const, choices: [1, 2, 3, 4, 5] },
  {
    name: `l${i}.kernel`,
    kind: 'ordinal' as const,
    choices: [3, 5, 7],
    activeWhen: { gene: `l${i}.kind`, choices: [2] },
  },
]).flat()

/** Error and cost, each about 0 to 1; device `front` charges differently for kinds. */
function objectives(genome: Genome, front: number, count: number): number[] {
  let quality = 0
  let cost = 0
  let memory = 0
  for (let i = 0; i < LAYERS; i++) {
    const [kind, width, kernel] = genome.slice(3 * i, 3 * i + 3) as [number, number, number]
    const previous = genome[3 * i - 3]
    quality += Math.sqrt(width + 1) * (previous === kind ? 0.5 : 1) + 0.3 * kernel
    cost += (width + 1) ** 1.5 * (kind === front % 3 ? 1 : 1.6) + kernel * 0.8
    memory = Math.max(memory, (width + 1) * (i + 1))
  }
  return [1 - quality / 24, cost / 140, memory / 40].slice(0, count)
}

export interface ToyOptions {
  readonly frontCount?: number
  readonly objectiveCount?: number
  /** Dearer genomes are infeasible and not measured, as the search loop does it. */
  readonly mostCost?: number
  /** Every n-th told genome fails. */
  readonly failEvery?: number
  /** Whether algorithms may look up costs and violations for free. */
  readonly costsKnown?: boolean
}

export const toyConfig = (options: ToyOptions = {}): AlgorithmConfig => {
  const { frontCount = 1, objectiveCount = 2, costsKnown = false } = options
  return {
    operations: geneOperations(TOY_GENES),
    objectiveCount,
    frontCount,
    populationSize: 20,
    ...(costsKnown ? { cheapObjectives: (genome) => toyCosts(genome, options) } : {}),
  }
}

function toyCosts(genome: Genome, options: ToyOptions): readonly KnownCosts[] {
  const { frontCount = 1, objectiveCount = 2, mostCost = Number.POSITIVE_INFINITY } = options
  return Array.from({ length: frontCount }, (_, front) => {
    const costs = objectives(genome, front, objectiveCount).slice(1)
    return { costs, violation: Math.max(0, costs[0]! / mostCost - 1) }
  })
}

/** The result of a genome as the search loop would tell it; `index` counts the results. */
export function toyResult(genome: Genome, index: number, options: ToyOptions = {}): Told {
  const { objectiveCount = 2, failEvery = 0 } = options
  const failed = failEvery > 0 && index % failEvery === failEvery - 1
  const fronts = toyCosts(genome, options).map(({ violation }, front): FrontResult => {
    if (failed) return { objectives: undefined, violation: Number.POSITIVE_INFINITY }
    return { objectives: violation > 0 ? undefined : objectives(genome, front, objectiveCount), violation }
  })
  return { genome, fronts }
}

/** Volume that the measured results dominate below (1, 1, …) on one front. */
export function toyHypervolume(results: readonly Told[], front = 0, objectiveCount = 2): number {
  const measured = results.flatMap(({ fronts }) => fronts[front]!.objectives ?? [])
  return hypervolume(
    Float64Array.from(measured),
    measured.length / objectiveCount,
    new Array<number>(objectiveCount).fill(1),
  )
}
