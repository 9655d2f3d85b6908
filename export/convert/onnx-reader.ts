import type { OnnxFileNode } from '../../formats/onnx/read-onnx.ts'
import type { OnnxFloatImport, OnnxValue } from './onnx-float-import.ts'

export interface OnnxInput {
  readonly network: OnnxFloatImport
  readonly node: OnnxFileNode
}

/** Makes a node of an ONNX file part of a float network. @throws UserError when that cannot be. */
export type OnnxReader = (input: OnnxInput) => OnnxValue

export const isMap = ({ shape }: OnnxValue): boolean => shape.length === 3
