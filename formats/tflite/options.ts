import type { Pair } from '../../network/types.ts'
import { type FlatFields, float32, int8, int32, int32s } from './flatbuffer-writer.ts'

/** Options of an operator: which member of the schema's union they are, and their fields. */
export interface TfliteOptions {
  readonly type: number
  readonly fields: FlatFields
}

/** ActivationFunctionType of the schema. */
const FUSED_ACTIVATIONS = { none: 0, relu: 1, relu6: 3 } as const
export type FusedName = keyof typeof FUSED_ACTIVATIONS

export interface WindowOptions {
  readonly padding: 'same' | 'valid'
  readonly stride: Pair
  readonly activation: FusedName
}

const PADDING = { same: 0, valid: 1 } as const
const fused = (activation: FusedName) => int8(FUSED_ACTIVATIONS[activation])
const window = ({ padding, stride }: WindowOptions): FlatFields => ({
  0: int8(PADDING[padding]),
  1: int32(stride[1]),
  2: int32(stride[0]),
})

/** Union members (BuiltinOptions) and field numbers of the TFLite schema, version 3. */
export const OPTIONS = {
  conv2d: (o: WindowOptions): TfliteOptions => ({
    type: 1,
    fields: { ...window(o), 3: fused(o.activation), 4: int32(1), 5: int32(1) },
  }),
  depthwiseConv2d: (o: WindowOptions): TfliteOptions => ({
    type: 2,
    fields: { ...window(o), 3: int32(1), 4: fused(o.activation), 5: int32(1), 6: int32(1) },
  }),
  pool2d: (o: WindowOptions & { readonly kernel: Pair }): TfliteOptions => ({
    type: 5,
    fields: { ...window(o), 3: int32(o.kernel[1]), 4: int32(o.kernel[0]), 5: fused(o.activation) },
  }),
  fullyConnected: (activation: FusedName): TfliteOptions => ({ type: 8, fields: { 0: fused(activation) } }),
  softmax: (): TfliteOptions => ({ type: 9, fields: { 0: float32(1) } }),
  concatenation: (axis: number): TfliteOptions => ({ type: 10, fields: { 0: int32(axis), 1: fused('none') } }),
  add: (activation: FusedName): TfliteOptions => ({ type: 11, fields: { 0: fused(activation) } }),
  reshape: (dims: readonly number[]): TfliteOptions => ({ type: 17, fields: { 0: int32s(dims) } }),
  mul: (activation: FusedName): TfliteOptions => ({ type: 21, fields: { 0: fused(activation) } }),
  reducer: (keepDims: boolean): TfliteOptions => ({ type: 27, fields: { 0: int8(keepDims ? 1 : 0) } }),
  sub: (): TfliteOptions => ({ type: 28, fields: { 0: fused('none') } }),
  div: (): TfliteOptions => ({ type: 29, fields: { 0: fused('none') } }),
  split: (parts: number): TfliteOptions => ({ type: 35, fields: { 0: int32(parts) } }),
} as const
