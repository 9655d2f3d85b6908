import { UserError } from '../lib/errors.ts'
import type { RandomStream } from '../lib/random.ts'
import type { GeneDescription, Genome, GenomeOperations } from './algorithm.ts'

export interface GeneOperationsOptions {
  /** Mean number of active genes that a mutation selects. Default 1.5. */
  readonly mutatedGenes?: number
  /** Share of the mutations of an ordinal gene that go to a neighbouring choice. Default 0.8. */
  readonly neighbourShare?: number
  /** Probability that the genes of a group (the name before the first '.') stay together in a crossover. Default 0.5. */
  readonly togetherShare?: number
}

interface Condition {
  readonly gene: number
  readonly choices: ReadonlySet<number>
}

/** Genes with their conditions resolved to positions, and an order in which a gene comes after what it depends on. */
interface GenePlan {
  readonly genes: readonly GeneDescription[]
  readonly conditions: readonly (Condition | undefined)[]
  readonly order: readonly number[]
  readonly groups: readonly (readonly number[])[]
}

/**
 * Sampling, mutation and crossover for any list of genes. Genes whose condition is not met hold choice 0, so that equal
 * phenotypes have equal genomes; genes that a mutation or crossover brings to life get a random choice or that of the
 * parent that has them.
 * @throws UserError for genes without choices, doubled names, and conditions on unknown genes or in a circle.
 */
export function geneOperations(
  genes: readonly GeneDescription[],
  options: GeneOperationsOptions = {},
): GenomeOperations {
  const plan = planGenes(genes)
  const { mutatedGenes = 1.5, neighbourShare = 0.8, togetherShare = 0.5 } = options
  const size = (gene: number) => genes[gene]!.choices.length

  const mutatedChoice = (gene: number, choice: number, random: RandomStream): number => {
    if (genes[gene]!.kind === 'ordinal' && random.chance(neighbourShare)) {
      if (choice === 0) return 1
      if (choice === size(gene) - 1) return choice - 1
      return random.chance(0.5) ? choice - 1 : choice + 1
    }
    const other = random.int(size(gene) - 1)
    return other < choice ? other : other + 1
  }

  return {
    genes,
    sample: (random) => build(plan, (gene) => random.int(size(gene))),
    mutate: (genome, random) => {
      const active = activity(plan, genome)
      const open = plan.order.filter((gene) => active[gene] && size(gene) > 1)
      if (open.length === 0) return [...genome]
      const selected = new Set(open.filter(() => random.chance(mutatedGenes / open.length)))
      if (selected.size === 0) selected.add(random.pick(open))
      return build(plan, (gene) => {
        if (!active[gene]) return random.int(size(gene))
        return selected.has(gene) ? mutatedChoice(gene, genome[gene]!, random) : genome[gene]!
      })
    },
    crossover: (a, b, random) => {
      const activeInA = activity(plan, a)
      const activeInB = activity(plan, b)
      const fromA: boolean[] = []
      for (const group of plan.groups) {
        const together = random.chance(togetherShare) ? random.chance(0.5) : undefined
        for (const gene of group) fromA[gene] = together ?? random.chance(0.5)
      }
      return build(plan, (gene) => {
        if (activeInA[gene] && (fromA[gene] || !activeInB[gene])) return a[gene]!
        return activeInB[gene] ? b[gene]! : random.int(size(gene))
      })
    },
  }
}

/**
 * Which genes of a genome matter: those without a condition, and those whose condition is met by an active gene.
 * @throws UserError as `geneOperations` does.
 */
export const activeGenes = (genes: readonly GeneDescription[]): ((genome: Genome) => readonly boolean[]) => {
  const plan = planGenes(genes)
  return (genome) => activity(plan, genome)
}

/**
 * Reads a genome from outside: one choice index per gene; the choices of inactive genes become 0.
 * @throws UserError naming the gene and its range.
 */
export function checkGenome(genes: readonly GeneDescription[], value: unknown): Genome {
  if (!Array.isArray(value) || value.length !== genes.length) {
    const found = Array.isArray(value) ? `an array of ${value.length}` : typeof value
    throw new UserError(`a genome must be an array of ${genes.length} choice indices, one per gene, not ${found}`)
  }
  genes.forEach((gene, i) => {
    const choice: unknown = value[i]
    if (!Number.isInteger(choice) || (choice as number) < 0 || (choice as number) >= gene.choices.length) {
      const range = `0 to ${gene.choices.length - 1}`
      throw new UserError(`gene '${gene.name}' of the genome holds ${String(choice)}: it must be an integer ${range}`)
    }
  })
  return build(planGenes(genes), (gene) => value[gene] as number)
}

/** Makes a genome, asking for the choice of each active gene after those it depends on. */
function build(plan: GenePlan, choiceOf: (gene: number) => number): Genome {
  const genome = new Array<number>(plan.genes.length).fill(0)
  const active = new Array<boolean>(plan.genes.length).fill(false)
  for (const gene of plan.order) {
    active[gene] = isMet(plan.conditions[gene], genome, active)
    if (active[gene]) genome[gene] = choiceOf(gene)
  }
  return genome
}

function activity(plan: GenePlan, genome: Genome): readonly boolean[] {
  const active = new Array<boolean>(plan.genes.length).fill(false)
  for (const gene of plan.order) active[gene] = isMet(plan.conditions[gene], genome, active)
  return active
}

const isMet = (condition: Condition | undefined, genome: Genome, active: readonly boolean[]): boolean =>
  condition === undefined || (active[condition.gene]! && condition.choices.has(genome[condition.gene]!))

function planGenes(genes: readonly GeneDescription[]): GenePlan {
  const positions = new Map<string, number>()
  const groups = new Map<string, number[]>()
  genes.forEach((gene, i) => {
    if (positions.has(gene.name)) throw new UserError(`two genes are called '${gene.name}': give each its own name`)
    if (gene.choices.length === 0) throw new UserError(`gene '${gene.name}' has no choices: give it at least one`)
    positions.set(gene.name, i)
    const group = gene.name.split('.', 1)[0]!
    groups.set(group, [...(groups.get(group) ?? []), i])
  })
  const conditions = genes.map(({ name, activeWhen }): Condition | undefined => {
    if (activeWhen === undefined) return undefined
    const gene = positions.get(activeWhen.gene)
    if (gene === undefined) {
      throw new UserError(`gene '${name}' depends on '${activeWhen.gene}': there is no gene of that name`)
    }
    return { gene, choices: new Set(activeWhen.choices) }
  })
  const order: number[] = []
  const placed = new Set<number>()
  while (order.length < genes.length) {
    const ready = genes.findIndex(
      (_, i) => !placed.has(i) && (conditions[i] === undefined || placed.has(conditions[i].gene)),
    )
    if (ready < 0) {
      const stuck = genes.filter((_, i) => !placed.has(i)).map((gene) => `'${gene.name}'`)
      throw new UserError(`the conditions of the genes ${stuck.join(', ')} form a circle: let one have no condition`)
    }
    placed.add(ready)
    order.push(ready)
  }
  return { genes, conditions, order, groups: [...groups.values()] }
}
