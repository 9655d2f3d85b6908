import type { RandomStream } from '../../lib/random.ts'
import type { GeneDescription, Genome } from '../../spaces/genome.ts'
import { activeGenes } from '../genes.ts'
import { fitRidge, ridgeCoefficients, type SparseRows } from './ridge.ts'

export interface Sample {
  readonly genome: Genome
  readonly value: number
}

export interface ChoiceEffect {
  readonly choice: string | number | boolean
  /** What the choice adds to the value, against the mean of the gene over the space. */
  readonly effect: number
  /** Samples that have it. */
  readonly samples: number
}

export interface GeneEffect {
  readonly gene: string
  /** Share of the model's variance over the space that the gene accounts for; the shares of all genes sum to 1. */
  readonly share: number
  /** The middle 90 % of the shares of models of resampled data. */
  readonly shareLow: number
  readonly shareHigh: number
  readonly choices: readonly ChoiceEffect[]
}

export interface GeneEffects {
  readonly samples: number
  /** How much of the values' variance the model of main effects predicts of a sample it has not seen; 0 or less: nothing. */
  readonly explained: number
  /** Largest share first. */
  readonly genes: readonly GeneEffect[]
}

const RESAMPLES = 60

/**
 * Which genes move a value, and where to: a ridge regression on the genes' choices (main effects only; genes that do not
 * matter in a genome are left out of it), and each gene's part in its variance over `space`, Cov(part, whole) ÷ Var(whole).
 * @param samples at least two
 * @param space random genomes of the search space, over which shares and means are taken
 */
export function geneEffects(
  genes: readonly GeneDescription[],
  samples: readonly Sample[],
  space: readonly Genome[],
  random: RandomStream,
): GeneEffects {
  const { rowOf, starts, columns } = indicators(genes)
  const rows = samples.map(({ genome }) => rowOf(genome))
  const values = samples.map(({ value }) => value)
  const spaceRows = space.map(rowOf)
  const fit = fitRidge(rows, values, columns)
  const shares = sharesOf(spaceRows, fit.coefficients, starts)
  const resampled = Array.from({ length: RESAMPLES }, () => {
    const drawn = new Int32Array(rows.length)
    for (let i = 0; i < rows.length; i++) drawn[random.int(rows.length)]!++
    const coefficients = ridgeCoefficients(rows, values, columns, fit.penalty, drawn)
    return sharesOf(spaceRows, coefficients, starts)
  })
  const counts = countOnes(rows, columns)
  const spaceCounts = countOnes(spaceRows, columns)
  const effects = genes.map((gene, g): GeneEffect => {
    const ordered = resampled.map((one) => one[g]!).sort((a, b) => a - b)
    const at = (share: number) => ordered[Math.round(share * (RESAMPLES - 1))]!
    const first = starts[g]!
    const mean = weightedMean(gene.choices.map((_, c) => [fit.coefficients[first + c]!, spaceCounts[first + c]!]))
    return {
      gene: gene.name,
      share: shares[g]!,
      shareLow: at(0.05),
      shareHigh: at(0.95),
      choices: gene.choices.map((choice, c) => ({
        choice,
        effect: fit.coefficients[first + c]! - mean,
        samples: counts[first + c]!,
      })),
    }
  })
  return {
    samples: samples.length,
    explained: fit.leaveOneOutR2,
    genes: effects.sort((a, b) => b.share - a.share || (a.gene < b.gene ? -1 : 1)),
  }
}

/** One column for each choice of each gene; a gene that does not matter in a genome has none. */
function indicators(genes: readonly GeneDescription[]) {
  const starts: number[] = []
  let columns = 0
  for (const { choices } of genes) {
    starts.push(columns)
    columns += choices.length
  }
  const activity = activeGenes(genes)
  const rowOf = (genome: Genome): readonly number[] => {
    const active = activity(genome)
    return genome.flatMap((choice, gene) => (active[gene] ? [starts[gene]! + choice] : []))
  }
  return { rowOf, starts, columns }
}

function countOnes(rows: SparseRows, columns: number): Float64Array {
  const counts = new Float64Array(columns)
  for (const row of rows) for (const column of row) counts[column]! += 1
  return counts
}

function weightedMean(pairs: readonly (readonly [number, number])[]): number {
  const weight = pairs.reduce((sum, [, w]) => sum + w, 0)
  return weight === 0 ? 0 : pairs.reduce((sum, [value, w]) => sum + value * w, 0) / weight
}

/** Per gene, Cov(part, whole) ÷ Var(whole) of the model over the space; all 0 for a model that is constant there. */
function sharesOf(rows: SparseRows, coefficients: Float64Array, starts: readonly number[]): readonly number[] {
  const geneOf = new Int32Array(coefficients.length)
  for (const [gene, start] of starts.entries()) geneOf.fill(gene, start)
  const wholes = new Float64Array(rows.length)
  let mean = 0
  for (let i = 0; i < rows.length; i++) {
    for (const column of rows[i]!) wholes[i]! += coefficients[column]!
    mean += wholes[i]! / rows.length
  }
  const shares = new Float64Array(starts.length)
  let variance = 0
  for (let i = 0; i < rows.length; i++) {
    const deviation = wholes[i]! - mean
    variance += deviation * deviation
    for (const column of rows[i]!) shares[geneOf[column]!]! += coefficients[column]! * deviation
  }
  return Array.from(shares, (share) => (variance > 0 ? share / variance : 0))
}
