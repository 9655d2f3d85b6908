import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import { weightSpecs } from '../../../network/measure.ts'
import { sizeOf } from '../../../network/shapes.ts'
import type { NetworkGraph, Weights } from '../../../network/types.ts'
import { checkWeight } from '../program-checks.ts'
import type { Tensorflow } from './scope.ts'
import { inverseOrder, permute, tensorflowOrder } from './weight-layout.ts'

/** One weight as TensorFlow holds it. */
export interface StoredWeight {
  readonly name: string
  readonly value: Variable
  /** What the optimiser keeps of it; nothing for running statistics. */
  readonly kept: readonly Variable[]
  readonly trained: boolean
  readonly isKernel: boolean
  /** The shape as `weightSpecs` names it, and which of its axes stands where in TensorFlow's. */
  readonly shape: readonly number[]
  readonly order: readonly number[]
}

/** All weights of a network with their optimiser state, inside TensorFlow; 0 everywhere at first. */
export class StoredWeights {
  readonly all: ReadonlyMap<string, StoredWeight>
  readonly trained: readonly StoredWeight[]
  readonly #tf: Tensorflow

  constructor(tf: Tensorflow, graph: NetworkGraph, keptByOptimiser: number) {
    this.#tf = tf
    const depthwise = depthwisePaths(graph)
    const stored = weightSpecs(graph).map(({ name, role, shape }): StoredWeight => {
      const placed = tensorflowOrder({ role, shape }, depthwise.has(name.slice(0, name.lastIndexOf('/'))))
      const trained = role !== 'movingMean' && role !== 'movingVariance'
      const zeros = (trainable: boolean): Variable => tf.tidy(() => tf.variable(tf.zeros([...placed.shape]), trainable))
      const kept = Array.from({ length: trained ? keptByOptimiser : 0 }, () => zeros(false))
      return { name, value: zeros(trained), kept, trained, isKernel: role === 'kernel', shape, order: placed.order }
    })
    this.all = new Map(stored.map((weight) => [weight.name, weight]))
    this.trained = stored.filter(({ trained }) => trained)
  }

  value = (name: string): Tensor => this.all.get(name)!.value

  /** Copies, in the layout of `weightSpecs`. */
  async read(): Promise<Weights> {
    const weights = new Map<string, Float32Array>()
    for (const { name, value, order } of this.all.values()) {
      const values = (await value.data()) as Float32Array
      weights.set(name, permute(values, value.shape, inverseOrder(order)))
    }
    return weights
  }

  /** What the optimiser keeps of written weights starts again at 0. @throws UserError for unknown names and wrong sizes. */
  write(weights: Weights): void {
    for (const [name, values] of weights) {
      const stored = this.all.get(name)
      checkWeight(name, values, stored === undefined ? undefined : sizeOf(stored.shape))
      const { value, kept, shape, order } = stored!
      this.#tf.tidy(() => {
        value.assign(this.#tf.tensor(permute(values, shape, order), value.shape))
        for (const state of kept) state.assign(this.#tf.zerosLike(state))
      })
    }
  }

  /** What the optimiser keeps, `<weight>#<number>`, in the layout of `weightSpecs`. */
  async readKept(): Promise<Weights> {
    const found = new Map<string, Float32Array>()
    for (const { name, kept, order } of this.trained) {
      for (const [place, state] of kept.entries()) {
        const values = (await state.data()) as Float32Array
        found.set(`${name}#${place}`, permute(values, state.shape, inverseOrder(order)))
      }
    }
    return found
  }

  /** @throws UserError for unknown names and wrong sizes. */
  writeKept(state: Weights): void {
    for (const [name, values] of state) {
      const [weight = '', place = ''] = name.split('#')
      const stored = this.all.get(weight)
      const variable = stored?.kept[Number(place)]
      checkWeight(name, values, variable === undefined ? undefined : sizeOf(stored!.shape))
      this.#tf.tidy(() =>
        variable!.assign(this.#tf.tensor(permute(values, stored!.shape, stored!.order), variable!.shape)),
      )
    }
  }

  dispose(): void {
    for (const { value, kept } of this.all.values()) for (const variable of [value, ...kept]) variable.dispose()
  }
}

/** Full names of the depthwise convolutions, those in experts included. */
function depthwisePaths(graph: NetworkGraph, prefix = ''): ReadonlySet<string> {
  const paths = new Set<string>()
  for (const { id, op } of graph.nodes) {
    if (op.kind === 'depthwiseConv2d') paths.add(`${prefix}${id}`)
    if (op.kind !== 'routedExperts') continue
    for (let expert = 0; expert < op.experts; expert++) {
      for (const path of depthwisePaths(op.body, `${prefix}${id}/${expert}/`)) paths.add(path)
    }
  }
  return paths
}
