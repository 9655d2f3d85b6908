import { paint, type Terminal } from './terminal.ts'

export interface Cell {
  readonly column: number
  readonly row: number
}

/** Sides by which a line leaves a cell, as bits. */
const LEFT = 1
const RIGHT = 2
const UP = 4
const DOWN = 8

/** Line characters by the sides they reach. */
const UNICODE_LINES = ' ───│┘└┴│┐┌┬│┤├┼'
const ASCII_LINES = ' ---|+++|+++|+++'

/** A grid of characters for a plot: step lines, above them labels, above those markers. */
export class Canvas {
  readonly #width: number
  readonly #height: number
  readonly #terminal: Terminal
  readonly #sides: Uint8Array
  readonly #markers = new Map<number, boolean>()
  readonly #labels = new Map<number, string>()

  constructor(width: number, height: number, terminal: Terminal) {
    this.#width = width
    this.#height = height
    this.#terminal = terminal
    this.#sides = new Uint8Array(width * height)
  }

  /** Joins cells by lines that first run along the row, then along the column. */
  steps(cells: readonly Cell[]): void {
    for (let i = 1; i < cells.length; i++) {
      const from = cells[i - 1]!
      const to = cells[i]!
      this.#line(from, { column: to.column, row: from.row })
      this.#line({ column: to.column, row: from.row }, to)
    }
  }

  #line(from: Cell, to: Cell): void {
    const across = Math.sign(to.column - from.column)
    const down = Math.sign(to.row - from.row)
    const [leave, enter] =
      across !== 0 ? (across > 0 ? [RIGHT, LEFT] : [LEFT, RIGHT]) : down > 0 ? [DOWN, UP] : [UP, DOWN]
    let { column, row } = from
    while (column !== to.column || row !== to.row) {
      this.#sides[this.#index({ column, row })]! |= leave
      column += across
      row += down
      this.#sides[this.#index({ column, row })]! |= enter
    }
  }

  /** A point, on the step line or beside it; of two in one cell the one on the line stays. */
  marker(cell: Cell, onLine: boolean): void {
    this.#markers.set(this.#index(cell), onLine)
  }

  /** Writes a text beside a cell, where neither marker nor text stands; prefers places without a line. */
  label(cell: Cell, text: string): void {
    const places = [
      { column: cell.column + 1, row: cell.row - 1 },
      { column: cell.column - text.length, row: cell.row - 1 },
      { column: cell.column + 2, row: cell.row },
      { column: cell.column - text.length - 1, row: cell.row },
      { column: cell.column + 1, row: cell.row + 1 },
      { column: cell.column - text.length, row: cell.row + 1 },
    ]
    const free = places.filter((place) => this.#isFree(place, text.length))
    const place = free.find((candidate) => this.#isBlank(candidate, text.length)) ?? free[0]
    if (place === undefined) return
    for (let i = 0; i < text.length; i++) {
      this.#labels.set(this.#index({ column: place.column + i, row: place.row }), text[i]!)
    }
  }

  /** Within the grid, and with a gap on both sides to markers and texts. */
  #isFree({ column, row }: Cell, length: number): boolean {
    if (row < 0 || row >= this.#height || column < 0 || column + length > this.#width) return false
    for (let i = -1; i <= length; i++) {
      const place = column + i
      if (place < 0 || place >= this.#width) continue
      const index = this.#index({ column: place, row })
      if (this.#labels.has(index) || (i >= 0 && i < length && this.#markers.has(index))) return false
    }
    return true
  }

  #isBlank({ column, row }: Cell, length: number): boolean {
    const start = this.#index({ column, row })
    return this.#sides.subarray(start, start + length).every((sides) => sides === 0)
  }

  #index({ column, row }: Cell): number {
    return row * this.#width + column
  }

  lines(): readonly string[] {
    return Array.from({ length: this.#height }, (_, row) => {
      const characters = Array.from({ length: this.#width }, (_, column) =>
        this.#character(this.#index({ column, row })),
      )
      return characters.join('').trimEnd()
    })
  }

  #character(index: number): string {
    const { unicode } = this.#terminal
    const onLine = this.#markers.get(index)
    if (onLine === true) return paint(unicode ? '●' : '*', 'green', this.#terminal)
    if (onLine === false) return paint(unicode ? '○' : 'o', 'cyan', this.#terminal)
    const label = this.#labels.get(index)
    if (label !== undefined) return label
    const line = (unicode ? UNICODE_LINES : ASCII_LINES)[this.#sides[index]!]!
    return line === ' ' ? line : paint(line, 'dim', this.#terminal)
  }
}
