import { z } from 'zod'
import { messageOf, UserError } from '../../lib/errors.ts'
import { buildGraph, type DraftNode } from '../../network/build.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph, Op, OpOf } from '../../network/types.ts'
import type { ImportedModel } from '../import/imported-model.ts'
import { schemaOf } from './op-schema.ts'

const ARCHITECTURE_FORMAT = 'frugal-architecture/1'

const id = z.string().min(1).max(1000)
const graphSchema = z.object({
  nodes: z
    .array(z.object({ id, op: z.looseObject({ kind: z.string().max(100) }), inputs: z.array(id).max(1024) }))
    .max(20_000),
  output: id,
})
const fileSchema = z.object({
  format: z.literal(ARCHITECTURE_FORMAT),
  archId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  graph: z.unknown(),
})

/** Experts inside experts inside experts: more is no network. */
const MAX_DEPTH = 4
/** Nodes of all experts together, which are counted one by one. */
const MAX_EXPANDED_NODES = 200_000
/** Nodes that run for one sample, those of all chosen experts together: as many as a network without experts may have. */
const MAX_RUNNING_NODES = 20_000

/**
 * Reads an `architecture.json` as `frugal export` writes it. The network is built anew from kinds, settings and links:
 * shapes in the file are not read, and an `archId` that does not belong to the network is refused.
 * @throws UserError with one sentence.
 */
export function importArchitecture(text: string): ImportedModel {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new UserError(`the file is not JSON: ${messageOf(error).replaceAll(/\s+/g, ' ')}`)
  }
  const file = parse(fileSchema, value, 'the file')
  const graph = graphOf(file.graph, 0)
  const [stored, running] = [countNodes(graph, ({ experts }) => experts), countNodes(graph, ({ topK }) => topK)]
  if (stored > MAX_EXPANDED_NODES) {
    throw new UserError(`its experts have ${stored} nodes in all; at most ${MAX_EXPANDED_NODES} are read`)
  }
  if (running > MAX_RUNNING_NODES) {
    throw new UserError(`it runs ${running} nodes for one sample; at most ${MAX_RUNNING_NODES} are read`)
  }
  const found = archId(graph)
  if (file.archId !== undefined && file.archId !== found) {
    throw new UserError(`the file says archId ${file.archId} and its network has ${found}: it was changed by hand`)
  }
  return { format: 'architecture', graph, dataType: 'float32', quantisation: new Map() }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new UserError(`${[where, ...issue.path].join('.')} is wrong: ${issue.message}`)
}

function graphOf(value: unknown, depth: number): NetworkGraph {
  if (depth > MAX_DEPTH) throw new UserError(`experts are nested more than ${MAX_DEPTH} deep`)
  const { nodes, output } = parse(graphSchema, value, 'graph')
  const drafts = nodes.map(
    (node): DraftNode => ({ id: node.id, op: opOf(node.op, node.id, depth), inputs: node.inputs }),
  )
  return buildGraph(drafts, output)
}

/** Nodes of a network with those of its experts, `copies` times. */
function countNodes(graph: NetworkGraph, copies: (op: OpOf<'routedExperts'>) => number): number {
  return graph.nodes.reduce(
    (sum, { op }) => sum + 1 + (op.kind === 'routedExperts' ? copies(op) * countNodes(op.body, copies) : 0),
    0,
  )
}

function opOf(value: { readonly kind: string }, node: string, depth: number): Op {
  const schema = schemaOf(value.kind)
  if (schema === undefined) throw new UserError(`node '${node}' is of kind '${value.kind}', which is not known`)
  const op = parse(schema, value, `node '${node}'`) as Op
  return op.kind === 'routedExperts' ? { ...(op as OpOf<'routedExperts'>), body: graphOf(op.body, depth + 1) } : op
}
