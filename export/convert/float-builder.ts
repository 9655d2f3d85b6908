import { UserError } from '../../lib/errors.ts'
import { GraphBuilder } from '../../network/build.ts'
import { sameShape, shapeText, sizeOf } from '../../network/shapes.ts'
import type { ActivationKind, NetworkGraph, NetworkNode, Op, Shape, WeightRole, Weights } from '../../network/types.ts'

/** A float network of a file, ready to be quantised or written. */
export interface FloatNetwork {
  readonly graph: NetworkGraph
  readonly weights: Weights
  /** Of an ONNX file. */
  readonly ends?: OnnxEnds
}

/** What an ONNX file takes and how it computes. */
export interface OnnxEnds {
  /** It takes maps with the channels last. */
  readonly inputLast: boolean
  /** In float16, which rounds more than the comparison of float32 lets pass. */
  readonly computesHalf: boolean
  /** It gives a map with the channels last. */
  readonly outputLast: boolean
}

/** The node that samples come in by. */
export const inputNodeOf = (graph: NetworkGraph): NetworkNode => graph.nodes.find(({ op }) => op.kind === 'input')!

/** A computed tensor of the file: the node that gives it, in a shape without the batch. */
export interface FloatValue {
  readonly node: string
  readonly shape: Shape
}

/** Weights of a batch norm that scales and shifts: its own arrays, which may still be changed. */
export interface Affine {
  readonly gamma: Float32Array
  readonly beta: Float32Array
}

/** Builds a network of kinds that spaces make, with weights. */
export class FloatBuilder {
  readonly #graph = new GraphBuilder()
  readonly #weights = new Map<string, Float32Array>()

  entry = (shape: Shape): FloatValue => ({ node: this.#graph.input(shape), shape })

  /** The same elements in another shape. @throws UserError when their number differs. */
  shaped(value: FloatValue, shape: Shape): FloatValue {
    if (sameShape(value.shape, shape)) return value
    if (sizeOf(value.shape) !== sizeOf(shape)) {
      throw new UserError(`${shapeText(value.shape)} cannot become ${shapeText(shape)}: not as many elements`)
    }
    return { shape, node: this.#graph.node({ kind: 'reshape', shape }, value.node) }
  }

  add(
    op: Op,
    operands: readonly FloatValue[],
    weights: Readonly<Partial<Record<WeightRole, Float32Array>>> = {},
    activation: 'none' | ActivationKind = 'none',
  ): FloatValue {
    const id = this.#graph.node(op, ...operands.map(({ node }) => node))
    for (const [role, values] of Object.entries(weights)) this.#weights.set(`${id}/${role}`, values)
    const node = activation === 'none' ? id : this.#graph.activation(id, activation)
    return { node, shape: this.#graph.shape(id) }
  }

  /** γ · x + β for each channel or feature: a batch norm whose statistics are 0 and 1. @throws UserError for other lengths. */
  perChannel(
    x: FloatValue,
    scale: readonly number[] | Float32Array,
    shift: readonly number[] | Float32Array,
  ): FloatValue & { readonly affine: Affine } {
    const channels = x.shape.at(-1)!
    const each = (values: ArrayLike<number>): Float32Array => {
      if (x.shape.length === 2 || (values.length !== channels && values.length !== 1))
        throw new UserError(
          `its stored operand has ${values.length} values; one, or one for each of the ${channels} ${x.shape.length === 1 ? 'features of a vector' : 'channels of a map'}, is converted`,
        )
      return Float32Array.from({ length: channels }, (_, c) => values[values.length === 1 ? 0 : c]!)
    }
    const statistics = { movingMean: each([0]), movingVariance: each([1]) }
    const affine = { gamma: each(scale), beta: each(shift) }
    const map = x.shape.length === 1 ? this.shaped(x, [1, 1, channels]) : x
    const result = this.add({ kind: 'batchNorm', epsilon: 0 }, [map], { ...affine, ...statistics })
    return { ...this.shaped(result, x.shape), affine }
  }

  /** A mixture of experts, each with weights of its own. @param bodies all of one structure. */
  experts(bodies: readonly FloatNetwork[], topK: number, features: FloatValue, gates: FloatValue): FloatValue {
    const op = { kind: 'routedExperts', experts: bodies.length, topK, body: bodies[0]!.graph } as const
    const value = this.add(op, [features, gates])
    for (const [i, { weights }] of bodies.entries())
      for (const [path, values] of weights) this.#weights.set(`${value.node}/${i}/${path}`, values)
    return value
  }

  build(output: FloatValue): FloatNetwork {
    return { graph: this.#graph.build(output.node), weights: this.#weights }
  }
}
