import type { Axis } from './axis.ts'
import { escapeXml, pixels } from './xml.ts'

/** Where a plot stands in a picture, in pixels. */
export interface Frame {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** The border of a plot. */
export const outline = ({ left, top, right, bottom }: Frame): string =>
  `<rect class="frame" x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>`

/** Grid lines, tick labels below the frame, and the title. */
export function horizontalAxis(axis: Axis, { left, top, right, bottom }: Frame): readonly string[] {
  return [
    ...axis.ticks.flatMap(({ value, label }) => {
      const x = pixels(left + axis.position(value) * (right - left))
      return [
        `<line class="grid" x1="${x}" y1="${top}" x2="${x}" y2="${bottom}"/>`,
        `<text class="tick middle" x="${x}" y="${bottom + 18}">${escapeXml(label)}</text>`,
      ]
    }),
    `<text class="axis middle" x="${pixels((left + right) / 2)}" y="${bottom + 42}">${escapeXml(axisTitle(axis))}</text>`,
  ]
}

/** Grid lines, tick labels left of the frame, and the title, upwards. */
export function verticalAxis(axis: Axis, { left, top, right, bottom }: Frame): readonly string[] {
  const middle = pixels((top + bottom) / 2)
  return [
    ...axis.ticks.flatMap(({ value, label }) => {
      const y = bottom - axis.position(value) * (bottom - top)
      return [
        `<line class="grid" x1="${left}" y1="${pixels(y)}" x2="${right}" y2="${pixels(y)}"/>`,
        `<text class="tick end" x="${left - 8}" y="${pixels(y + 4)}">${escapeXml(label)}</text>`,
      ]
    }),
    `<text class="axis middle" x="${left - 54}" y="${middle}" transform="rotate(-90 ${left - 54} ${middle})">${escapeXml(axisTitle(axis))}</text>`,
  ]
}

export const axisTitle = (axis: Axis): string => (axis.logarithmic ? `${axis.title}, logarithmic` : axis.title)
