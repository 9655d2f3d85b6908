import { type RandomStream, randomStream } from '../lib/random.ts'
import {
  bumps,
  CELL_SIZES,
  cells,
  ENCODER_HEADS,
  ENCODER_SIZES,
  encoder,
  isActive,
  isCell,
  isInEncoder,
  isOnScale,
  landscape,
  layers,
  type Measure,
  ridge,
  saturating,
  stages,
  sum,
  TRAINING_SIZES,
  times,
  trainings,
  traps,
  widths,
} from './shape-measures.ts'

/** A made-up table of networks, and how `frugal bench search` is told to read it. */
export interface ShapeTable {
  readonly id: string
  /** Heading, then one row for each network. */
  readonly rows: readonly (readonly (string | number)[])[]
  readonly genes: readonly string[]
  readonly digits: readonly string[]
  readonly costs: readonly string[]
  readonly lenient: boolean
}

interface Space {
  /** Choices of each gene. */
  readonly sizes: readonly number[]
  /** Rows; the whole space where left out. */
  readonly sample?: number
}

interface Shape extends Space {
  readonly make: (random: RandomStream) => Measure
  /** What a choice is called in the table. */
  readonly label?: (choice: number, gene: number, genome: readonly number[]) => string | number
  readonly costs: readonly string[]
  /** Standard deviation of the noise of a training, in points of accuracy. */
  readonly noise: number
  /** Digits behind the point of an accuracy. */
  readonly digits?: number
  /** Accuracies from 0 to 1. */
  readonly asShares?: boolean
  /** All genes in one column of characters. */
  readonly inOneColumn?: boolean
  /** Rows that lack their figures. */
  readonly isMissing?: (costs: readonly number[]) => boolean
  /** Genomes that the table may hold. */
  readonly isValid?: (genome: readonly number[]) => boolean
}

const letter = (choice: number): string => 'abcde'[choice]!

const STAGE_SIZES = [3, ...times(8, () => 3)]

const whole = (count: number, size: number): readonly number[] => times(count, () => size)

