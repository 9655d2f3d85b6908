import { encodeModel, type OnnxNode, type OnnxTensor } from '../../formats/onnx/model.ts'
import { randomStream } from '../../lib/random.ts'

type Attributes = OnnxNode['attributes']

/** Writes files as PyTorch does: channels first, paddings in sizes. */
export class OnnxWriter {
  readonly nodes: OnnxNode[] = []
  readonly initializers = new Map<string, OnnxTensor>()
  readonly #random = randomStream(8, 'onnx')

  stored(dims: readonly number[], scale = 0.3, offset = 0): string {
    const name = `w${this.initializers.size}`
    const size = dims.reduce((a, b) => a * b, 1)
    const data = Float32Array.from({ length: size }, () => offset + scale * this.#random.normal())
    this.initializers.set(name, { type: 'float32', dims, data })
    return name
  }

  /** One number without axes. */
  shapeless(value: number): string {
    const name = `w${this.initializers.size}`
    this.initializers.set(name, { type: 'float32', dims: [], data: Float32Array.of(value) })
    return name
  }

  node(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = `v${this.nodes.length}`
    this.nodes.push({ opType, domain: '', name: '', inputs, outputs: [output], attributes })
    return output
  }

  conv(x: string, dims: readonly number[], stride: bigint, pads: readonly bigint[], more: Attributes = {}): string {
    const inputs = [x, this.stored(dims), this.stored([dims[0]!])]
    return this.node('Conv', inputs, {
      kernel_shape: dims.slice(2).map(BigInt),
      strides: [stride, stride],
      pads,
      ...more,
    })
  }

  file(output: string, dims: readonly (number | string)[], results: readonly (number | string)[]): Uint8Array {
    return encodeModel({
      producer: 'test',
      producerVersion: '1',
      opsets: { '': 17 },
      graphName: 'g',
      nodes: this.nodes,
      initializers: this.initializers,
      inputs: [{ name: 'image', type: 'float32', dims }],
      outputs: [{ name: output, type: 'float32', dims: results }],
    })
  }
}
