import { choiceDistances } from './choice-groups.ts'
import type { EncodedGenome, Encoding } from './encoding.ts'
import { type Fit, GaussianProcess } from './gaussian-process.ts'
import {
  createKernel,
  type Distances,
  distancesFor,
  EncodedRows,
  type KernelParameters,
  measureDistances,
} from './kernel.ts'
import { likelihoodGradient } from './similarity.ts'
import { rowStart } from './triangular.ts'

/** What observations say of one set of parameters. */
export interface Judged {
  readonly logLikelihood: number
  /** Derivative of the log likelihood by each latent coordinate of the choices. */
  slopes(): Float64Array
}

/** Observations whose likelihood is judged under different parameters; distances are measured once for each place of the choices. */
export class LikelihoodSample {
  readonly #encoding: Encoding
  readonly #rows: readonly EncodedGenome[]
  readonly #targets: readonly Float64Array[]
  #latents: readonly number[] | undefined
  #bend = 1
  #distances: Distances
  /** The same, row by row. */
  readonly #rowDistances: Distances[] = []

  /** @param targets one or more lists of values, one value per row */
  constructor(encoding: Encoding, rows: readonly EncodedGenome[], targets: readonly Float64Array[]) {
    this.#encoding = encoding
    this.#rows = rows
    this.#targets = targets
    this.#distances = distancesFor(0)
  }

  judge(parameters: KernelParameters, latents: readonly number[]): Judged {
    if (latents !== this.#latents || parameters.bend !== this.#bend) this.#measure(latents, parameters.bend)
    const encoding = this.#encoding
    const rows = this.#rows
    const { apart } = this.#distances
    const kernel = createKernel(encoding, parameters)
    const covariances = new Float64Array(rows.length)
    const process = new GaussianProcess(encoding, parameters, latents)
    rows.forEach((row, i) => {
      kernel(this.#rowDistances[i]!, 0, i, covariances)
      process.add(row, covariances)
    })
    const fits: readonly Fit[] = this.#targets.map((list) => process.fit(list))
    return {
      logLikelihood: fits.reduce((sum, { logLikelihood }) => sum + logLikelihood, 0),
      slopes: () => likelihoodGradient(encoding, process, fits, rows, apart, parameters, latents),
    }
  }

  #measure(latents: readonly number[], bend: number): void {
    const tables = this.#encoding.tables(choiceDistances(this.#encoding.groups, latents), bend)
    const before = new EncodedRows(this.#encoding)
    const all = distancesFor(rowStart(this.#rows.length))
    this.#latents = latents
    this.#bend = bend
    this.#distances = all
    this.#rowDistances.length = 0
    this.#rows.forEach((row, i) => {
      const [from, to] = [rowStart(i), rowStart(i) + i]
      const own = {
        mismatch: all.mismatch.subarray(from, to),
        apart: all.apart.subarray(from, to),
        squares: all.squares.subarray(from, to),
        counts: all.counts.subarray(from, to),
        costs: all.costs.subarray(from, to),
      }
      measureDistances(this.#encoding, before, row, tables(row), own, 0)
      this.#rowDistances.push(own)
      before.add(row)
    })
  }
}
