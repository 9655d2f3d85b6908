import { withStoredConstants } from '../../formats/onnx/constants.ts'
import { withoutFunctions } from '../../formats/onnx/functions.ts'
import { withFusedActivations } from '../../formats/onnx/fused-activations.ts'
import { type OnnxFile, type OnnxFileNode, readOnnx } from '../../formats/onnx/read-onnx.ts'
import { withSortedNodes } from '../../formats/onnx/sorted-nodes.ts'
import { UserError } from '../../lib/errors.ts'
import { shapeText } from '../../network/shapes.ts'
import type { FloatNetwork } from './float-builder.ts'
import { OnnxFloatImport } from './onnx-float-import.ts'
import { readsChannelsLast } from './onnx-layout.ts'
import { mixtureAt, readMixture } from './onnx-mixture.ts'
import { ONNX_READERS } from './onnx-readers.ts'

/**
 * Reads a float ONNX file as a network and its weights: with channels first, as PyTorch writes them, or with the channels last
 * outside and first inside, as `frugal export` and converters from Keras do. The network reads maps with the channels last.
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
  checkFloat(file)
  const { name, type, dims = [] } = inputs[0]!
  const sizes = dims.slice(1)
  if (type !== 'float32' || sizes.length < 1 || sizes.length > 3 || sizes.some((size) => size === undefined)) {
    const known = dims.map((length) => length ?? 0)
    throw new UserError(
      `input '${name}' is ${type} of shape ${shapeText(known)}; float32 of [batch, features], [batch, channels, length] or [batch, channels, height, width] with fixed lengths is converted`,
    )
  }
  const inputLast = sizes.length > 1 && readsChannelsLast(file, name, [1, ...(sizes as number[])])
  const [channels, ...map] = (inputLast ? [sizes.at(-1), ...sizes.slice(0, -1)] : sizes) as number[]
  const network = new OnnxFloatImport(file, dims.length)
  // A sequence is a map of one row.
  const shape = [...(map.length === 1 ? [1] : []), ...map, channels!]
  network.give(name, { ...network.entry(shape), ...(inputLast ? { last: true } : {}) })
  readNodes(network, file, 0)
  const output = network.value(file.outputs[0]!.name)
  if (output.flattened !== undefined)
    throw new UserError('its result is a flattened map with the channels first, which is not converted')
  const computesHalf = file.nodes.some(
    ({ opType, inputs: [first = ''], integers }) =>
      opType === 'Cast' && integers.get('to')?.[0] === FLOAT16 && !network.isStored(first),
  )
  return { ...network.build(output), ends: { inputLast, outputLast: output.last === true, computesHalf } }
}

/** Element type of ONNX. */
const FLOAT16 = 10

/** Operators of integers. */
const QUANTISED = /^(QLinear|Quantize|Dequantize|DynamicQuantize)|Integer$/
const isKnown = ({ domain, opType }: OnnxFileNode): boolean => domain === '' && Object.hasOwn(ONNX_READERS, opType)

/** @throws UserError for a network in int8: what it does to its samples before would be refused for another reason. */
function checkFloat({ nodes }: OnnxFile): void {
  const at = nodes.findIndex(({ opType }) => QUANTISED.test(opType))
  if (at < 0) return
  throw new UserError(
    `node ${at} (${nodes[at]!.opType}): the network is in int8, which is converted from .tflite only; give the .tflite of the same network or, where it has experts, its float .onnx, with --data`,
  )
}

function readNodes(network: OnnxFloatImport, file: OnnxFile, depth: number): void {
  const done = new Set<OnnxFileNode>()
  for (const [i, node] of file.nodes.entries()) {
    if (done.has(node)) continue
    try {
      const mixture = mixtureAt(file, node)
      if (mixture === undefined) readNode(network, node)
      else {
        network.give(mixture.output, readMixture({ network, file, depth, readNodes }, mixture))
        for (const part of mixture.nodes) done.add(part)
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(`node ${i} (${node.opType}): ${error.message}`)
    }
  }
}

function readNode(network: OnnxFloatImport, node: OnnxFileNode): void {
  const reader = node.domain === '' ? ONNX_READERS[node.opType] : undefined
  if (reader === undefined) {
    throw new UserError(`it is not converted; these are: ${Object.keys(ONNX_READERS).join(', ')}`)
  }
  const [result, ...more] = node.outputs.filter((output) => output !== '')
  if (result === undefined || more.length > 0) throw new UserError('it has not one result')
  const [first = ''] = node.inputs
  if ((node.opType === 'Identity' || node.opType === 'Cast') && network.isStored(first)) {
    network.alias(first, result)
    return
  }
  network.give(result, reader({ network, node }))
}