/** Shapes of tables that searches may meet, none of which any default was chosen on. */
const SHAPES: Readonly<Record<string, Shape>> = {
  widths: {
    sizes: whole(5, 8),
    make: (random) => widths(random, 5, 1),
    label: (choice) => 8 * (choice + 1),
    costs: ['latency'],
    noise: 0.3,
  },
  'widths-3': {
    sizes: whole(5, 8),
    make: (random) => widths(random, 5, 2),
    label: (choice) => 8 * (choice + 1),
    costs: ['latency', 'weights'],
    noise: 0.3,
  },
  'widths-4': {
    sizes: whole(5, 8),
    make: (random) => widths(random, 5, 3),
    label: (choice) => 8 * (choice + 1),
    costs: ['latency', 'weights', 'memory'],
    noise: 0.3,
  },
  chain: {
    sizes: whole(22, 9),
    sample: 5000,
    make: (random) => layers(random, whole(22, 9), 12, 1),
    costs: ['latency'],
    noise: 0.2,
    inOneColumn: true,
  },
  'chain-3': {
    sizes: whole(22, 9),
    sample: 5000,
    make: (random) => layers(random, whole(22, 9), 12, 2),
    costs: ['latency', 'energy'],
    noise: 0.2,
    inOneColumn: true,
  },
  'named-numbers': {
    sizes: whole(6, 5),
    make: (random) => layers(random, whole(6, 5), 6, 1),
    costs: ['latency'],
    noise: 0.2,
  },
  'few-genes': {
    sizes: [120, 40, 5],
    make: (random) => layers(random, [120, 40, 5], 2, 1),
    label: (choice, gene) => `c${gene}_${choice}`,
    costs: ['latency'],
    noise: 0.2,
  },
  'one-gene': {
    sizes: [900],
    make: (random) => layers(random, [900], 0, 1),
    label: (choice) => `net${choice}`,
    costs: ['latency'],
    noise: 0,
  },
  'many-choices': {
    sizes: [300, 300, 300],
    sample: 20_000,
    make: (random) => widths(random, 3, 1),
    label: (choice) => choice + 1,
    costs: ['latency'],
    noise: 0.2,
  },
  'wide-genes': {
    sizes: [150, 150],
    make: (random) => {
      const [a, b] = [30 + 40 * random.float(), 30 + 40 * random.float()]
      return ([x, y]) => ({
        accuracy: 60 + 15 * saturating((x! + 1) / a) + 15 * saturating((y! + 1) / b) + 3 * Math.sin((x! * y!) / 900),
        costs: [(x! + 1) * (2 + y! / 20) + 3 * (y! + 1)],
      })
    },
    label: (choice) => choice + 1,
    costs: ['latency'],
    noise: 0.3,
  },
  bumps: {
    sizes: whole(3, 40),
    make: (random) => bumps(random, whole(3, 40)),
    label: (choice, gene, genome) => (isOnScale(gene, genome) ? choice + 1 : ''),
    costs: ['latency'],
    noise: 0.2,
  },
  ridge: {
    sizes: whole(6, 12),
    sample: 20_000,
    make: (random) => ridge(random, whole(6, 12)),
    label: (choice) => 16 * (choice + 1),
    costs: ['latency'],
    noise: 0.2,
  },
  bits: {
    sizes: whole(40, 2),
    sample: 8000,
    make: (random) => landscape(random, 40, 1),
    costs: ['latency'],
    noise: 0.2,
    inOneColumn: true,
  },
  'sixty-genes': {
    sizes: whole(60, 4),
    sample: 2000,
    make: (random) => layers(random, whole(60, 4), 20, 1),
    label: letter,
    costs: ['latency'],
    noise: 0.2,
  },
  rugged: {
    sizes: whole(14, 2),
    make: (random) => landscape(random, 14, 4),
    costs: ['latency'],
    noise: 0,
    inOneColumn: true,
  },
  deceptive: {
    sizes: whole(12, 2),
    make: (random) => traps(random, 12),
    costs: ['latency'],
    noise: 0.1,
    inOneColumn: true,
  },
  plateaus: {
    sizes: whole(6, 5),
    make: (random) => {
      const measure = layers(random, whole(6, 5), 6, 1)
      return (genome) => {
        const { accuracy, costs } = measure(genome)
        return { accuracy, costs: [Math.round(costs[0]!)] }
      }
    },
    label: letter,
    costs: ['latency'],
    noise: 0,
    digits: 0,
  },
  filler: {
    sizes: times(4, () => STAGE_SIZES).flat(),
    sample: 8000,
    make: (random) => stages(random, 4),
    label: (choice, gene, genome) => (isActive(gene, genome) ? choice + 3 : 0),
    costs: ['latency'],
    noise: 0.1,
  },
  blanks: {
    sizes: times(2, () => STAGE_SIZES).flat(),
    sample: 8000,
    make: (random) => stages(random, 2),
    label: (choice, gene, genome) => (isActive(gene, genome) ? choice + 3 : ''),
    costs: ['latency'],
    noise: 0.1,
  },
  holes: {
    sizes: whole(6, 5),
    make: (random) => layers(random, whole(6, 5), 6, 2),
    label: letter,
    costs: ['latency', 'memory'],
    noise: 0.2,
    isMissing: ([, memory]) => memory! > 9,
  },
  small: {
    sizes: [3, 3, 2, 3, 4],
    make: (random) => layers(random, [3, 3, 2, 3, 4], 3, 1),
    label: letter,
    costs: ['latency'],
    noise: 0.2,
  },
  collapsed: {
    sizes: whole(8, 4),
    make: (random) => {
      const measure = layers(random, whole(8, 4), 6, 1)
      return (genome) => {
        const { accuracy, costs } = measure(genome)
        // Most networks do not train at all.
        const trains = sum(genome.map((choice, gene) => Number(choice === gene % 4))) < 2 && genome[0] !== genome[7]
        return { accuracy: trains && accuracy > 78 ? accuracy : 10, costs }
      }
    },
    label: letter,
    costs: ['latency'],
    noise: 0,
  },
  cells: {
    sizes: CELL_SIZES,
    sample: 120_000,
    isValid: isCell,
    make: cells,
    costs: ['parameters'],
    noise: 0.3,
  },
  encoder: {
    sizes: ENCODER_SIZES,
    sample: 12_000,
    make: encoder,
    label: (choice, gene, genome) => {
      if (!isInEncoder(gene, genome)) return ''
      if (gene === 0) return choice + 1
      if (gene === 1) return 128 * (choice + 2)
      return gene % 2 === 0 ? ENCODER_HEADS[choice]! : 512 * (choice + 1)
    },
    costs: ['latency'],
    noise: 0.2,
  },
  trainings: {
    sizes: TRAINING_SIZES,
    sample: 20_000,
    make: trainings,
    label: (choice, gene) => {
      if (gene === 0) return Number((10 ** (choice / 2 - 5)).toPrecision(2))
      if (gene === 1) return choice === 0 ? 0 : Number((10 ** (choice - 7)).toPrecision(2))
      if (gene === 2 || gene === 5) return 2 ** (choice + 4)
      if (gene === 3) return choice / 10
      return gene === 4 ? choice + 1 : ['sgd', 'adam', 'rmsprop'][choice]!
    },
    costs: ['latency'],
    noise: 1,
    asShares: true,
    digits: 5,
  },
  noisy: {
    sizes: whole(6, 5),
    make: (random) => layers(random, whole(6, 5), 6, 1),
    label: letter,
    costs: ['latency'],
    noise: 2,
  },
  'long-tail': {
    sizes: whole(6, 5),
    make: (random) => {
      const measure = layers(random, whole(6, 5), 6, 1)
      return (genome) => {
        const { accuracy, costs } = measure(genome)
        // A score that does not level off: the best network has some ten times that of the middle one.
        return { accuracy: 3 * ((accuracy - 55) / (95 - accuracy)) ** 0.7, costs }
      }
    },
    label: letter,
    costs: ['latency'],
    noise: 0.1,
  },
  'odd-costs': {
    sizes: whole(6, 5),
    make: (random) => {
      const measure = layers(random, whole(6, 5), 6, 2)
      return (genome) => {
        const { accuracy, costs } = measure(genome)
        return { accuracy, costs: [10 ** (costs[0]! - 8), costs[1]! - 12] }
      }
    },
    label: letter,
    costs: ['energy', 'slack'],
    noise: 0.2,
  },
}

