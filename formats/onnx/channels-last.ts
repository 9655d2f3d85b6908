import { type LaidOut, onnxDims, transposed } from './layout.ts'
import type { OnnxFileNode } from './read-onnx.ts'
import type { NodeRule } from './rules.ts'

/** Operators of ONNX Runtime that read maps with the channels last. */
const NAMED: ReadonlySet<string> = new Set(['NhwcMaxPool', 'NhwcConv', 'NhwcFusedConv'])
const DOMAIN = 'com.ms.internal.nhwc'

export const isChannelsLast = ({ opType, domain, integers }: OnnxFileNode): boolean =>
  NAMED.has(opType) || domain === DOMAIN || (integers.get('channels_last')?.[0] ?? 0) === 1

/** The value with the axes of ONNX, channels first; and back. */
const channelsFirst = (value: LaidOut): LaidOut => {
  const rank = value.order.length
  return transposed(value, [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)])
}
const channelsLast = (value: LaidOut): LaidOut => {
  const rank = value.order.length
  return transposed(value, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1])
}

/** The rule of a node, which counts axes as the node does: files that ONNX Runtime has optimised have maps with channels last. */
export function inFileLayout(node: OnnxFileNode, rule: NodeRule): NodeRule {
  if (!isChannelsLast(node)) return rule
  return (input) => {
    const value = (operand: number): LaidOut => (operand === 0 ? channelsFirst(input.value(0)) : input.value(operand))
    const dims = (operand: number): readonly number[] => (operand === 0 ? onnxDims(value(0)) : input.dims(operand))
    return rule({ ...input, value, dims }).map((result) => (result.order.length > 2 ? channelsLast(result) : result))
  }
}
