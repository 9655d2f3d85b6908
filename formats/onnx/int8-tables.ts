/** Operators of ONNX that our int8 files hold as tables, by the names that the tables have; `Identity` changes the scale. */
const TABLE_OPERATORS = {
  relu: 'Relu',
  relu6: 'Clip',
  hardSwish: 'HardSwish',
  hardSigmoid: 'HardSigmoid',
  sigmoid: 'Sigmoid',
  requantise: 'QuantizeLinear',
  add: 'Add',
  multiply: 'Mul',
} as const

export type TableName = keyof typeof TABLE_OPERATORS

/** The name of a stored table of 256 values, or of 65,536 for pairs. @param number tells tables of a file apart. */
export const tableLabel = (name: TableName, number: number): string => `${name}_table_${number}`

/** The operator that a stored table stands for. */
export function tableOperator(label: string): string | undefined {
  const [name = '', suffix] = label.split('_table_')
  return suffix !== undefined && Object.hasOwn(TABLE_OPERATORS, name) ? TABLE_OPERATORS[name as TableName] : undefined
}
