import type { FrontPoint } from '../store.ts'
import { type Axis, axisFor } from './axis.ts'
import { viridis } from './colour.ts'
import { METRICS, type MetricName } from './metrics.ts'
import { placeLabels } from './place-labels.ts'
import { staircaseOf } from './staircase.ts'
import { axisTitle, type Frame, horizontalAxis, outline, verticalAxis } from './svg-axes.ts'
import { escapeXml, pixels } from './xml.ts'

interface Metrics {
  readonly x: MetricName
  readonly y: MetricName
  readonly colour: MetricName | undefined
}

const TICKS = { x: 7, y: 6, legend: 5 }
const RADIUS = 5
const LEGEND = { gap: 22, width: 14, titleAt: 104, steps: 10 }

/** Axes, step line, points, labels and legend of a front within a frame; `id` prefixes the names it defines. */
export function svgPlot(points: readonly FrontPoint[], metrics: Metrics, frame: Frame, id: string): readonly string[] {
  if (points.length === 0) {
    const x = pixels((frame.left + frame.right) / 2)
    const y = pixels((frame.top + frame.bottom) / 2)
    return [outline(frame), `<text class="note middle" x="${x}" y="${y}">No network within the limits yet</text>`]
  }
  const valuesOf = (name: MetricName) => points.map((point) => point[name])
  const x = axisFor(metrics.x, valuesOf(metrics.x), TICKS.x)
  const y = axisFor(metrics.y, valuesOf(metrics.y), TICKS.y)
  const colour = metrics.colour && axisFor(metrics.colour, valuesOf(metrics.colour), TICKS.legend)
  const placed = points.map((point) => ({
    point,
    x: frame.left + x.position(point[metrics.x]) * (frame.right - frame.left),
    y: frame.bottom - y.position(point[metrics.y]) * (frame.bottom - frame.top),
  }))
  const corners = staircaseOf(points, metrics.x, metrics.y).map((corner) => placed[points.indexOf(corner)]!)
  return [
    ...horizontalAxis(x, frame),
    ...verticalAxis(y, frame),
    ...steps(corners, metrics, frame),
    outline(frame),
    ...placed.map((marker) => circle(marker, metrics, colour)),
    ...placeLabels(
      placed.map((marker) => ({ x: marker.x, y: marker.y, text: String(marker.point.trial) })),
      frame,
    ).map(
      ({ x: left, y: base, text }) =>
        `<text class="label" x="${pixels(left)}" y="${pixels(base)}" aria-hidden="true">${text}</text>`,
    ),
    ...(colour === undefined ? [] : legend(colour, frame, id)),
  ]
}

/** The border of what the front dominates, from edge to edge, and a tint on the dominated side. */
function steps(corners: readonly { x: number; y: number }[], metrics: Metrics, frame: Frame): readonly string[] {
  const worstX = METRICS[metrics.x].better === 'lower' ? frame.right : frame.left
  const worstY = METRICS[metrics.y].better === 'lower' ? frame.top : frame.bottom
  let path = `M${pixels(corners[0]!.x)} ${worstY}`
  for (const { x, y } of corners) path += `H${pixels(x)}V${pixels(y)}`
  path += `H${worstX}`
  return [`<path class="area" d="${path}V${worstY}Z"/>`, `<path class="steps" d="${path}"/>`]
}

function circle(
  { point, x, y }: { readonly point: FrontPoint; readonly x: number; readonly y: number },
  metrics: Metrics,
  colour: Axis | undefined,
): string {
  const shown = [...new Set([metrics.y, metrics.x, ...(metrics.colour === undefined ? [] : [metrics.colour])])]
  const text = shown.map((name) => `${METRICS[name].title} ${METRICS[name].format(point[name])}`).join(', ')
  const fill =
    colour === undefined || metrics.colour === undefined ? '#3b82c4' : viridis(colour.position(point[metrics.colour]))
  return `<circle class="point" cx="${pixels(x)}" cy="${pixels(y)}" r="${RADIUS}" fill="${fill}"><title>${escapeXml(`Trial ${point.trial}: ${text}`)}</title></circle>`
}

/** A bar of the colour scale with the ticks of its metric. */
function legend(axis: Axis, { top, right, bottom }: Frame, id: string): readonly string[] {
  const left = right + LEGEND.gap
  const stops = Array.from({ length: LEGEND.steps + 1 }, (_, i) => {
    const share = i / LEGEND.steps
    return `<stop offset="${share}" stop-color="${viridis(share)}"/>`
  })
  const middle = pixels((top + bottom) / 2)
  const titleX = right + LEGEND.titleAt
  return [
    `<defs><linearGradient id="${id}-scale" x1="0" y1="1" x2="0" y2="0">${stops.join('')}</linearGradient></defs>`,
    `<rect class="frame" style="fill:url(#${id}-scale)" x="${left}" y="${top}" width="${LEGEND.width}" height="${bottom - top}"/>`,
    ...axis.ticks.map(({ value, label }) => {
      const y = bottom - axis.position(value) * (bottom - top)
      return `<text class="tick" x="${left + LEGEND.width + 6}" y="${pixels(y + 4)}">${escapeXml(label)}</text>`
    }),
    `<text class="axis middle" x="${titleX}" y="${middle}" transform="rotate(-90 ${titleX} ${middle})">${escapeXml(axisTitle(axis))}</text>`,
  ]
}
