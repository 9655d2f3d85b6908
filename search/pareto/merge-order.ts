/** Runs up to this length are sorted by insertion before they are merged. */
const SHORT_RUN = 12

/**
 * Positions of the keys from the smallest to the largest; equal keys keep their order. A merge sort that carries the keys
 * along, for keys of any spread.
 * @param sorted receives the keys in order
 */
export function mergeOrder(keys: Float64Array, sorted: Float64Array): Uint32Array {
  const count = keys.length
  let from = keys.slice()
  let order = new Uint32Array(count)
  for (let start = 0; start < count; start += SHORT_RUN) {
    const end = Math.min(start + SHORT_RUN, count)
    order[start] = start
    for (let i = start + 1; i < end; i++) {
      const key = from[i]!
      let at = i
      while (at > start && from[at - 1]! > key) {
        from[at] = from[at - 1]!
        order[at] = order[at - 1]!
        at--
      }
      from[at] = key
      order[at] = i
    }
  }
  let to = new Float64Array(count)
  let toOrder = new Uint32Array(count)
  for (let width = SHORT_RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count)
      const end = Math.min(start + 2 * width, count)
      let left = start
      let right = middle
      let at = start
      // Runs that are in order already are copied as they are.
      if (right < end && from[right - 1]! > from[right]!) {
        while (left < middle && right < end) {
          if (from[right]! < from[left]!) {
            to[at] = from[right]!
            toOrder[at++] = order[right++]!
          } else {
            to[at] = from[left]!
            toOrder[at++] = order[left++]!
          }
        }
      }
      for (; left < middle; left++, at++) {
        to[at] = from[left]!
        toOrder[at] = order[left]!
      }
      for (; right < end; right++, at++) {
        to[at] = from[right]!
        toOrder[at] = order[right]!
      }
    }
    const swapped = from
    from = to
    to = swapped
    const swappedOrder = order
    order = toOrder
    toOrder = swappedOrder
  }
  sorted.set(from)
  return order
}
