/** Colours of a picture on a light or a dark page. */
export interface Scheme {
  readonly page: string
  readonly ink: string
  readonly faint: string
  readonly grid: string
  readonly line: string
}

const LIGHT: Scheme = { page: '#ffffff', ink: '#1f2430', faint: '#5d6675', grid: '#e4e7ec', line: '#c2410c' }
const DARK: Scheme = { page: '#12161d', ink: '#e8eaee', faint: '#9aa4b2', grid: '#2a313c', line: '#fb923c' }

/** Rules of one picture beyond those of its text, axes and page; selectors are within the picture. */
export interface PictureStyles {
  readonly common: readonly string[]
  readonly scheme: (scheme: Scheme) => readonly string[]
}

/**
 * The style element of the picture with this id. Written out in full for both schemes: many programs that draw SVG know
 * no CSS variables.
 */
export function styleOf(id: string, { common, scheme }: PictureStyles): string {
  const within = (rules: readonly string[]): string => rules.map((rule) => `#${id} ${rule}`).join('\n')
  const colours = (colour: Scheme): string =>
    within([
      `.page{fill:${colour.page}}`,
      `text{fill:${colour.ink}}`,
      `.note{fill:${colour.faint}}`,
      `.tick{fill:${colour.faint}}`,
      `.grid{stroke:${colour.grid}}`,
      `.frame{stroke:${colour.faint}}`,
      ...scheme(colour),
    ])
  return `<style>
#${id}{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
${within([
  'text{font-size:12px}',
  '.title{font-size:17px;font-weight:600}',
  '.axis{font-weight:600}',
  '.frame{fill:none}',
  '.end{text-anchor:end}',
  '.middle{text-anchor:middle}',
  ...common,
])}
${colours(LIGHT)}
@media (prefers-color-scheme:dark){
${colours(DARK)}
}
</style>`
}
