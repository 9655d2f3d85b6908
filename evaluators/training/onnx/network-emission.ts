import type { NetworkGraph, NetworkNode, OpKind } from '../../../network/types.ts'
import { ACTIVATION_RULES } from './activations.ts'
import type { FusedActivation } from './batch-lanes.ts'
import { emitBatchNorm } from './batch-norm.ts'
import { CONVOLUTION_RULES } from './convolution.ts'
import type { Value } from './emitter.ts'
import { POOLING_RULES } from './pooling.ts'
import { routedExperts } from './routed-experts.ts'
import { STRUCTURE_RULES } from './structure.ts'
import { channelsOf, type Emission, type RuleInput, type TrainingRule, type TrainingScope } from './training-scope.ts'

/** How each kind is trained: its forward nodes and its gradient. The input is what the batch is bound to. */
export const TRAINING_RULES: { readonly [K in Exclude<OpKind, 'input'>]: TrainingRule<K> } = {
  ...ACTIVATION_RULES,
  ...CONVOLUTION_RULES,
  ...POOLING_RULES,
  ...STRUCTURE_RULES,
  batchNorm: (scope, node) => emitBatchNorm(scope, node, 'none'),
  routedExperts,
}

/** Where a network starts. */
export interface Entry {
  readonly value: Value
  /** Whether the caller wants the gradient of this value. */
  readonly needed: boolean
  /** How many maps it holds; each is read by an equal share of the scope's groups. */
  readonly maps: number
}

interface TapeStep {
  readonly output: string
  /** Keys under which the gradients of the operands are collected. */
  readonly inputs: readonly string[]
  readonly pullback: Emission['pullback']
}

/** Whether a node can read one map for all groups: a plain product stacks the groups' matrices instead. */
const takesShared = ({ op }: NetworkNode): boolean =>
  op.kind === 'dense' || (op.kind === 'conv2d' && [...op.kernel, ...op.stride].every((length) => length === 1))

/** Key of the copies of a shared entry, one map a group. */
const copyKey = (id: string): string => `${id}#copies`

/** Writes the forward pass of a network and returns its result with the way back to the entry. */
export function emitNetwork(scope: TrainingScope, graph: NetworkGraph, entry: Entry): Emission {
  const { emitter, lanes, groups } = scope
  const values = new Map<string, Value>()
  const needed = new Map<string, boolean>()
  const shapes = new Map(graph.nodes.map((node) => [node.id, node.shape]))
  const fused = fusedActivations(graph)
  const tape: TapeStep[] = []
  const entryNode = graph.nodes.find((node) => node.op.kind === 'input')!
  const entryId = entryNode.id
  const shared = entry.maps < groups
  const readersOfMap = groups / entry.maps
  const entryChannels = channelsOf(entryNode.shape)

  /** The entry once per group. */
  const entryCopies = (): string => {
    const key = copyKey(entryId)
    if (!values.has(key)) {
      const maps = emitter.reshape(entry.value, [entry.maps, 1, entryChannels, -1])
      const copies = emitter.node('Expand', [maps, emitter.integers([entry.maps, readersOfMap, 1, 1])])
      values.set(key, lanes.rows(copies, groups * entryChannels))
      needed.set(key, entry.needed)
    }
    return key
  }

  for (const node of graph.nodes) {
    if (node.op.kind === 'input') {
      values.set(node.id, entry.value)
      needed.set(node.id, entry.needed)
      continue
    }
    if (values.has(node.id)) continue
    const sharedInput = shared && entry.maps === 1 && node.inputs[0] === entryId && takesShared(node)
    const keys = node.inputs.map((id) => (shared && id === entryId && !sharedInput ? entryCopies() : id))
    const input: RuleInput<OpKind> = {
      id: node.id,
      op: node.op,
      inputs: keys.map((key) => values.get(key)!),
      inputShapes: node.inputs.map((id) => shapes.get(id)!),
      shape: node.shape,
      needed: keys.map((key) => needed.get(key)!),
      sharedInput,
    }
    const activation = fused.get(node.id)
    const emission =
      activation === undefined
        ? (TRAINING_RULES[node.op.kind] as TrainingRule<OpKind>)(scope, input)
        : emitBatchNorm(scope, input as RuleInput<'batchNorm'>, activation.kind)
    const output = activation?.id ?? node.id
    values.set(output, emission.output)
    needed.set(output, input.needed.includes(true) || WITH_WEIGHTS.has(node.op.kind))
    tape.push({ output, inputs: keys, pullback: emission.pullback })
  }

  return {
    output: values.get(graph.output)!,
    pullback: (dy) => {
      const gradients = new Map<string, Value[]>([[graph.output, [dy]]])
      const collect = (key: string, term: Value): void => {
        gradients.set(key, [...(gradients.get(key) ?? []), term])
      }
      const total = (key: string): Value | undefined =>
        gradients.get(key)?.reduce((sum, term) => emitter.node('Add', [sum, term]))
      for (const step of tape.toReversed()) {
        const gradient = needed.get(step.output) ? total(step.output) : undefined
        if (gradient === undefined) continue
        for (const [index, term] of step.pullback(gradient).entries()) {
          if (term !== undefined) collect(step.inputs[index]!, term)
        }
      }
      const copies = total(copyKey(entryId))
      if (copies !== undefined) {
        const perGroup = emitter.reshape(copies, [entry.maps, readersOfMap, entryChannels, -1])
        const summed = emitter.node('ReduceSum', [perGroup, emitter.integers([1])], { attributes: { keepdims: 0n } })
        collect(entryId, lanes.rows(summed, entry.maps * entryChannels))
      }
      return [entry.needed ? total(entryId) : undefined]
    },
  }
}

const WITH_WEIGHTS: ReadonlySet<OpKind> = new Set(['conv2d', 'depthwiseConv2d', 'dense', 'batchNorm', 'routedExperts'])

/** Batch norms whose only reader is an activation that can be applied in the same pass. */
function fusedActivations(graph: NetworkGraph): ReadonlyMap<string, { id: string; kind: FusedActivation }> {
  const kindOf = new Map(graph.nodes.map((node) => [node.id, node.op.kind]))
  const readers = new Map<string, NetworkNode[]>()
  for (const node of graph.nodes) {
    for (const id of node.inputs) readers.set(id, [...(readers.get(id) ?? []), node])
  }
  const fused = new Map<string, { id: string; kind: FusedActivation }>()
  for (const [id, [reader, ...others]] of readers) {
    const kind = reader?.op.kind
    if (kindOf.get(id) !== 'batchNorm' || others.length > 0 || id === graph.output) continue
    if (kind === 'relu' || kind === 'relu6') fused.set(id, { id: reader!.id, kind })
  }
  return fused
}
