/** A part of shared memory: who has it, and how many of the owner's rows are there. */
interface Place {
  owner: number
  rows: number
  used: number
}

/** Places in shared memory for rows that only grow; the owner that came longest ago makes way for another. */
export class Places {
  readonly #places: readonly Place[]
  #uses = 0

  constructor(count: number) {
    this.#places = Array.from({ length: count }, () => ({ owner: 0, rows: 0, used: 0 }))
  }

  /**
   * The place of an owner, which is known by a positive number.
   * @param bring called with place and rows when rows `from`…`to − 1` are not there yet
   */
  of(owner: number, rows: number, bring: (place: number, from: number, to: number) => void): number {
    let number = this.#places.findIndex((place) => place.owner === owner)
    if (number < 0) {
      number = this.#places.reduce((oldest, { used }, i) => (used < this.#places[oldest]!.used ? i : oldest), 0)
      Object.assign(this.#places[number]!, { owner, rows: 0 })
    }
    const place = this.#places[number]!
    place.used = ++this.#uses
    if (place.rows < rows) bring(number, place.rows, rows)
    place.rows = Math.max(place.rows, rows)
    return number
  }

  /** Forgets the rows of an owner from one on. */
  forget(owner: number, from: number): void {
    for (const place of this.#places) if (place.owner === owner) place.rows = Math.min(place.rows, from)
  }
}
