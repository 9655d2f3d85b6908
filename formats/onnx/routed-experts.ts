import type { OnnxAttribute } from './model.ts'

/** What an ONNX graph with routed experts is put together with; `V` is a value of the graph. */
export interface RoutingSteps<V> {
  /** A node of the standard operators. */
  readonly nodes: (
    opType: string,
    inputs: readonly V[],
    outputs: number,
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ) => readonly V[]
  /** A stored list of 64-bit integers. */
  readonly integers: (values: readonly number[]) => V
  /** `If`: the result of `then` where the condition holds, else no rows at all. */
  readonly rowsIf: (condition: V, expert: number, then: () => V) => V
}

/** Of `experts`, the `topK` with the largest scores run for each sample. */
export interface Routing<V> {
  readonly experts: number
  readonly topK: number
  /** `[batch, …]` */
  readonly features: V
  /** `[batch, experts]`: the largest are chosen; of equal ones the lower index. */
  readonly scores: V
  /**
   * From the choice (1 or 0, int64 `[batch, experts]`; nothing where every expert is chosen) what each expert's result
   * counts, `[batch, experts]`.
   */
  readonly shares: (choice: V | undefined) => V
  /** What one expert adds for some samples: its features and its shares, `[rows, …]` and `[rows, 1]`. */
  readonly part: (expert: number, features: V, share: V) => V
  /** The sum of two parts. */
  readonly sum: (a: V, b: V) => V
}

/** Element type of ONNX. */
const BOOL = 9n

/** Whether the experts of a mixture, one or two, run for every sample, without branches. */
export const isEveryExpert = ({ experts, topK }: { readonly experts: number; readonly topK: number }): boolean =>
  topK === experts && experts <= 2

/**
 * Mixture of experts of which only the chosen ones run, for any batch: each expert sits in a branch that is skipped when no
 * sample goes to it, and works on the samples that do. Their parts, one behind the other, are put back into the samples'
 * order and added, the largest score first. Writing and reading both go through these steps, so that a file is recognised
 * exactly when it could have been written here.
 * @returns the sum, `[batch, …]`.
 */
export function routeExperts<V>(steps: RoutingSteps<V>, routing: Routing<V>): V {
  const { experts, topK, features } = routing
  const { integers } = steps
  const node = (opType: string, inputs: readonly V[], attributes?: Readonly<Record<string, OnnxAttribute>>): V =>
    steps.nodes(opType, inputs, 1, attributes)[0]!
  /** Lists of one axis, one for each index of it. */
  const split = (value: V, axis: bigint, count: number): readonly V[] =>
    count === 1 ? [value] : steps.nodes('Split', [value, integers(Array<number>(count).fill(1))], count, { axis })

  // One, or two of two: there is nothing to skip, and two parts have one sum in either order.
  if (isEveryExpert(routing)) {
    return split(routing.shares(undefined), 1n, experts)
      .map((share, expert) => routing.part(expert, features, share))
      .reduce(routing.sum)
  }
  const [, places] = steps.nodes('TopK', [routing.scores, integers([topK])], 2, { axis: 1n })
  const flags = node('OneHot', [places!, integers([experts]), integers([0, 1])])
  const choice = node('ReduceSum', [flags, integers([1])], { keepdims: 0n })
  const counts = node('ReduceSum', [choice, integers([0])], { keepdims: 0n })
  const wanted = split(node('Cast', [counts], { to: BOOL }), 0n, experts)
  const columns = split(node('Cast', [choice], { to: BOOL }), 1n, experts)
  const shares = split(routing.shares(choice), 1n, experts)
  const parts = wanted.map((condition, expert) =>
    steps.rowsIf(condition, expert, () => {
      const chosen = node('Reshape', [columns[expert]!, integers([-1])])
      const take = (value: V): V => node('Compress', [value, chosen], { axis: 0n })
      return routing.part(expert, take(features), take(shares[expert]!))
    }),
  )
  const all = node('Concat', parts, { axis: 0n })
  // A sample's part of an expert lies behind those of earlier experts and of earlier samples.
  const before = (value: V): V => node('CumSum', [value, integers([0])], { exclusive: 1n })
  const found = node('GatherElements', [node('Add', [before(choice), before(counts)]), places!], { axis: 1n })
  return split(found, 1n, topK)
    .map((column) => node('Gather', [all, node('Reshape', [column, integers([-1])])], { axis: 0n }))
    .reduce(routing.sum)
}

/** How floats are weighted: by the gates of the chosen experts, renormalised where there are several. */
export function floatShares<V>(
  steps: RoutingSteps<V>,
  { gates, topK, floatType }: { readonly gates: V; readonly topK: number; readonly floatType: bigint },
): (choice: V | undefined) => V {
  const node = (opType: string, inputs: readonly V[], attributes?: Readonly<Record<string, OnnxAttribute>>): V =>
    steps.nodes(opType, inputs, 1, attributes)[0]!
  return (choice) => {
    const chosen = choice === undefined ? gates : node('Mul', [gates, node('Cast', [choice], { to: floatType })])
    if (topK === 1) return chosen
    return node('Div', [chosen, node('ReduceSum', [chosen, steps.integers([1])], { keepdims: 1n })])
  }
}

/** A result weighted by the share of each sample; a map takes it for all its elements. */
export function weighted<V>(steps: RoutingSteps<V>, result: V, share: V, isMap: boolean): V {
  const scale = isMap ? steps.nodes('Reshape', [share, steps.integers([-1, 1, 1, 1])], 1)[0]! : share
  return steps.nodes('Mul', [result, scale], 1)[0]!
}
