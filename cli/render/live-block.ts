import type { TextStream } from './terminal.ts'
import { textWidth } from './width.ts'

const DEFAULT_COLUMNS = 80

/** Escape sequences, which take no room. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
const SEQUENCES = /\x1b\[[0-9;]*m/g

/** A few lines at the bottom of a terminal that are drawn over in place. */
export class LiveBlock {
  readonly #stream: TextStream
  #lines: readonly string[] = []

  constructor(stream: TextStream) {
    this.#stream = stream
  }

  /** Replaces the block. One write, so that the terminal never shows half of it. */
  draw(wanted: readonly string[]): void {
    // A block higher than the terminal could not be reached again to draw over it.
    const lines = wanted.slice(0, Math.max(1, (this.#stream.rows ?? Number.POSITIVE_INFINITY) - 1))
    this.#stream.write(`${this.#erase()}${lines.map((line) => `${line}\n`).join('')}`)
    this.#lines = lines
  }

  /** Puts a line above the block. */
  above(line: string): void {
    this.#stream.write(`${this.#erase()}${line}\n${this.#lines.map((own) => `${own}\n`).join('')}`)
  }

  /** Leaves the block where it is; what is written next comes below. */
  leave(): void {
    this.#lines = []
  }

  /** Back to where the block starts, counting rows as they wrap if the terminal has become narrower. */
  #erase(): string {
    const columns = this.#stream.columns ?? DEFAULT_COLUMNS
    let rows = 0
    for (const line of this.#lines) rows += Math.max(1, Math.ceil(textWidth(line.replace(SEQUENCES, '')) / columns))
    return rows === 0 ? '' : `\x1b[${rows}A\r\x1b[J`
  }
}
