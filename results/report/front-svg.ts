import type { Front } from '../store.ts'
import { METRICS, type MetricName } from './metrics.ts'
import type { Frame } from './svg-axes.ts'
import { svgPlot } from './svg-plot.ts'
import { type PictureStyles, styleOf } from './svg-style.ts'
import { escapeXml } from './xml.ts'

export interface PlotMetrics {
  readonly x: MetricName
  readonly y: MetricName
  /** Shown as colour; by default the first objective that has no axis. */
  readonly colour?: MetricName
}

const WIDTH = 760
const HEIGHT = 480
const MARGIN = { left: 76, top: 66, bottom: 62, right: 30, rightOfLegend: 128 }

/**
 * A front as a self-contained SVG picture: a scatter of two metrics with the step line of the two-dimensional front,
 * each point labelled with its trial and coloured by a third objective. Follows a light or dark scheme.
 */
export function frontSvg(front: Front, { x, y, colour = thirdObjective(front, x, y) }: PlotMetrics): string {
  const id = `front-${front.experiment}-${front.device.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`
  const frame: Frame = {
    left: MARGIN.left,
    top: MARGIN.top,
    right: WIDTH - (colour === undefined ? MARGIN.right : MARGIN.rightOfLegend),
    bottom: HEIGHT - MARGIN.bottom,
  }
  const title = `${METRICS[y].title} against ${lowerFirst(METRICS[x].title)} on ${front.device}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" id="${id}" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-description">`,
    `<title id="${id}-title">${escapeXml(title)}</title>`,
    `<desc id="${id}-description">${escapeXml(description(front, x, y))}</desc>`,
    styleOf(id, FRONT_STYLES),
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    `<text class="title" x="${frame.left}" y="31">${escapeXml(title)}</text>`,
    `<text class="note" x="${frame.left}" y="50">${escapeXml(subtitle(front))}</text>`,
    ...svgPlot(front.points, { x, y, colour }, frame, id),
    '</svg>',
    '',
  ].join('\n')
}

const isMetric = (name: string): name is MetricName => Object.hasOwn(METRICS, name)

const thirdObjective = (front: Front, x: MetricName, y: MetricName): MetricName | undefined =>
  front.objectives.filter(isMetric).find((name) => name !== x && name !== y)

const lowerFirst = (title: string): string =>
  /^[A-Z][a-z]/.test(title) ? title[0]!.toLowerCase() + title.slice(1) : title

const networks = (count: number): string => (count === 1 ? '1 network' : `${count} networks`)

const subtitle = (front: Front): string =>
  `Experiment ${front.experiment} · ${networks(front.points.length)} · hypervolume ${front.hypervolume.toFixed(4)} over ${front.objectives.map(titleOf).join(', ')}`

const titleOf = (name: string): string => (isMetric(name) ? METRICS[name].heading : name)

/** What the picture shows, in words. */
function description(front: Front, x: MetricName, y: MetricName): string {
  const { points } = front
  if (points.length === 0)
    return `No network of experiment ${front.experiment} is within the limits of ${front.device}.`
  const range = (name: MetricName): string => {
    const { format, title } = METRICS[name]
    const values = points.map((point) => point[name])
    return `${lowerFirst(title)} from ${format(Math.min(...values))} to ${format(Math.max(...values))}`
  }
  return `Front of experiment ${front.experiment}: ${networks(points.length)}, ${range(x)}, ${range(y)}.`
}

/** What only this picture draws. */
const FRONT_STYLES: PictureStyles = {
  common: [
    '.label{font-size:11px;stroke-width:2.5;stroke-linejoin:round;paint-order:stroke}',
    '.steps{fill:none;stroke-width:1.8;stroke-linejoin:round}',
    '.area{opacity:.08}',
    '.point{stroke-width:1.1}',
  ],
  scheme: ({ ink, page, line }) => [
    `.steps{stroke:${line}}`,
    `.area{fill:${line}}`,
    `.point{stroke:${ink}}`,
    `.label{stroke:${page}}`,
  ],
}
