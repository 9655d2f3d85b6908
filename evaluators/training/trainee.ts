import { weightSpecs } from '../../network/measure.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { Fidelity } from '../evaluator.ts'
import { atResolution } from '../proxy/rewrite-network.ts'
import type { Recipe, TrainingEngine, TrainingProgram } from './engine.ts'
import type { TrainingState } from './stages.ts'

/** A network compiled for samples of one size. */
interface Compiled {
  readonly resolution: number
  readonly graph: NetworkGraph
  readonly program: TrainingProgram
}

/**
 * A network in training. Its weights stay inside the runtime; they only move to another program where a stage reads
 * samples of another size, which names nodes differently but keeps their order.
 */
export class Trainee {
  readonly #job: { readonly graph: NetworkGraph; readonly recipe: Recipe; readonly engine: TrainingEngine }
  readonly #start: TrainingState
  #compiled: Compiled | undefined

  constructor(job: { graph: NetworkGraph; recipe: Recipe; engine: TrainingEngine }, start: TrainingState) {
    this.#job = job
    this.#start = start
  }

  /** The network with its present weights, compiled for the resolution of a stage. */
  async at({ resolution = 1 }: Fidelity): Promise<Compiled> {
    if (this.#compiled?.resolution === resolution) return this.#compiled
    const state = this.#compiled === undefined ? this.#start : await this.state()
    await this.dispose()
    const { engine, recipe } = this.#job
    const graph = atResolution(this.#job.graph, resolution)
    this.#compiled = { resolution, graph, program: await engine.compile(graph, recipe) }
    const { program } = this.#compiled
    await program.writeWeights(renamed(state.weights, this.#job.graph, graph))
    if (state.optimiser.size > 0) await program.writeOptimiser(renamed(state.optimiser, this.#job.graph, graph))
    return this.#compiled
  }

  /** Copies, named as in the graph at full resolution. */
  async state(): Promise<TrainingState> {
    if (this.#compiled === undefined) return this.#start
    const { program, graph } = this.#compiled
    return {
      weights: renamed(await program.readWeights(), graph, this.#job.graph),
      optimiser: renamed(await program.readOptimiser(), graph, this.#job.graph),
    }
  }

  async dispose(): Promise<void> {
    const compiled = this.#compiled
    this.#compiled = undefined
    await compiled?.program.dispose()
  }
}

/** Weights or optimiser state of a network under the names of another whose nodes stand in the same order. */
function renamed(values: Weights, from: NetworkGraph, to: NetworkGraph): Weights {
  if (from === to) return values
  const target = namesOf(to)
  const names = new Map(namesOf(from).map((name, i) => [name, target[i]!]))
  return new Map(
    [...values].map(([name, vector]) => {
      const [subject = '', ...rest] = name.split('#')
      return [[names.get(subject), ...rest].join('#'), vector]
    }),
  )
}

/** All that a program keeps something of: weights, and nodes of which it may keep a range. */
const namesOf = (graph: NetworkGraph): readonly string[] => [
  ...weightSpecs(graph).map(({ name }) => name),
  ...nodePaths(graph),
]

function nodePaths(graph: NetworkGraph, prefix = ''): readonly string[] {
  return graph.nodes.flatMap(({ id, op }) => {
    const path = `${prefix}${id}`
    if (op.kind !== 'routedExperts') return [path]
    return [path, ...Array.from({ length: op.experts }, (_, i) => nodePaths(op.body, `${path}/${i}/`)).flat()]
  })
}
