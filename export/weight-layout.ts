/** `[filters, taps, channels]` to `[filters, channels, taps]`. */
export function channelsFirst<T extends Int8Array | Float32Array>(
  weights: T,
  filters: number,
  taps: number,
  channels: number,
): T {
  const out = weights.slice() as T
  let at = 0
  for (let f = 0; f < filters; f++)
    for (let c = 0; c < channels; c++)
      for (let tap = 0; tap < taps; tap++) out[at++] = weights[(f * taps + tap) * channels + c]!
  return out
}
