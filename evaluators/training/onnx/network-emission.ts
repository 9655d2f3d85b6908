import { type RangeSource, storedNodes } from '../../../network/stored-values.ts'
import { trainableOp } from '../../../network/trainable.ts'
import type { NetworkGraph, NetworkNode, OpKind, TrainableKind } from '../../../network/types.ts'
import { ACTIVATION_RULES } from './activations.ts'
import { emitBatchNorm } from './batch-norm.ts'
import { PRODUCT_RULES } from './convolution.ts'
import { depthwiseConv2d } from './depthwise.ts'
import type { Value } from './emitter.ts'
import { fakeQuantiseValue } from './fake-quantise.ts'
import { type NormChain, normChains } from './fusion.ts'
import { POOLING_RULES } from './pooling.ts'
import { emitProductBatchNorm, type NormNode } from './product-batch-norm.ts'
import { routedExperts } from './routed-experts.ts'
import { STRUCTURE_RULES } from './structure.ts'
import { channelsOf, type Emission, type RuleInput, type TrainingRule, type TrainingScope } from './training-scope.ts'

/** How each kind is trained: its forward nodes and its gradient. The input is what the batch is bound to. */
const TRAINING_RULES: { readonly [K in Exclude<TrainableKind, 'input'>]: TrainingRule<K> } = {
  ...ACTIVATION_RULES,
  ...PRODUCT_RULES,
  depthwiseConv2d,
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

/** Whether a node can read one map for all groups: products stack the groups' matrices instead. */
const takesShared = ({ op }: NetworkNode): boolean => op.kind === 'dense' || op.kind === 'conv2d'

/** Key of the copies of a shared entry, one map a group. */
const copyKey = (id: string): string => `${id}#copies`

/** Writes the forward pass of a network and returns its result with the way back to the entry. */
export function emitNetwork(scope: TrainingScope, graph: NetworkGraph, entry: Entry): Emission {
  const { emitter, lanes, groups } = scope
  const values = new Map<string, Value>()
  const needed = new Map<string, boolean>()
  const shapes = new Map(graph.nodes.map((node) => [node.id, node.shape]))
  const chains = normChains(graph)
  const written = new Set<string>()
  const tape: TapeStep[] = []
  const entryNode = graph.nodes.find((node) => node.op.kind === 'input')!
  const entryId = entryNode.id
  const shared = entry.maps < groups
  const readersOfMap = groups / entry.maps
  const entryChannels = channelsOf(entryNode.shape)

  const stored = scope.ranges === undefined ? NOTHING : storedNodes(graph)
  /** A result as int8 would hold it, where the integer network stores it. */
  const asStored = (id: string, emission: Emission): Emission => {
    const source = stored.get(id)
    if (source === undefined) return emission
    const rows = groups * channelsOf(shapes.get(id)!)
    const { output, passes } = fakeQuantiseValue(scope, { id, source, rows }, emission.output)
    return { output, pullback: (dy) => emission.pullback(emitter.node('Mul', [dy, passes])) }
  }

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

  const readsSharedMap = (node: NetworkNode): boolean =>
    shared && entry.maps === 1 && node.inputs[0] === entryId && takesShared(node)
  const operandKeys = (node: NetworkNode): readonly string[] =>
    node.inputs.map((id) => (shared && id === entryId && !readsSharedMap(node) ? entryCopies() : id))
  const ruleInput = (node: NetworkNode): RuleInput<OpKind> => {
    const keys = operandKeys(node)
    return {
      id: node.id,
      op: node.op,
      inputs: keys.map((key) => values.get(key)!),
      inputShapes: node.inputs.map((id) => shapes.get(id)!),
      shape: node.shape,
      needed: keys.map((key) => needed.get(key)!),
      sharedInput: readsSharedMap(node),
    }
  }
  const emitChain = (chain: NormChain, first: RuleInput<OpKind>): Emission =>
    chain.conv === undefined
      ? emitBatchNorm(scope, first as RuleInput<'batchNorm'>, chain.activation)
      : emitProductBatchNorm(scope, first as RuleInput<'conv2d'>, chain.norm as NormNode, chain.activation)

  for (const node of graph.nodes) {
    const op = trainableOp(node)
    if (op.kind === 'input') {
      // What experts read was stored by the network around them.
      const outermost = scope.prefixes[0] === ''
      const read: Emission = { output: entry.value, pullback: () => [] }
      values.set(node.id, outermost ? asStored(node.id, read).output : entry.value)
      needed.set(node.id, entry.needed)
      continue
    }
    if (written.has(node.id)) continue
    const input = ruleInput(node)
    const chain = chains.get(node.id)
    const output = chain?.output ?? node.id
    const emission = asStored(
      output,
      chain === undefined ? (TRAINING_RULES[op.kind] as TrainingRule<OpKind>)(scope, input) : emitChain(chain, input),
    )
    if (chain !== undefined) written.add(chain.norm.id).add(chain.output)
    values.set(output, emission.output)
    needed.set(output, input.needed.includes(true) || WITH_WEIGHTS.has(node.op.kind))
    tape.push({ output, inputs: operandKeys(node), pullback: emission.pullback })
  }

  // Experts may hand on what they read.
  const result = shared && graph.output === entryId ? entryCopies() : graph.output
  return {
    output: values.get(result)!,
    pullback: (dy) => {
      const gradients = new Map<string, Value[]>([[result, [dy]]])
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

const NOTHING: ReadonlyMap<string, RangeSource> = new Map()
const WITH_WEIGHTS: ReadonlySet<OpKind> = new Set(['conv2d', 'depthwiseConv2d', 'dense', 'batchNorm', 'routedExperts'])
