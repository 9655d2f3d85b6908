import type { OnnxFile, OnnxFileNode } from './read-onnx.ts'
import type { StoredTensor } from './read-tensor.ts'

/** The same network with the values of its Constant nodes among the stored tensors. */
export function withStoredConstants(file: OnnxFile): OnnxFile {
  const initializers = new Map(file.initializers)
  const nodes = file.nodes.filter((node) => {
    const stored = node.opType === 'Constant' && node.domain === '' ? constantOf(node) : undefined
    if (stored === undefined || node.outputs.length !== 1) return true
    initializers.set(node.outputs[0]!, stored)
    return false
  })
  return nodes.length === file.nodes.length ? file : { ...file, nodes, initializers }
}

function constantOf({ tensors, integers, floats }: OnnxFileNode): StoredTensor | undefined {
  const whole = integers.get('value_int') ?? integers.get('value_ints')
  const values = whole ?? floats.get('value_float') ?? floats.get('value_floats')
  const single = integers.has('value_int') || floats.has('value_float')
  const type = whole === undefined ? 'float32' : 'int64'
  return tensors.get('value') ?? (values && { type, dims: single ? [] : [values.length], values })
}
