/** Solution of a small system and the logarithm of the determinant of its matrix, by elimination. */
export function eliminated(matrix: readonly (readonly number[])[], right: readonly number[]) {
  const rows = matrix.map((row, i) => [...row, right[i]!])
  let logDeterminant = 0
  for (let i = 0; i < rows.length; i++) {
    logDeterminant += Math.log(rows[i]![i]!)
    for (let k = 0; k < rows.length; k++) {
      const factor = k === i ? 0 : rows[k]![i]! / rows[i]![i]!
      rows[k] = rows[k]!.map((value, j) => value - factor * rows[i]![j]!)
    }
  }
  return { solution: rows.map((row, i) => row.at(-1)! / row[i]!), logDeterminant }
}
