import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import { rangePaths } from '../../../network/stored-values.ts'
import type { NetworkGraph, Weights } from '../../../network/types.ts'
import type { Recipe } from '../engine.ts'
import { rangeName, rangeOf } from '../fake-quantisation.ts'
import { fourBitKernels, type KernelNames } from '../four-bit-kernels.ts'
import { checkWeight } from '../program-checks.ts'
import { fakeQuantiseFourBits, fakeQuantiseKernel, fakeQuantiseValue } from './fake-quantise.ts'
import type { FakeQuantisation, Tensorflow } from './scope.ts'

/** Moving averages of the lowest value, the highest, and 1. */
const RANGE_ELEMENTS = 3

/** The ranges of all stored values, inside TensorFlow; 0 everywhere at first. */
export class StoredRanges {
  readonly #tf: Tensorflow
  readonly #momentum: number
  readonly #fourBits: KernelNames
  readonly #ranges: ReadonlyMap<string, Variable>

  /** @throws UserError for a layer with 4 bits that the network does not have. */
  constructor(tf: Tensorflow, graph: NetworkGraph, recipe: Recipe) {
    this.#tf = tf
    this.#momentum = recipe.batchNormMomentum
    this.#fourBits = fourBitKernels(graph, recipe)
    this.#ranges = new Map(
      rangePaths(graph).map((path) => [path, tf.tidy(() => tf.variable(tf.zeros([RANGE_ELEMENTS]), false))]),
    )
  }

  #roundKernel: FakeQuantisation['kernel'] = (name, kernel, depthwise) =>
    (this.#fourBits.has(name) ? fakeQuantiseFourBits : fakeQuantiseKernel)(this.#tf, kernel, depthwise)

  /** For a step: ranges follow the batch. `updated` receives the new averages, which outlive the pass. */
  following(updated: Map<string, Tensor>): FakeQuantisation {
    const tf = this.#tf
    const averages = (path: string) => (value: Tensor) => {
      const seen = tf.stack([tf.min(value), tf.max(value), tf.scalar(1)])
      const blended = tf.add(tf.mul(this.#ranges.get(path)!, this.#momentum), tf.mul(seen, 1 - this.#momentum))
      updated.set(path, tf.keep(tf.clone(blended)))
      return blended
    }
    return {
      kernel: this.#roundKernel,
      value: (path, value, source) => fakeQuantiseValue(tf, value, source, averages(path)),
    }
  }

  /** For predictions: ranges as they are; before the first step there are none, and values keep their precision. */
  async fixed(): Promise<FakeQuantisation> {
    const tf = this.#tf
    const known = new Map<string, Tensor>()
    for (const [path, range] of this.#ranges) {
      if (rangeOf((await range.data()) as Float32Array) !== undefined) known.set(path, range)
    }
    return {
      kernel: this.#roundKernel,
      value: (path, value, source) => {
        const range = known.get(path)
        if (source === 'own' && range === undefined) return value
        return fakeQuantiseValue(tf, value, source, () => range!)
      },
    }
  }

  assign(updated: ReadonlyMap<string, Tensor>): void {
    for (const [path, averages] of updated) this.#ranges.get(path)!.assign(averages)
  }

  async read(): Promise<Weights> {
    const found = new Map<string, Float32Array>()
    for (const [path, range] of this.#ranges) found.set(rangeName(path), (await range.data()) as Float32Array)
    return found
  }

  /** Takes those of the names that are ranges; gives the rest. @throws UserError for a range of another size. */
  write(state: Weights): Weights {
    const rest = new Map(state)
    for (const [path, range] of this.#ranges) {
      const name = rangeName(path)
      const values = state.get(name)
      rest.delete(name)
      if (values === undefined) continue
      checkWeight(name, values, RANGE_ELEMENTS)
      this.#tf.tidy(() => range.assign(this.#tf.tensor1d(values)))
    }
    return rest
  }

  dispose(): void {
    for (const range of this.#ranges.values()) range.dispose()
  }
}
