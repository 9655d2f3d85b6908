interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export interface Marker {
  readonly x: number
  readonly y: number
  readonly text: string
}

export interface PlacedLabel {
  /** Left end of the base line. */
  readonly x: number
  readonly y: number
  readonly text: string
}

const CHARACTER_WIDTH = 6.4
const HEIGHT = 11
const RADIUS = 6

/** Where a label may stand around its marker: share of its width and height, and steps away from the marker. */
const PLACES: readonly (readonly [number, number, number, number])[] = [
  [0, -1, 1, -1],
  [-1, 0, -1, 1],
  [0, 0, 1, 1],
  [-1, -1, -1, -1],
  [-0.5, -1, 0, -1.4],
  [-0.5, 0, 0, 1.4],
  [0, -0.5, 1.5, 0],
  [-1, -0.5, -1.5, 0],
]

/**
 * Puts each text next to its marker where it covers neither a marker nor another text and stays within the frame,
 * first come, first served. A text without a free place is left out.
 */
export function placeLabels(markers: readonly Marker[], frame: Box): readonly PlacedLabel[] {
  const taken = markers.map(({ x, y }) => around(x, y))
  const labels: PlacedLabel[] = []
  for (const { x, y, text } of markers) {
    const width = text.length * CHARACTER_WIDTH
    for (const [across, down, right, below] of PLACES) {
      const left = x + across * width + right * RADIUS
      const top = y + down * HEIGHT + below * RADIUS
      const box = { left, top, right: left + width, bottom: top + HEIGHT }
      if (!within(box, frame) || taken.some((other) => overlap(box, other))) continue
      taken.push(box)
      labels.push({ x: left, y: top + HEIGHT - 2, text })
      break
    }
  }
  return labels
}

const around = (x: number, y: number): Box => ({
  left: x - RADIUS + 1,
  top: y - RADIUS + 1,
  right: x + RADIUS - 1,
  bottom: y + RADIUS - 1,
})

const within = (box: Box, frame: Box): boolean =>
  box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
