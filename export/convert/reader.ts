import type { TfliteModel, TfliteOperator } from '../../formats/tflite/model.ts'
import { UserError } from '../../lib/errors.ts'
import type { FusedActivation, Quantisation } from '../quantise/types.ts'
import type { QuantisedImport, Value } from './quantised-import.ts'

export interface ReaderInput {
  readonly network: QuantisedImport
  readonly operator: TfliteOperator
  /** Of the result. */
  readonly quantisation: Quantisation
}

/** Makes an operator of a file part of a quantised network. @throws UserError when that cannot be. */
export type Reader = (input: ReaderInput) => Value

const FUSED: readonly (FusedActivation | undefined)[] = ['none', 'relu', undefined, 'relu6']

export function activationOf({ options }: TfliteOperator, field: number): FusedActivation {
  const activation = FUSED[options?.int8(field, 0) ?? 0]
  if (activation === undefined) throw new UserError('its fused activation is none of none, RELU and RELU6')
  return activation
}

export const operandOf = ({ network, operator }: ReaderInput, n: number): Value => {
  const position = operator.inputs[n]!
  return network.shaped(network.value(position), network.shapeOf(position))
}

export const same = (a: Quantisation, b: Quantisation): boolean => a.scale === b.scale && a.zeroPoint === b.zeroPoint

/** @throws UserError for a choice among experts, which TFLite spells in many operators: the first of them would tell nobody what it is. */
export function checkNoChoice({ operators }: TfliteModel): void {
  const at = operators.findIndex(({ name }) => name === 'GREATER_EQUAL')
  if (at < 0) return
  throw new UserError(
    `operator ${at} (GREATER_EQUAL): it compares values, as a choice among experts does, which is not converted from TFLite; give the float .onnx of the network, for int8 with --data`,
  )
}
