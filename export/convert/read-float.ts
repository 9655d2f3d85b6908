import { integersOf, readTflite, type TfliteModel } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import type { FloatNetwork } from './float-builder.ts'
import { FloatImport } from './float-import.ts'
import { FLOAT_READERS } from './float-readers.ts'
import { checkNoChoice } from './reader.ts'

const WITH_WEIGHTS: ReadonlySet<string> = new Set(['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED'])
const WHOLE_NUMBERS: ReadonlySet<string> = new Set(['int32', 'int64'])

/** Whether a file computes in floats, however its weights are stored. */
export const isFloat = ({ operators, tensors }: TfliteModel): boolean =>
  operators.some(({ name, inputs }) => WITH_WEIGHTS.has(name) && tensors[inputs[0] ?? -1]?.type === 'float32')

/** Whether weights are stored in int8 and what they multiply is rounded as it runs. */
export const isDynamic = ({ operators, tensors }: TfliteModel): boolean =>
  operators.some(({ name, inputs }) => WITH_WEIGHTS.has(name) && tensors[inputs[1] ?? -1]?.type === 'int8')

/**
 * Reads a float TFLite file as a network and its weights: float32, float16 behind a DEQUANTIZE, or int8 of dynamic range
 * quantisation, whose weights become the real numbers they stand for.
 * @throws UserError with one sentence.
 */
export function readFloatTflite(bytes: Uint8Array): FloatNetwork {
  const model = readTflite(bytes)
  const { inputs, outputs } = model
  if (inputs.length !== 1 || outputs.length !== 1) {
    throw new UserError(
      `the network has ${inputs.length} inputs and ${outputs.length} outputs; one of each is converted`,
    )
  }
  checkNoChoice(model)
  const network = new FloatImport(model)
  network.input(inputs[0]!)
  for (const [i, operator] of model.operators.entries()) {
    try {
      readOperator(network, operator)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(`operator ${i} (${operator.customName || operator.name}): ${error.message}`)
    }
  }
  return network.build(network.shaped(network.value(outputs[0]!), network.shapeOf(outputs[0]!)))
}

function readOperator(network: FloatImport, operator: TfliteModel['operators'][number]): void {
  const [result] = operator.outputs
  const [first = -1] = operator.inputs
  if (operator.outputs.length !== 1 || result === undefined) throw new UserError('it has not one result')
  if (WHOLE_NUMBERS.has(network.file(result).type)) return
  if (operator.name === 'DEQUANTIZE' && network.isStored(first)) {
    network.widen(first, result)
    return
  }
  if (operator.name === 'PAD') {
    const amounts = integersOf(network.file(operator.inputs[1]!))
    if (amounts?.length !== 8 || [0, 1, 6, 7].some((i) => amounts[i] !== 0))
      throw new UserError('it adds to other axes than height and width, which is not converted')
    network.pad(first, result, [
      [amounts[2]!, amounts[3]!],
      [amounts[4]!, amounts[5]!],
    ])
    return
  }
  const reader = FLOAT_READERS[operator.name]
  if (reader === undefined) {
    throw new UserError(
      `it is not converted; in float networks these are: ${Object.keys(FLOAT_READERS).join(', ')}, PAD`,
    )
  }
  network.give(result, reader({ network, operator }))
}
