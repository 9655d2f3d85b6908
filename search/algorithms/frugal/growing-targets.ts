import type { Fit, GaussianProcess } from './gaussian-process.ts'
import { grown } from './grown.ts'

/** Targets that come with the points of a process. What was worked out for the earlier ones is kept while it serves. */
export class GrowingTargets {
  readonly values: number[] = []
  #process: GaussianProcess | undefined
  #whitened = new Float64Array(0)
  #count = 0

  /** How far each target is from its prediction by those before it, by a process that has one point for each. */
  misses(process: GaussianProcess): Float64Array {
    return process.misses(this.#for(process))
  }

  fit(process: GaussianProcess): Fit {
    return process.fitWhitened(this.#for(process))
  }

  #for(process: GaussianProcess): Float64Array {
    const n = this.values.length
    if (process !== this.#process) this.#count = 0
    this.#process = process
    this.#whitened = grown(this.#whitened, n, 2 * n)
    for (let i = this.#count; i < n; i++) this.#whitened[i] = this.values[i]!
    process.whiten(this.#whitened, this.#count, n)
    this.#count = n
    return this.#whitened.subarray(0, n)
  }
}
