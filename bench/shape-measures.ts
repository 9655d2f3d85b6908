import type { RandomStream } from '../lib/random.ts'

/** Accuracy in percent and costs of a genome, before noise. */
export type Measure = (genome: readonly number[]) => { readonly accuracy: number; readonly costs: readonly number[] }

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
export const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const normals = (random: RandomStream, count: number): number[] => times(count, () => random.normal())
/** Rises from 0 to 1, ever more slowly. */
export const saturating = (value: number): number => 1 - Math.exp(-value)

/** Every choice has a worth and a cost in every place, dear ones being better on the whole; some pairs of places interact. */
export function layers(random: RandomStream, sizes: readonly number[], pairs: number, costCount: number): Measure {
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
export function widths(random: RandomStream, places: number, costCount: number): Measure {
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
export function landscape(random: RandomStream, places: number, k: number): Measure {
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
export function traps(random: RandomStream, places: number): Measure {
  const price = times(places, () => 0.5 + random.float())
  return (genome) => {
    const blocks = times(places / 4, (block) => sum(genome.slice(4 * block, 4 * block + 4)))
    const worth = sum(blocks.map((set) => (set === 4 ? 1 : 0.6 - 0.2 * set)))
    return { accuracy: 60 + (30 * worth) / blocks.length, costs: [1 + sum(genome.map((bit, i) => bit * price[i]!))] }
  }
}

/** Stages of two to four layers, each with a kernel and an expansion; layers beyond the depth do not exist. */
export function stages(random: RandomStream, count: number): Measure {
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
export const isActive = (gene: number, genome: readonly number[]): boolean =>
  gene % 9 === 0 || Math.floor(((gene % 9) - 1) / 2) < genome[gene - (gene % 9)]! + 2

/** Vertices of a cell between its input and its output, each with one of three operations. */
const CELL_NODES = 4
/** Edges between the vertices of a cell, in order of the vertex that they lead to: the first genes of a cell. */
const CELL_EDGES = times(CELL_NODES + 1, (to) => times(to + 1, (from) => [from, to + 1] as const)).flat()
/** Choices of each gene of a cell. */
export const CELL_SIZES: readonly number[] = [...CELL_EDGES.map(() => 2), ...times(CELL_NODES, () => 3)]

const cellEdges = (genome: readonly number[]) => CELL_EDGES.filter((_, i) => genome[i] === 1)

/** Whether every vertex lies on a way from the input to the output, with at most nine edges (NAS-Bench-101). */
export function isCell(genome: readonly number[]): boolean {
  const edges = cellEdges(genome)
  const leaves = (vertex: number) => edges.some(([from]) => from === vertex)
  const isReached = (vertex: number) => edges.some(([, to]) => to === vertex)
  return edges.length <= 9 && times(CELL_NODES + 1, (i) => leaves(i) && isReached(i + 1)).every(Boolean)
}

/** A cell of operations on the edges' graph: what runs where widths and the longest way decide what it is worth. */
export function cells(random: RandomStream): Measure {
  const worth = [0.3, 1, 0.6].map((value) => value + 0.2 * random.normal())
  const price = [0.2, 1, 0.35].map((value) => value * Math.exp(0.2 * random.normal()))
  const place = times(CELL_NODES, () => 0.6 + 0.8 * random.float())
  return (genome) => {
    const edges = cellEdges(genome)
    const into = (vertex: number) => edges.filter(([, to]) => to === vertex).map(([from]) => from)
    const operation = (vertex: number) => genome[CELL_EDGES.length + vertex - 1]!
    const depth: number[] = [0]
    let [quality, cost] = [0, 1]
    for (let vertex = 1; vertex <= CELL_NODES + 1; vertex++) {
      const before = into(vertex)
      const own = vertex > CELL_NODES ? 0 : worth[operation(vertex)]!
      depth[vertex] = Math.max(...before.map((from) => depth[from]!)) + own
      if (vertex > CELL_NODES) break
      quality += place[vertex - 1]! * own * (1 + 0.2 * (before.length - 1))
      cost += price[operation(vertex)]! * before.length
    }
    const ways = into(CELL_NODES + 1)
    const skip = ways.includes(0) ? 0.5 : 0
    const whole = 0.35 * quality + 0.5 * depth[CELL_NODES + 1]! + skip
    return { accuracy: 70 + 25 * saturating(whole), costs: [cost / Math.sqrt(ways.length)] }
  }
}

const [ENCODER_LAYERS, LAYER_GENES] = [6, 2]
/** Depth, width, and per layer heads and the width within. */
export const ENCODER_SIZES: readonly number[] = [ENCODER_LAYERS, 4, ...times(ENCODER_LAYERS, () => [3, 5]).flat()]
export const ENCODER_HEADS = [2, 4, 8]
export const isInEncoder = (gene: number, genome: readonly number[]): boolean =>
  gene < 2 || Math.floor((gene - 2) / LAYER_GENES) <= genome[0]!

/** Encoder of a transformer: one to six layers of a common width, each with its heads and its width within. */
export function encoder(random: RandomStream): Measure {
  const taste = times(ENCODER_LAYERS, () => random.float())
  return (genome) => {
    const width = 128 * (genome[1]! + 2)
    let [quality, latency] = [0.4 * genome[1]!, 2]
    for (let layer = 0; layer <= genome[0]!; layer++) {
      const [heads, within] = [genome[2 + LAYER_GENES * layer]!, 512 * (genome[3 + LAYER_GENES * layer]! + 1)]
      quality += (0.4 + 0.25 * taste[layer]! * heads + 0.5 * saturating(within / (2 * width))) * 0.85 ** layer
      latency += (width / 256) * (0.5 + 0.2 * heads + within / 1024)
    }
    return { accuracy: 60 + 35 * saturating(0.4 * quality), costs: [latency] }
  }
}

/** Learning rate, weight decay, batch, dropout, layers, width (all by steps of a scale), optimiser. */
export const TRAINING_SIZES: readonly number[] = [9, 6, 6, 7, 6, 6, 3]

/** Training settings beside a network's size: much of the space does not learn, most genes matter little, costs span decades. */
export function trainings(random: RandomStream): Measure {
  const best = times(3, () => 3 + 3 * random.float())
  const ceiling = times(3, () => random.float())
  const dropouts = 1 + 3 * random.float()
  return ([rate, decay, batch, dropout, depth, width, optimiser]) => {
    const off = rate! - best[optimiser!]! - 0.4 * (batch! - 2.5)
    const capacity = saturating((depth! + 1) * 2 ** (width! - 4))
    const fit =
      Math.exp(-(off ** 2) / 4) * (1 - 0.02 * (decay! - 3) ** 2 - 0.015 * (dropout! - dropouts * capacity) ** 2)
    const accuracy = off > 3.5 ? 10 : 10 + 80 * Math.max(0, fit) * (0.5 + 0.5 * capacity) + 2 * ceiling[optimiser!]!
    return { accuracy, costs: [(depth! + 1) * 4 ** (width! + 2) * 1e-3] }
  }
}

/** Hills and hollows over a few scales of many choices; the last gene matters only where the first one is not small. */
export function bumps(random: RandomStream, sizes: readonly number[]): Measure {
  const hills = times(14, () => ({
    at: sizes.map(() => random.float()),
    width: 0.12 + 0.2 * random.float(),
    height: 3 * random.normal(),
  }))
  const worth = sizes.map(() => 0.5 + random.float())
  return (genome) => {
    const places = genome.map((choice, gene) => (isOnScale(gene, genome) ? choice / (sizes[gene]! - 1) : 0))
    const relief = sum(
      hills.map(({ at, width, height }) => {
        const squares = sum(places.map((place, gene) => (place - at[gene]!) ** 2))
        return height * Math.exp(-squares / (2 * width * width))
      }),
    )
    const capacity = sum(places.map((place, gene) => worth[gene]! * saturating(2 * place)))
    return { accuracy: 70 + 5 * capacity + relief, costs: [1 + 4 * places[0]! * (1 + places[1]!) + 3 * places[2]!] }
  }
}
export const isOnScale = (gene: number, genome: readonly number[]): boolean => gene < 2 || genome[0]! >= 10

/** Genes that must be in proportion: accuracy has a ridge along which capacity rises and falls off quickly to both sides. */
export function ridge(random: RandomStream, sizes: readonly number[]): Measure {
  const steps = sizes.map(() => 1.5 * random.normal())
  const price = sizes.map(() => 0.5 + random.float())
  return (genome) => {
    const shares = genome.map((choice, gene) => choice / (sizes[gene]! - 1))
    const off = sum(genome.slice(1).map((choice, i) => ((choice - genome[i]! - steps[i]!) / 4) ** 2))
    const capacity = saturating((3 * sum(shares)) / sizes.length)
    return {
      accuracy: 50 + 45 * capacity * Math.exp(-0.25 * off),
      costs: [1 + sum(shares.map((share, gene) => price[gene]! * 8 ** share * (1 + (shares[gene - 1] ?? 0))))],
    }
  }
}
