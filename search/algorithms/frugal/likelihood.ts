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

/** Samples share the room for their distances: what it holds are those of this one. */
let lastMeasured: LikelihoodSample | undefined

/** Observations whose likelihood is judged under different parameters; distances are measured once for each place of the choices. */
export class LikelihoodSample {
  readonly #encoding: Encoding
  readonly #rows: readonly EncodedGenome[]
  readonly #targets: readonly Float64Array[]
  #latents: readonly number[] | undefined
  #bend = 1
  /** Packed by rows, with the genomes' own distances in between, which mean nothing. */
  #distances: Distances | undefined
  #covariances = new Float64Array(0)

  /** @param targets one or more lists of values, one value per row */
  constructor(encoding: Encoding, rows: readonly EncodedGenome[], targets: readonly Float64Array[]) {
    this.#encoding = encoding
    this.#rows = rows
    this.#targets = targets
  }

  judge(parameters: KernelParameters, latents: readonly number[]): Judged {
    const encoding = this.#encoding
    const rows = this.#rows
    const distances = this.#measured(latents, parameters.bend)
    createKernel(encoding, parameters)(distances, 0, rowStart(rows.length), this.#covariances, 0)
    const process = new GaussianProcess(encoding, parameters, latents)
    rows.forEach((row, i) => {
      process.add(row, this.#covariances.subarray(rowStart(i), rowStart(i) + i))
    })
    const fits: readonly Fit[] = this.#targets.map((list) => process.fit(list))
    return {
      logLikelihood: fits.reduce((sum, { logLikelihood }) => sum + logLikelihood, 0),
      slopes: () => {
        const { apart } = this.#measured(latents, parameters.bend)
        return likelihoodGradient(encoding, process, fits, rows, apart, parameters, latents)
      },
    }
  }

  #measured(latents: readonly number[], bend: number): Distances {
    const isThere = this.#distances !== undefined && (this.#distances.area === undefined || lastMeasured === this)
    if (isThere && latents === this.#latents && bend === this.#bend) return this.#distances!
    this.#latents = latents
    this.#bend = bend
    lastMeasured = this
    const count = rowStart(this.#rows.length)
    this.#distances ??= distancesFor('sample', count)
    if (this.#covariances.length < count) this.#covariances = new Float64Array(count)
    const tables = this.#encoding.tables(choiceDistances(this.#encoding.groups, latents), bend)
    const before = new EncodedRows(this.#encoding)
    this.#rows.forEach((row, i) => {
      measureDistances(this.#encoding, before, row, tables(row), 0, this.#distances!, rowStart(i))
      before.add(row)
    })
    return this.#distances
  }
}
