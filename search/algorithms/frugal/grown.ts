/** The array if it is large enough, or one of another size with the same entries. */
export function grown(array: Float64Array<ArrayBuffer>, needed: number, size: number): Float64Array<ArrayBuffer> {
  if (array.length >= needed) return array
  const larger = new Float64Array(size)
  larger.set(array)
  return larger
}
