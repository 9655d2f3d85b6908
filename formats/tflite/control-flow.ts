import { UserError } from '../../lib/errors.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Steps } from '../../network/types.ts'
import { integersOf, type TfliteModel, type TfliteOperator, type TfliteSubgraph, type TfliteTensor } from './model.ts'

/** What an inference runs, all times together. */
interface Work {
  /** Multiply-accumulates; of branches the most. */
  readonly macs: number
  /** Kernels that multiply, and the elements that they give. */
  readonly products: number
  readonly results: number
  /** Other kernels that give more than one element, and how many they give. */
  readonly passes: number
  readonly elements: number
}

/** What runs inside loops and branches: the parts of a file that its main subgraph calls. */
export interface Called extends Work {
  /** What runs one time after the other; undefined for a branch. */
  readonly steps: Steps | undefined
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
    const [a, b] = [first, second].map((branch) => workOf(model, branch, depth)) as [Counted, Counted]
    return { ...(b.macs > a.macs ? b : a), stored: new Set([...a.stored, ...b.stored]), steps: undefined }
  }
  const count = tripsOf(first, second, start)
  const { stored, ...body } = workOf(model, second, depth)
  return { ...times(count, body), stored, steps: count === 0 ? undefined : stepsOf(count, body) }
}

const times = (count: number, { macs, products, results, passes, elements }: Work): Work => ({
  macs: count * macs,
  products: count * products,
  results: count * results,
  passes: count * passes,
  elements: count * elements,
})

const stepsOf = (count: number, { products, results, passes, elements }: Work): Steps => ({
  ...{ count, products, passes },
  width: Math.max(Math.round(results / products), 1) || 1,
  elements: Math.max(Math.round(elements / passes), 1) || 1,
})

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

type Counted = Omit<Called, 'steps'>

/** Of every subgraph once: a file may call one from a thousand places. */
const known = new WeakMap<TfliteSubgraph, Counted>()

function workOf(model: TfliteModel, graph: TfliteSubgraph, depth: number): Counted {
  const before = known.get(graph)
  if (before !== undefined) return before
  const work = countWork(model, graph, depth)
  known.set(graph, work)
  return work
}

/** The products of a subgraph, by what the file says of its tensors. */
function countWork(model: TfliteModel, graph: TfliteSubgraph, depth: number): Counted {
  const dims = (position: number | undefined): readonly number[] => graph.tensors[position ?? -1]?.dims ?? []
  const stored = new Set(graph.tensors.filter(({ data, dims }) => data.length > 0 && sizeOf(dims) > 1))
  let [macs, products, results, passes, elements] = [0, 0, 0, 0, 0]
  for (const operator of graph.operators) {
    const { name, inputs, outputs } = operator
    if (name === 'WHILE' || name === 'IF') {
      const inner = calledBy(model, operator, (operand) => numberAt(graph, inputs[operand]), depth + 1)
      macs += inner.macs
      products += inner.products
      results += inner.results
      passes += inner.passes
      elements += inner.elements
      for (const tensor of inner.stored) stored.add(tensor)
      continue
    }
    const size = sizeOf(dims(outputs[0]))
    const own = productsOf(name, size, dims(inputs[0]), dims(inputs[1]))
    if (own !== undefined) {
      macs += own
      products++
      results += size
    } else if (size > 1 && !RENAMES.has(name)) {
      passes++
      elements += size
    }
  }
  return { macs, products, results, passes, elements, stored }
}

/** Operators that give another shape to what is there. */
const RENAMES: ReadonlySet<string> = new Set(['RESHAPE', 'EXPAND_DIMS', 'SQUEEZE'])

/** Multiply-accumulates of an operator that multiplies, by its results and the dimensions of its first two operands. */
function productsOf(
  name: string,
  results: number,
  input: readonly number[],
  kernel: readonly number[],
): number | undefined {
  if (name === 'FULLY_CONNECTED') return results * (kernel.at(-1) ?? 0)
  if (name === 'CONV_2D') return results * sizeOf(kernel.slice(1))
  if (name === 'DEPTHWISE_CONV_2D') return results * (kernel[1] ?? 0) * (kernel[2] ?? 0)
  return name === 'BATCH_MATMUL' ? results * (input.at(-1) ?? 0) : undefined
}
