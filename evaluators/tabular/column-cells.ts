import type { CodedColumn } from './conditions.ts'

/** So many different texts a column may have for each to be kept once; beyond, it is a column of figures or names. */
const MOST_TEXTS = 2000

/**
 * The cells of a column as a file is read: by their distinct texts while these are few, which takes two bytes a cell and
 * no text for each, and one by one where they are many.
 */
export class ColumnCells {
  #codeOf: Map<string, number> | undefined = new Map()
  #codes = new Uint16Array(1024)
  #count = 0
  #cells: string[] = []

  push(cell: string): void {
    if (this.#codeOf === undefined) {
      this.#cells.push(cell)
      return
    }
    let code = this.#codeOf.get(cell)
    if (code === undefined) {
      if (this.#codeOf.size === MOST_TEXTS) {
        this.#spell()
        this.#cells.push(cell)
        return
      }
      code = this.#codeOf.size
      this.#codeOf.set(cell, code)
    }
    if (this.#count === this.#codes.length) {
      const larger = new Uint16Array(2 * this.#count)
      larger.set(this.#codes)
      this.#codes = larger
    }
    this.#codes[this.#count++] = code
  }

  #spell(): void {
    this.#cells = this.cells()
    this.#codeOf = undefined
    this.#codes = new Uint16Array(0)
  }

  /** Undefined for a column with more different texts than are kept. */
  coded(): CodedColumn | undefined {
    if (this.#codeOf === undefined) return undefined
    return { texts: [...this.#codeOf.keys()], codes: this.#codes.subarray(0, this.#count) }
  }

  cells(): string[] {
    const coded = this.coded()
    return coded === undefined ? this.#cells : Array.from(coded.codes, (code) => coded.texts[code]!)
  }
}
