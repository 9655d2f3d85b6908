import { axisOf } from './axis.ts'
import type { Metric } from './metrics.ts'
import { type Frame, horizontalAxis, outline } from './svg-axes.ts'
import { type PictureStyles, styleOf } from './svg-style.ts'
import { escapeXml, pixels } from './xml.ts'

/** One gene's bars. */
export interface ImportanceBars {
  readonly gene: string
  readonly accuracy: { readonly share: number; readonly shareLow: number; readonly shareHigh: number }
  readonly cost: { readonly share: number }
}

const WIDTH = 760
const ROW = 34
const BAR = 11
const LEFT = 190
const SHARE: Metric = {
  title: 'Share of the variance that genes explain',
  heading: 'share',
  better: 'higher',
  units: [{ symbol: '%', factor: 0.01 }],
  base: 10,
  greatest: 1,
  linear: true,
  format: (value) => `${(100 * value).toFixed(1)} %`,
}

/** Bars of each gene's share in the accuracy, with its uncertainty, and in one cost; a self-contained SVG picture. */
export function importanceSvg(
  bars: readonly ImportanceBars[],
  words: { readonly id: string; readonly title: string; readonly subtitle: string; readonly cost: string },
): string {
  const frame: Frame = { left: LEFT, right: WIDTH - 30, top: 90, bottom: 90 + ROW * bars.length }
  const height = frame.bottom + 62
  const axis = axisOf(
    SHARE,
    [0, ...bars.flatMap(({ accuracy, cost }) => [accuracy.share, accuracy.shareHigh, cost.share])],
    7,
  )
  const at = (share: number) => frame.left + Math.max(0, axis.position(share)) * (frame.right - frame.left)
  const bar = (kind: string, share: number, top: number, words: string) =>
    `<rect class="${kind}" x="${frame.left}" y="${pixels(top)}" width="${pixels(at(share) - frame.left)}" height="${BAR}"><title>${escapeXml(words)}</title></rect>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" id="${words.id}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="${words.id}-title">`,
    `<title id="${words.id}-title">${escapeXml(words.title)}</title>`,
    styleOf(words.id, STYLES),
    `<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="title" x="24" y="31">${escapeXml(words.title)}</text>`,
    `<text class="note" x="24" y="50">${escapeXml(words.subtitle)}</text>`,
    `<rect class="accuracy" x="${frame.left}" y="64" width="14" height="${BAR}"/><text x="${frame.left + 20}" y="74">accuracy</text>`,
    `<rect class="cost" x="${frame.left + 110}" y="64" width="14" height="${BAR}"/><text x="${frame.left + 130}" y="74">${escapeXml(words.cost)}</text>`,
    ...horizontalAxis(axis, frame),
    outline(frame),
    ...bars.flatMap(({ gene, accuracy, cost }, i) => {
      const top = frame.top + ROW * i + (ROW - 2 * BAR - 2) / 2
      const middle = pixels(top + BAR / 2)
      return [
        `<text class="end" x="${frame.left - 8}" y="${pixels(top + BAR + 5)}">${escapeXml(gene)}</text>`,
        bar('accuracy', accuracy.share, top, `${gene}: ${SHARE.format(accuracy.share)} of the accuracy`),
        bar('cost', cost.share, top + BAR + 2, `${gene}: ${SHARE.format(cost.share)} of the ${words.cost}`),
        `<path class="whisker" d="M${pixels(at(accuracy.shareLow))} ${middle}H${pixels(at(accuracy.shareHigh))}"/>`,
      ]
    }),
    '</svg>',
    '',
  ].join('\n')
}

const STYLES: PictureStyles = {
  common: ['.accuracy{fill:#0072b2}', '.cost{fill:#d55e00}', '.whisker{stroke-width:1.5;fill:none}'],
  scheme: ({ ink }) => [`.whisker{stroke:${ink}}`],
}
