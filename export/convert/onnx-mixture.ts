import { readersIn } from '../../formats/onnx/node-lookup.ts'
import { NOTHING_KNOWN } from '../../formats/onnx/plain-operators.ts'
import type { OnnxFile, OnnxFileNode } from '../../formats/onnx/read-onnx.ts'
import { MIXTURE_STARTS, type RoutedMixture, routedMixtureAt } from '../../formats/onnx/routed-mixture.ts'
import { UserError } from '../../lib/errors.ts'
import type { FloatNetwork } from './float-builder.ts'
import { OnnxFloatImport, type OnnxValue } from './onnx-float-import.ts'
import { layoutOf } from './onnx-layout.ts'

/** How deep experts may lie inside experts. */
const MAX_DEPTH = 4

/** The mixture of experts that begins at a node, as files of `frugal export` hold it. */
export const mixtureAt = (file: OnnxFile, node: OnnxFileNode): RoutedMixture | undefined =>
  MIXTURE_STARTS.has(node.opType)
    ? routedMixtureAt({ ...file, plain: NOTHING_KNOWN }, readersIn(file), node)
    : undefined

/** Reads the nodes of a file into a network. @param depth of the experts that they are in. */
export type ReadNodes = (network: OnnxFloatImport, file: OnnxFile, depth: number) => void

/** A mixture of which only the chosen experts run, as one node. @throws UserError when its parts cannot be converted. */
export function readMixture(
  {
    network,
    file,
    depth,
    readNodes,
  }: { network: OnnxFloatImport; file: OnnxFile; depth: number; readNodes: ReadNodes },
  mixture: RoutedMixture,
): OnnxValue {
  if (depth === MAX_DEPTH) throw new UserError(`more than ${MAX_DEPTH} mixtures of experts lie inside each other`)
  const [features, gates] = [network.value(mixture.features), network.value(mixture.gates)]
  if (gates.isSoftmax !== true)
    throw new UserError(
      'the gates of its experts are no softmax: shares of any others may divide by 0, which is not converted',
    )
  const experts = mixture.experts.map(({ nodes, initializers, entry, exit }) => {
    const own = { ...file, nodes, initializers, inputs: [], outputs: [], values: [] }
    const inner = new OnnxFloatImport(own, network.rank)
    inner.give(entry, { ...inner.entry(features.shape), ...layoutOf(features) })
    readNodes(inner, own, depth + 1)
    const result = inner.value(exit)
    return { read: inner.build(result), layout: layoutOf(result) }
  })
  const [first, ...others] = experts as [(typeof experts)[0], ...typeof experts]
  const structure = (read: FloatNetwork, layout: unknown): string => JSON.stringify([read.graph, layout])
  const wanted = structure(first.read, first.layout)
  if (others.some(({ read, layout }) => structure(read, layout) !== wanted))
    throw new UserError('its experts are not all built alike, which is not converted')
  const value = network.experts(
    experts.map(({ read }) => read),
    mixture.topK,
    features,
    gates,
  )
  return { ...value, ...first.layout }
}
