import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import { integersOf, type TfliteModel, type TfliteOperator, type TfliteSubgraph, type TfliteTensor } from './model.ts'

/** What runs inside loops and branches: the parts of a file that its main subgraph calls. */
export interface Called {
  /** Multiply-accumulates of all runs; of branches the most. */
  readonly macs: number
  /** The stored tensors with more than one element, each once. */
  readonly stored: ReadonlySet<TfliteTensor>
}

const MAX_TRIPS = 1e7
/** Loops inside loops inside … */
const MAX_DEPTH = 8

/**
 * What a WHILE or IF runs. A loop must count from a stored number up to another one, as recurrent layers do.
 * @param start of each operand where it is a stored whole number.
 * @throws UserError when how often it runs is only known while the network runs.
 */
export function calledBy(
  model: TfliteModel,
  operator: TfliteOperator,
  start: (operand: number) => number | undefined,
  depth = 0,
): Called {
  if (depth === MAX_DEPTH) throw new UserError(`more than ${MAX_DEPTH} loops or branches lie inside each other`)
  const graph = (field: number): TfliteSubgraph => {
    const found = model.subgraphs[operator.options?.int32(field, 0) ?? 0]
    if (found === undefined) throw new UserError('it calls a part that the file does not have')
    return found
  }
  const [first, second] = [graph(0), graph(1)]
  if (operator.name === 'IF') {
    const [a, b] = [first, second].map((branch) => workOf(model, branch, depth)) as [Called, Called]
    return { macs: Math.max(a.macs, b.macs), stored: new Set([...a.stored, ...b.stored]) }
  }
  const trips = tripsOf(first, second, start)
  const body = workOf(model, second, depth)
  return { macs: trips * body.macs, stored: body.stored }
}

/** How often a loop runs whose condition compares counters with stored bounds. */
function tripsOf(
  condition: TfliteSubgraph,
  body: TfliteSubgraph,
  start: (operand: number) => number | undefined,
): number {
  let trips = Number.POSITIVE_INFINITY
  for (const { name, inputs } of condition.operators) {
    if (name !== 'LESS') continue
    const counter = condition.inputs.indexOf(inputs[0] ?? -1)
    const bound = numberAt(condition, inputs[1])
    const [from, step] = [start(counter), stepOf(body, counter)]
    if (bound === undefined || from === undefined || step === undefined || !(step > 0)) continue
    trips = Math.min(trips, Math.max(Math.ceil((bound - from) / step), 0))
  }
  if (trips <= MAX_TRIPS) return trips
  throw new UserError(
    'how often its body runs is decided while the network runs; export the network with fixed lengths',
  )
}

/** What the body adds to a counter. */
function stepOf(body: TfliteSubgraph, counter: number): number | undefined {
  const [before, after] = [body.inputs[counter], body.outputs[counter]]
  const sum = body.operators.find(({ name, outputs }) => name === 'ADD' && outputs[0] === after)
  if (before === undefined || sum?.inputs.includes(before) !== true) return undefined
  return numberAt(
    body,
    sum.inputs.find((position) => position !== before),
  )
}

function numberAt({ tensors }: TfliteSubgraph, position: number | undefined): number | undefined {
  const tensor = tensors[position ?? -1]
  return tensor && integersOf(tensor)?.[0]
}

/** Of every subgraph once: a file may call one from a thousand places. */
const known = new WeakMap<TfliteSubgraph, Called>()

function workOf(model: TfliteModel, graph: TfliteSubgraph, depth: number): Called {
  const before = known.get(graph)
  if (before !== undefined) return before
  const work = countWork(model, graph, depth)
  known.set(graph, work)
  return work
}

/** The products of a subgraph, by what the file says of its tensors. */
function countWork(model: TfliteModel, graph: TfliteSubgraph, depth: number): Called {
  const dims = (position: number | undefined): readonly number[] => graph.tensors[position ?? -1]?.dims ?? []
  const stored = new Set(graph.tensors.filter(({ data, dims }) => data.length > 0 && sizeOf(dims) > 1))
  let macs = 0
  for (const operator of graph.operators) {
    const { name, inputs, outputs } = operator
    if (name === 'WHILE' || name === 'IF') {
      const inner = calledBy(model, operator, (operand) => numberAt(graph, inputs[operand]), depth + 1)
      macs += inner.macs
      for (const tensor of inner.stored) stored.add(tensor)
    }
    const kernel = dims(inputs[1])
    const results = sizeOf(dims(outputs[0]))
    if (name === 'FULLY_CONNECTED') macs += results * (kernel.at(-1) ?? 0)
    else if (name === 'CONV_2D') macs += results * sizeOf(kernel.slice(1))
    else if (name === 'DEPTHWISE_CONV_2D') macs += results * (kernel[1] ?? 0) * (kernel[2] ?? 0)
    else if (name === 'BATCH_MATMUL') macs += results * (dims(inputs[0]).at(-1) ?? 0)
  }
  return { macs, stored }
}
