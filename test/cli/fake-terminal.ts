import type { TextStream } from '../../cli/render/terminal.ts'

/** A terminal that understands what the live view writes: lines, `ESC[nA` (up) and `ESC[J` (clear below). */
export class FakeTerminal implements TextStream {
  readonly isTTY = true
  columns: number
  readonly rows = 40
  readonly written: string[] = []
  #lines: string[] = ['']
  #row = 0
  #column = 0

  constructor(columns: number) {
    this.columns = columns
  }

  write(text: string): boolean {
    this.written.push(text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
    for (const part of text.match(/\x1b\[\??[0-9;]*[A-Za-z]|[\s\S]/g) ?? []) this.#take(part)
    return true
  }

  #take(part: string): void {
    if (part === '\n') {
      this.#row++
      this.#column = 0
      if (this.#row === this.#lines.length) this.#lines.push('')
    } else if (part === '\r') this.#column = 0
    else if (part.endsWith('A') && part.length > 1)
      this.#row = Math.max(0, this.#row - Number.parseInt(part.slice(2), 10))
    else if (part === '\x1b[J')
      this.#lines = [...this.#lines.slice(0, this.#row), this.#lines[this.#row]!.slice(0, this.#column)]
    else if (part.endsWith('m') && part.length > 1) return
    else if (part.length > 1) throw new Error(`unexpected sequence ${JSON.stringify(part)}`)
    else {
      const line = this.#lines[this.#row]!.padEnd(this.#column)
      this.#lines[this.#row] = line.slice(0, this.#column) + part + line.slice(this.#column + 1)
      this.#column++
      if (this.#column > this.columns)
        throw new Error(`a line is wider than ${this.columns}: ${this.#lines[this.#row]}`)
    }
  }

  screen(): readonly string[] {
    return this.#lines.at(-1) === '' ? this.#lines.slice(0, -1) : this.#lines
  }
}