export const SHAPE_IDS = Object.keys(SHAPES)

/** A table of one of the shapes, always the same for the same `seed`. */
export function shapeTable(id: string, seed: number): ShapeTable {
  const shape = SHAPES[id]
  if (shape === undefined) throw new Error(`no shape is called '${id}': ${SHAPE_IDS.join(', ')}`)
  const random = randomStream(seed, 'table shapes', id)
  const measure = shape.make(random)
  const label = shape.label ?? ((choice: number) => choice)
  const names = shape.sizes.map((_, gene) => `g${gene}`)
  const genes = shape.inOneColumn ? [] : names
  const genomes = genomesOf(shape, random)
  const seen = new Set<string>()
  const rows = genomes.flatMap((genome) => {
    const labels = genome.map((choice, gene) => label(choice, gene, genome))
    const cells = shape.inOneColumn ? [labels.join('')] : labels
    if (seen.has(cells.join()) || shape.isValid?.(genome) === false) return []
    seen.add(cells.join())
    // A layer that does not exist has no part in what is measured.
    const { accuracy, costs } = measure(genome)
    const noisy = Math.min(100, Math.max(0, accuracy + shape.noise * random.normal()))
    const figures = shape.isMissing?.(costs)
      ? ['']
      : [(shape.asShares ? noisy / 100 : noisy).toFixed(shape.digits ?? 3)]
    return [[...cells, ...figures, ...costs.map((cost) => Number(cost.toPrecision(7)))]]
  })
  const heading = [...(shape.inOneColumn ? ['genome'] : names), 'accuracy', ...shape.costs]
  return {
    id,
    rows: [heading, ...rows],
    genes,
    digits: shape.inOneColumn ? ['genome'] : [],
    costs: shape.costs,
    lenient: shape.isMissing !== undefined,
  }
}

function genomesOf({ sizes, sample }: Space, random: RandomStream): readonly (readonly number[])[] {
  if (sample !== undefined) return times(sample, () => sizes.map((size) => random.int(size)))
  const count = sizes.reduce((product, size) => product * size, 1)
  return times(count, (index) => {
    let rest = index
    return sizes.map((size) => {
      const choice = rest % size
      rest = Math.floor(rest / size)
      return choice
    })
  })
}
