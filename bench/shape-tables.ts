import { type RandomStream, randomStream } from '../lib/random.ts'

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

/** Accuracy in percent and costs of a genome, before noise. */
type Measure = (genome: readonly number[]) => { readonly accuracy: number; readonly costs: readonly number[] }

interface Shape extends Space {
  readonly make: (random: RandomStream) => Measure
  /** What a choice is called in the table. */
  readonly label?: (choice: number, gene: number, genome: readonly number[]) => string | number
  readonly costs: readonly string[]
  /** Standard deviation of the noise of a training, in points of accuracy. */
  readonly noise: number
  /** Digits behind the point of an accuracy. */
  readonly digits?: number
  /** All genes in one column of characters. */
  readonly inOneColumn?: boolean
  /** Rows that lack their figures. */
  readonly isMissing?: (costs: readonly number[]) => boolean
  /** Genomes that the table may hold. */
  readonly isValid?: (genome: readonly number[]) => boolean
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const normals = (random: RandomStream, count: number): number[] => times(count, () => random.normal())
/** Rises from 0 to 1, ever more slowly. */
const saturating = (value: number): number => 1 - Math.exp(-value)

/** Every choice has a worth and a cost in every place, dear ones being better on the whole; some pairs of places interact. */
function layers(random: RandomStream, sizes: readonly number[], pairs: number, costCount: number): Measure {
  const cost = sizes.map((size) => times(size, () => Math.exp(0.8 * random.normal())))
  const worth = sizes.map((_, gene) => cost[gene]!.map((value) => 0.7 * Math.log(value) + 0.7 * random.normal()))
  const other = times(costCount - 1, () =>
    cost.map((own) => own.map((value) => value * Math.exp(0.5 * random.normal()))),
  )
  const joint = times(pairs, () => {
    const a = random.int(sizes.length)
    const b = (a + 1 + random.int(sizes.length - 1)) % sizes.length
    return { a, b, effect: times(sizes[a]!, () => normals(random, sizes[b]!)) }
  })
  const scale = 1 / Math.sqrt(sizes.length + 0.5 * pairs)
  return (genome) => {
    const quality =
      sum(genome.map((choice, gene) => worth[gene]![choice]!)) +
      0.7 * sum(joint.map(({ a, b, effect }) => effect[genome[a]!]![genome[b]!]!))
    const total = (table: readonly (readonly number[])[]) => sum(genome.map((choice, gene) => table[gene]![choice]!))
    return { accuracy: 55 + 40 / (1 + Math.exp(-0.8 - 1.2 * scale * quality)), costs: [cost, ...other].map(total) }
  }
}

/** Widths of a chain of layers: products of neighbours cost, accuracy saturates (size search of NATS-Bench). */
function widths(random: RandomStream, places: number, costCount: number): Measure {
  const need = times(places, () => 0.5 + random.float())
  return (genome) => {
    const channels = genome.map((choice) => 8 * (choice + 1))
    const products = channels.map((width, i) => width * (channels[i - 1] ?? 3) * 4 ** -Math.floor(i / 2))
    const weights = sum(channels.map((width, i) => width * (channels[i - 1] ?? 3) * 9))
    const bottleneck = Math.min(...channels.map((width, i) => width / (need[i]! * 16)))
    const accuracy = 60 + 30 * (sum(channels.map((width, i) => saturating(width / (need[i]! * 20)))) / places)
    const latency = 1 + sum(products) / 2000 + 0.05 * sum(channels.map((width) => Math.ceil(width / 16)))
    const costs = [latency, weights, Math.max(...channels.map((width, i) => width * 4 ** -Math.floor(i / 2))) + 4]
    return { accuracy: accuracy + 4 * saturating(bottleneck), costs: costs.slice(0, costCount) }
  }
}

/** Kauffman's NK landscape: the worth of a bit depends on `k` others, at random; set bits cost. */
function landscape(random: RandomStream, places: number, k: number): Measure {
  const others = times(places, (i) => times(k, (j) => (i + 1 + j * (1 + random.int(2))) % places))
  const worth = times(places, () => times(2 ** (k + 1), () => random.float()))
  const price = times(places, () => 0.2 + random.float())
  return (genome) => {
    const fitness = sum(
      worth.map((table, i) => table[others[i]!.reduce((key, j) => 2 * key + genome[j]!, genome[i]!)]!),
    )
    const cost = 1 + sum(genome.map((bit, i) => bit * price[i]!))
    return { accuracy: 40 + 55 * (fitness / places) ** 1.5 + (4 * sum([...genome])) / places, costs: [cost] }
  }
}

/** Blocks of bits that get worse with every set bit until all of them are set. */
function traps(random: RandomStream, places: number): Measure {
  const price = times(places, () => 0.5 + random.float())
  return (genome) => {
    const blocks = times(places / 4, (block) => sum(genome.slice(4 * block, 4 * block + 4)))
    const worth = sum(blocks.map((set) => (set === 4 ? 1 : 0.6 - 0.2 * set)))
    return { accuracy: 60 + (30 * worth) / blocks.length, costs: [1 + sum(genome.map((bit, i) => bit * price[i]!))] }
  }
}

/** Stages of two to four layers, each with a kernel and an expansion; layers beyond the depth do not exist. */
function stages(random: RandomStream, count: number): Measure {
  const weights = times(count, () => 0.5 + random.float())
  const kernels = times(4 * count, () => 0.5 + random.float())
  return (genome) => {
    let [quality, latency] = [0, 1]
    for (let stage = 0; stage < count; stage++) {
      for (let layer = 0; layer < genome[9 * stage]! + 2; layer++) {
        const [kernel, expand] = [genome[9 * stage + 1 + 2 * layer]!, genome[9 * stage + 2 + 2 * layer]!]
        const factor = kernels[4 * stage + layer]!
        quality +=
          weights[stage]! * (0.6 + factor * 0.25 * kernel + 0.3 * expand - 0.12 * kernel * expand) * 0.8 ** layer
        latency += (0.4 + 0.3 * factor * (kernel + 1) * (expand + 2)) / (stage + 1)
      }
    }
    return { accuracy: 60 + 30 * saturating(quality / count), costs: [latency] }
  }
}
const isActive = (gene: number, genome: readonly number[]): boolean =>
  gene % 9 === 0 || Math.floor(((gene % 9) - 1) / 2) < genome[gene - (gene % 9)]! + 2
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
    label: (choice) => 'abcd'[choice]!,
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
    label: (choice) => 'abcde'[choice]!,
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
    label: (choice) => 'abcde'[choice]!,
    costs: ['latency', 'memory'],
    noise: 0.2,
    isMissing: ([, memory]) => memory! > 9,
  },
  small: {
    sizes: [3, 3, 2, 3, 4],
    make: (random) => layers(random, [3, 3, 2, 3, 4], 3, 1),
    label: (choice) => 'abcd'[choice]!,
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
    label: (choice) => 'abcd'[choice]!,
    costs: ['latency'],
    noise: 0,
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
    label: (choice) => 'abcde'[choice]!,
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
    if (seen.has(cells.join())) return []
    seen.add(cells.join())
    // A layer that does not exist has no part in what is measured.
    const { accuracy, costs } = measure(genome)
    const noisy = Math.min(100, Math.max(0, accuracy + shape.noise * random.normal()))
    const figures = shape.isMissing?.(costs) ? [''] : [noisy.toFixed(shape.digits ?? 3)]
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
