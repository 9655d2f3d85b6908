import { InferenceSession, type OnnxValue, Tensor } from 'onnxruntime-node'
import type { Provider } from './providers.ts'

export type Optimisation = 'none' | 'all'
export type Tensors = Readonly<Record<string, Tensor>>

export const floatTensor = (data: Float32Array, dims: readonly number[]): Tensor => new Tensor('float32', data, dims)
export const intTensor = (data: Int32Array, dims: readonly number[]): Tensor => new Tensor('int32', data, dims)

export interface SessionOptions {
  /** Where it runs; what a provider has no kernel for runs on the processor. */
  readonly provider?: Provider
}

/** An ONNX model loaded for repeated runs on one thread of the processor, or on a GPU. */
export class Session {
  readonly #session: InferenceSession

  private constructor(session: InferenceSession) {
    this.#session = session
  }

  /** `all` lets the runtime rewrite the graph; `none` runs it as it is written, and loads faster. */
  static async create(
    model: Uint8Array,
    optimisation: Optimisation,
    { provider = 'cpu' }: SessionOptions = {},
  ): Promise<Session> {
    const session = await InferenceSession.create(model, {
      executionProviders: [provider],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: optimisation === 'none' ? 'disabled' : 'all',
      logSeverityLevel: 3,
    })
    return new Session(session)
  }

  /** Runs the model; results are written into the tensors given as `outputs`. */
  async run(inputs: Tensors, outputs: Tensors): Promise<void> {
    const copies = await this.#session.run(inputs as Record<string, OnnxValue>, outputs as Record<string, OnnxValue>)
    for (const [name, copy] of Object.entries(copies)) freeCopy(copy as Tensor, outputs[name])
  }

  release = (): Promise<void> => this.#session.release()
}

/**
 * The runtime answers with copies even of results that were written where the caller wanted them. Left to the garbage
 * collector, those of a few hundred steps make it run again and again, beside the training, on other cores.
 */
function freeCopy(copy: Tensor, own: Tensor | undefined): void {
  const { buffer } = copy.data as Float32Array
  if (buffer instanceof ArrayBuffer && buffer !== (own?.data as Float32Array | undefined)?.buffer) buffer.transfer(0)
}
