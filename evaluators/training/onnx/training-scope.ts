import type { NetworkGraph, NetworkNode, OpKind, OpOf, Shape, WeightRole } from '../../../network/types.ts'
import type { BatchLanes } from './batch-lanes.ts'
import type { OnnxEmitter, Value } from './emitter.ts'

/** A forward pass that was written, with the way back. */
export interface Emission {
  readonly output: Value
  /** Writes the gradients of the operands from that of the result; undefined where none is needed. Called at most once. */
  readonly pullback: (outputGradient: Value) => readonly (Value | undefined)[]
}

/** One node of the network as a rule sees it. Values are `[groups·channels, batch·h·w]` (see `BatchLanes`). */
export interface RuleInput<K extends OpKind> {
  readonly id: string
  readonly op: OpOf<K>
  readonly inputs: readonly Value[]
  readonly inputShapes: readonly Shape[]
  readonly shape: Shape
  /** Which operands need a gradient. */
  readonly needed: readonly boolean[]
  /** The operand is one map that all groups read, `[channels, batch·h·w]`; only plain products are given it. */
  readonly sharedInput: boolean
}

export type TrainingRule<K extends OpKind> = (scope: TrainingScope, node: RuleInput<K>) => Emission

/** Where weights come from and where gradients, statistics and side losses go. */
export interface WeightPort {
  /** The weights of these names as one tensor `[names, ...shape]`. */
  read(names: readonly string[]): Value
  writeGradient(names: readonly string[], gradient: Value): void
  /** Statistics of this batch, to be blended into the running ones. */
  writeStatistic(names: readonly string[], statistic: Value): void
  /** A term of the loss `[1]`, already weighted; its gradient is the rule's own business. */
  addLoss(term: Value): void
}

/** Where the ranges of stored values are kept. */
export interface RangePort {
  /** Blends `[values, 3]` (lowest, highest, 1) of this batch into the moving averages of these values; gives those. */
  blend(values: readonly string[], seen: Value): Value
}

/**
 * What a rule works in. Routed experts run side by side as `groups`: their channels follow one another, group by group,
 * so that most rules treat them as so many more channels.
 */
export interface TrainingScope {
  readonly emitter: OnnxEmitter
  readonly lanes: BatchLanes
  readonly groups: number
  /** Weight name prefix of each group. */
  readonly prefixes: readonly string[]
  readonly port: WeightPort
  /** Weight of the load-balancing loss. */
  readonly loadBalancing: number
  /** Only with fake quantisation. */
  readonly ranges?: RangePort
  /** Writes the bodies of routed experts, which read `maps` maps. */
  readonly emitBody: (scope: TrainingScope, body: NetworkGraph, input: Value, needed: boolean, maps: number) => Emission
}

const namesOf = (scope: TrainingScope, id: NetworkNode['id'], role: WeightRole): readonly string[] =>
  scope.prefixes.map((prefix) => `${prefix}${id}/${role}`)

export const readWeight = (scope: TrainingScope, id: string, role: WeightRole): Value =>
  scope.port.read(namesOf(scope, id, role))
export const writeGradient = (scope: TrainingScope, id: string, role: WeightRole, gradient: Value): void =>
  scope.port.writeGradient(namesOf(scope, id, role), gradient)
export const writeStatistic = (scope: TrainingScope, id: string, role: WeightRole, statistic: Value): void =>
  scope.port.writeStatistic(namesOf(scope, id, role), statistic)

/** Sum along rows, `[rows, 1]`. */
export const sumRows = ({ emitter, lanes }: TrainingScope, x: Value, rows: number): Value =>
  emitter.node('ReduceSum', [lanes.rows(x, rows), emitter.integers([1])], { dims: [rows, 1] })

/** Mean along rows, `[rows, 1]`. */
export const meanRows = ({ emitter, lanes }: TrainingScope, x: Value, rows: number): Value =>
  emitter.node('ReduceMean', [lanes.rows(x, rows)], { attributes: { axes: [1n] }, dims: [rows, 1] })

/** Pixels of one channel of one sample. */
export const pixelsOf = (shape: Shape): number => (shape.length === 3 ? shape[0]! * shape[1]! : 1)
export const channelsOf = (shape: Shape): number => shape.at(-1)!
