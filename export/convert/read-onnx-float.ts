import { withStoredConstants } from '../../formats/onnx/constants.ts'
import { withoutFunctions } from '../../formats/onnx/functions.ts'
import { withFusedActivations } from '../../formats/onnx/fused-activations.ts'
import { type OnnxFileNode, readOnnx } from '../../formats/onnx/read-onnx.ts'
import { withSortedNodes } from '../../formats/onnx/sorted-nodes.ts'
import { UserError } from '../../lib/errors.ts'
import { shapeText } from '../../network/shapes.ts'
import type { FloatNetwork } from './float-builder.ts'
import { OnnxFloatImport } from './onnx-float-import.ts'
import { ONNX_READERS } from './onnx-readers.ts'

/**
 * Reads a float ONNX file with channels first, as PyTorch and others write them, as a network and its weights. The network reads
 * maps with the channels last.
 * @throws UserError with one sentence.
 */
export function readFloatOnnx(bytes: Uint8Array): FloatNetwork {
  const stored = withStoredConstants(withoutFunctions(readOnnx(bytes), isKnown))
  const file = withFusedActivations(withSortedNodes(stored))
  const inputs = file.inputs.filter(({ name }) => !file.initializers.has(name))
  if (inputs.length !== 1 || file.outputs.length !== 1) {
    throw new UserError(
      `the network has ${inputs.length} inputs and ${file.outputs.length} outputs; one of each is converted`,
    )
  }
  const { name, type, dims = [] } = inputs[0]!
  const sizes = dims.slice(1)
  if (type !== 'float32' || sizes.length < 1 || sizes.length > 3 || sizes.some((size) => size === undefined)) {
    const known = dims.map((length) => length ?? 0)
    throw new UserError(
      `input '${name}' is ${type} of shape ${shapeText(known)}; float32 of [batch, features], [batch, channels, length] or [batch, channels, height, width] with fixed lengths is converted`,
    )
  }
  const [channels, ...map] = sizes as number[]
  const network = new OnnxFloatImport(file, dims.length)
  // A sequence is a map of one row.
  network.give(name, network.entry([...(map.length === 1 ? [1] : []), ...map, channels!]))
  for (const [i, node] of file.nodes.entries()) {
    try {
      readNode(network, node)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(`node ${i} (${node.opType}): ${error.message}`)
    }
  }
  return network.build(network.value(file.outputs[0]!.name))
}

const QUANTISED = /^(QLinear|Quantize|Dequantize|DynamicQuantize)|Integer$/
const isKnown = ({ domain, opType }: OnnxFileNode): boolean => domain === '' && Object.hasOwn(ONNX_READERS, opType)

function readNode(network: OnnxFloatImport, node: OnnxFileNode): void {
  const [result, ...more] = node.outputs.filter((output) => output !== '')
  if (result === undefined || more.length > 0) throw new UserError('it has not one result')
  const [first = ''] = node.inputs
  if ((node.opType === 'Identity' || node.opType === 'Cast') && network.isStored(first)) {
    network.alias(first, result)
    return
  }
  if (QUANTISED.test(node.opType)) {
    throw new UserError(
      'the network is in int8, which is converted from .tflite only; give the float file, with --data',
    )
  }
  const reader = ONNX_READERS[node.opType]
  if (reader === undefined || node.domain !== '') {
    throw new UserError(`it is not converted; these are: ${Object.keys(ONNX_READERS).join(', ')}`)
  }
  network.give(result, reader({ network, node }))
}
