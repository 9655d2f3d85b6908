/** Nine steps of matplotlib's viridis map (CC0), dark to light; even in lightness and safe for colour blindness. */
const VIRIDIS = ['440154', '472d7b', '3b528b', '2c728e', '21918c', '28ae80', '5ec962', 'addc30', 'fde725'] as const

const channels = (hex: string): readonly number[] =>
  [0, 2, 4].map((offset) => Number.parseInt(hex.slice(offset, offset + 2), 16))

/** The colour at a share (0 to 1, clipped) of the map, as #rrggbb. */
export function viridis(share: number): string {
  const place = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1)
  const step = Math.min(VIRIDIS.length - 2, Math.floor(place))
  const low = channels(VIRIDIS[step]!)
  const high = channels(VIRIDIS[step + 1]!)
  const mixed = low.map((value, i) => Math.round(value + (high[i]! - value) * (place - step)))
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}
