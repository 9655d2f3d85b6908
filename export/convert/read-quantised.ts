import { readTflite, type TfliteModel, type TfliteOperator, type TfliteTensor } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'
import { hardSigmoidPart, OPERATOR_READERS } from './operator-readers.ts'
import { QuantisedImport, type Value } from './quantised-import.ts'
import { checkNoChoice } from './reader.ts'
import { padAmounts } from './window-readers.ts'

export interface ReadNetwork {
  readonly network: QuantisedNetwork
  /** What its memory is planned for: kernels and tensors of the same ids. */
  readonly graph: NetworkGraph
}

const PADS: ReadonlySet<string> = new Set(['PAD', 'PADV2'])
const WHOLE_NUMBERS: ReadonlySet<string> = new Set(['int32', 'int64'])
const WITH_WEIGHTS: ReadonlySet<string> = new Set(['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED'])

/**
 * Reads a TFLite file in int8, of whatever origin, as a quantised network: every weight, scale and factor is what
 * TFLite's kernels make of the file.
 * @throws UserError with one sentence for files that are not int8, and for operators that are not converted.
 */
export function readQuantisedTflite(bytes: Uint8Array): ReadNetwork {
  const model = asSigned(readTflite(bytes))
  checkInt8(model)
  checkNoChoice(model)
  const [entry, end] = endsOf(model)
  const network = new QuantisedImport(model)
  const input = network.input(entry.position, network.shapeOf(entry.position), network.quantisationOf(entry.position))
  const shifted = new Map<number, Value>()
  for (const [i, operator] of model.operators.entries()) {
    if (operator === entry.operator || operator === end.operator) continue
    try {
      readOperator(network, operator, shifted)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(`operator ${i} (${operator.customName || operator.name}): ${error.message}`)
    }
  }
  const output = network.shaped(network.value(end.position), network.shapeOf(end.position))
  const { graph, kernels } = network.build(output)
  if (kernels.length === 0) throw new UserError('the network holds no operator that computes')
  const channels = input.shape.at(-1)!
  return {
    network: {
      tensors: network.tensors,
      kernels,
      input: input.tensor,
      output: output.tensor,
      outputShape: output.shape,
      // The file does not say how samples become inputs: they go in as real values.
      normalisation: { mean: Array<number>(channels).fill(0), standardDeviation: Array<number>(channels).fill(1) },
      calibration: 'minmax',
    },
    graph,
  }
}

/** @throws UserError for networks in floats, naming what can be done. */
function checkInt8({ operators, tensors }: TfliteModel): void {
  const first = operators.find(
    ({ name, inputs }) => WITH_WEIGHTS.has(name) && tensors[inputs[0] ?? -1]?.type !== 'int8',
  )
  if (first === undefined) return
  const weights = tensors[first.inputs[1] ?? -1]?.type
  const type = tensors[first.inputs[0] ?? -1]?.type ?? 'other'
  const what = weights === 'int8' && type === 'float32' ? 'float32 with stored int8 weights' : `${type}`
  throw new UserError(
    `the network computes in ${what}; frugal convert reads networks in int8: quantise it to int8 first (full integer quantisation)`,
  )
}

/** uint8 and int8 differ by 128 in values and zero points alone: the same network in int8. */
function asSigned(model: TfliteModel): TfliteModel {
  const tensors = model.tensors.map((tensor): TfliteTensor => {
    const { type, quantisation, data } = tensor
    if (type !== 'uint8' || quantisation === undefined) return tensor
    const zeroPoints = quantisation.zeroPoints.map((zeroPoint) => zeroPoint - 128)
    const signed = data.map((value) => value ^ 0x80)
    return { ...tensor, type: 'int8', data: signed, quantisation: { ...quantisation, type: 'int8', zeroPoints } }
  })
  return { ...model, tensors }
}

interface End {
  /** Of the int8 tensor that the network begins or ends with. */
  readonly position: number
  /** QUANTIZE or DEQUANTIZE beside it. */
  readonly operator?: TfliteOperator
}

function endsOf({ inputs, outputs, operators, tensors }: TfliteModel): readonly [End, End] {
  if (inputs.length !== 1 || outputs.length !== 1) {
    throw new UserError(
      `the network has ${inputs.length} inputs and ${outputs.length} outputs; one of each is converted`,
    )
  }
  const [entry, end] = [inputs[0]!, outputs[0]!]
  const first = operators.find(({ name, inputs: [from] }) => name === 'QUANTIZE' && from === entry)
  const last = operators.find(({ name, outputs: [to] }) => ENDINGS.has(name) && to === end)
  // From or to float, or between uint8 and int8 in the same scale.
  const outside = (own: number, other: number): boolean =>
    tensors[own]!.type === 'float32' || sameScale(tensors[own]!, tensors[other]!)
  return [
    first !== undefined && outside(entry, first.outputs[0]!)
      ? { position: first.outputs[0]!, operator: first }
      : { position: entry },
    last !== undefined && outside(end, last.inputs[0]!)
      ? { position: last.inputs[0]!, operator: last }
      : { position: end },
  ]
}

const ENDINGS: ReadonlySet<string> = new Set(['DEQUANTIZE', 'QUANTIZE'])

const sameScale = ({ quantisation: a }: TfliteTensor, { quantisation: b }: TfliteTensor): boolean =>
  a !== undefined && b !== undefined && a.scales[0] === b.scales[0] && a.zeroPoints[0] === b.zeroPoints[0]

function readOperator(network: QuantisedImport, operator: TfliteOperator, shifted: Map<number, Value>): void {
  const [result] = operator.outputs
  const [first = -1] = operator.inputs
  if (operator.outputs.length !== 1 || result === undefined) throw new UserError('it has not one result')
  // Shapes that a network computes from its fixed ones: results say theirs in the file.
  if (WHOLE_NUMBERS.has(network.file(result).type)) return
  const reader = OPERATOR_READERS[operator.name]
  if (reader === undefined && operator.name !== 'QUANTIZE' && !PADS.has(operator.name)) {
    throw new UserError(`it is not converted; these are: ${Object.keys(OPERATOR_READERS).join(', ')}, PAD`)
  }
  const input = { network, operator, quantisation: network.quantisationOf(result) }
  if (operator.name === 'QUANTIZE') {
    network.rescale(first, result)
    return
  }
  if (PADS.has(operator.name)) {
    network.pad(first, result, padAmounts(input))
    return
  }
  const before = shifted.get(first)
  if (before !== undefined && hardSigmoidPart.isScale(input)) {
    network.give(result, hardSigmoidPart.join(input, before))
    return
  }
  if (hardSigmoidPart.isShift(input)) {
    shifted.set(result, network.shaped(network.value(first), network.shapeOf(first)))
    return
  }
  const value = reader!(input)
  const shape = network.shapeOf(result)
  if (sizeOf(shape) !== sizeOf(value.shape))
    throw new UserError(`it makes ${sizeOf(value.shape)} values and the file says ${sizeOf(shape)}`)
  network.give(result, value)
}
