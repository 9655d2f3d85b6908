import type { NetworkGraph } from '../../network/types.ts'
import { sharedPart } from '../training/inherit.ts'
import { type Layer, layersOf } from '../training/layers.ts'
import { fidelityText, type Ladder, ladderText, type ProxyFidelity } from './proxy-fidelity.ts'

/** One way to train all networks. */
export interface TrainingPass {
  readonly name: string
  readonly ladder: Ladder
  /** Begin with the weights of the most similar network before, trained in the same way. */
  readonly inherit: boolean
  /** Added to each network's seed. */
  readonly seedOffset: number
  /** Leave a checkpoint, for later stages and for networks that inherit, in this run or the next. */
  readonly saves: boolean
  /** Place in the list of the pass that ends one stage before this one. */
  readonly continues: number | undefined
  /** A cheap training is judged by the validation part alone, as on the lower rungs of a search. */
  readonly skipTest: boolean
}

interface WantedPasses {
  readonly full: ProxyFidelity
  readonly ladders: readonly Ladder[]
  /** Every ladder a second time, with weights inherited. */
  readonly inherit: boolean
  readonly ceiling: boolean
}

/** Full training as the truth starts from weights of its own, which no proxy shares. */
const TRUTH_SEED_OFFSET = 1

/** All trainings of a benchmark: first the truth, then each stage of each ladder once, at last full training again. */
export function trainingPasses({ full, ladders, inherit, ceiling }: WantedPasses): readonly TrainingPass[] {
  const fully = { ladder: [full], inherit: false, saves: false, continues: undefined, skipTest: false }
  const passes: TrainingPass[] = [{ ...fully, name: fidelityText(full), seedOffset: TRUTH_SEED_OFFSET }]
  const places = new Map<string, number>()
  for (const inherits of inherit ? [false, true] : [false]) {
    for (const ladder of ladders) {
      let continues: number | undefined
      for (let stages = 1; stages <= ladder.length; stages++) {
        const part = ladder.slice(0, stages)
        const name = `${ladderText(part)}${inherits ? ' inherited' : ''}`
        const place = places.get(name) ?? passes.length
        if (place === passes.length) {
          passes.push({ name, ladder: part, inherit: inherits, saves: true, seedOffset: 0, continues, skipTest: true })
          places.set(name, place)
        }
        continues = place
      }
    }
  }
  if (ceiling) passes.push({ ...fully, name: `${fidelityText(full)} from other weights`, seedOffset: 0 })
  return passes
}

/** For each network the place of the most similar one before it; −1 for the first. */
export function parentsOf(graphs: readonly NetworkGraph[]): readonly number[] {
  const layers: readonly (readonly Layer[])[] = graphs.map((graph) => layersOf(graph))
  return layers.map((own, i) => {
    let [parent, most] = [-1, -1]
    for (let other = 0; other < i; other++) {
      const shared = sharedPart(own, layers[other]!)
      if (shared > most) [parent, most] = [other, shared]
    }
    return parent
  })
}
