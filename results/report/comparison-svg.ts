import type { ComparedGroup, Comparison } from '../compare/compare.ts'
import type { Spending } from '../compare/runs.ts'
import { type Axis, axisFor, axisOf } from './axis.ts'
import { HYPERVOLUME, METRICS, type Metric, type MetricName, plainMetric } from './metrics.ts'
import { type Frame, horizontalAxis, outline, verticalAxis } from './svg-axes.ts'
import { type PictureStyles, styleOf } from './svg-style.ts'
import { escapeXml, pixels } from './xml.ts'

const WIDTH = 1080
const PANEL = { top: 66, bottom: 388 }
const LEFT_PANEL: Frame = { left: 76, right: 500, ...PANEL }
const RIGHT_PANEL: Frame = { left: 616, right: 1050, ...PANEL }
const LEGEND = { top: 452, line: 22 }
/** Okabe and Ito's colours, which people with colour-blindness tell apart; they show on light and dark pages. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const

const SPENT: Readonly<Record<Spending, Metric>> = {
  trials: plainMetric('Trials'),
  cpuSeconds: plainMetric('Processor seconds'),
}

/** More groups than there are colours would look alike. */
export const MOST_GROUPS = COLOURS.length

/**
 * A comparison as a self-contained SVG picture: hypervolume over trials or processor time with the band from the least to
 * the greatest of the runs, and the accuracy that half of the runs attain against one cost.
 */
export function comparisonSvg(comparison: Comparison): string {
  const { groups, device } = comparison
  const id = `compare-${device.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`
  const height = LEGEND.top + LEGEND.line * groups.length
  const title = `Searches compared on ${device}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" id="${id}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="${id}-title">`,
    `<title id="${id}-title">${escapeXml(title)}</title>`,
    styleOf(id, STYLES),
    `<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="title" x="${LEFT_PANEL.left}" y="31">${escapeXml(title)}</text>`,
    `<text class="note" x="${LEFT_PANEL.left}" y="52">Hypervolume: mean, and the band of all runs</text>`,
    `<text class="note" x="${RIGHT_PANEL.left}" y="52">What at least half of the runs attain</text>`,
    ...curves(comparison),
    ...attainments(comparison),
    ...groups.map((group, i) => legendLine(group, i)),
    '</svg>',
    '',
  ].join('\n')
}

function curves({ groups, over }: Comparison): readonly string[] {
  const points = groups.flatMap(({ curve }) => curve)
  const x = axisOf(SPENT[over], [0, ...points.map(({ spent }) => spent)], 8)
  const y = axisOf(
    HYPERVOLUME,
    points.flatMap(({ least, greatest }) => [least, greatest]),
    6,
  )
  const at = placer(x, y, LEFT_PANEL)
  return [
    ...horizontalAxis(x, LEFT_PANEL),
    ...verticalAxis(y, LEFT_PANEL),
    outline(LEFT_PANEL),
    ...groups.flatMap(({ name, curve, experiments }, i) => {
      const upper = curve.map(({ spent, greatest }) => at(spent, greatest))
      const lower = curve.map(({ spent, least }) => at(spent, least)).reverse()
      const band = experiments.length < 2 ? [] : [`<path class="band g${i}" d="M${[...upper, ...lower].join('L')}Z"/>`]
      const line = curve.map(({ spent, mean }) => at(spent, mean)).join('L')
      return [...band, `<path class="curve g${i}" d="M${line}"><title>${escapeXml(name)}</title></path>`]
    }),
  ]
}

function attainments({ groups, cost, device }: Comparison): readonly string[] {
  const metric = cost as MetricName
  const corners = groups.flatMap(({ attainment }) => attainment.half)
  if (corners.length === 0) {
    const [x, y] = [(RIGHT_PANEL.left + RIGHT_PANEL.right) / 2, (RIGHT_PANEL.top + RIGHT_PANEL.bottom) / 2]
    const text = `Half of the runs attain nothing on ${device} yet`
    return [outline(RIGHT_PANEL), `<text class="note middle" x="${x}" y="${y}">${escapeXml(text)}</text>`]
  }
  const x = axisFor(
    metric,
    corners.map(({ cost: value }) => value),
    6,
  )
  const y = axisOf(
    METRICS.accuracy,
    corners.map(({ accuracy }) => accuracy),
    6,
  )
  const at = placer(x, y, RIGHT_PANEL)
  return [
    ...horizontalAxis(x, RIGHT_PANEL),
    ...verticalAxis(y, RIGHT_PANEL),
    outline(RIGHT_PANEL),
    ...groups.flatMap(({ name, attainment: { half } }, i) => {
      if (half.length === 0) return []
      const vertical = (accuracy: number) => at(half[0]!.cost, accuracy).split(' ')[1]!
      let path = `M${at(half[0]!.cost, half[0]!.accuracy)}`
      for (const corner of half.slice(1)) path += `H${at(corner.cost, 0).split(' ')[0]}V${vertical(corner.accuracy)}`
      return [`<path class="curve g${i}" d="${path}H${RIGHT_PANEL.right}"><title>${escapeXml(name)}</title></path>`]
    }),
  ]
}

/** Where a pair of values stands in a frame, as path coordinates. */
const placer =
  (x: Axis, y: Axis, { left, right, top, bottom }: Frame) =>
  (horizontal: number, vertical: number): string =>
    `${pixels(left + x.position(horizontal) * (right - left))} ${pixels(bottom - y.position(vertical) * (bottom - top))}`

function legendLine({ name, experiments, curve }: ComparedGroup, i: number): string {
  const y = LEGEND.top + i * LEGEND.line
  const runs = experiments.length === 1 ? `experiment ${experiments[0]}` : `${experiments.length} experiments`
  const text = `${name}: ${runs}, hypervolume ${curve.at(-1)!.mean.toFixed(4)}`
  return (
    `<path class="curve g${i}" d="M${LEFT_PANEL.left} ${y - 4}h28"/>` +
    `<text x="${LEFT_PANEL.left + 38}" y="${y}">${escapeXml(text)}</text>`
  )
}

const STYLES: PictureStyles = {
  common: [
    '.curve{fill:none;stroke-width:2;stroke-linejoin:round}',
    '.band{opacity:.14}',
    ...COLOURS.flatMap((colour, i) => [`.curve.g${i}{stroke:${colour}}`, `.band.g${i}{fill:${colour}}`]),
  ],
  scheme: () => [],
}
