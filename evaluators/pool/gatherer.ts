interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Promise<Result>) => void
}

export interface GathererOptions<Item, Result> {
  /** Most items of a group. */
  readonly size: number
  /** Groups that may run at the same time. */
  readonly groups: number
  /** A group that is not full begins when nothing has come for so long. */
  readonly patienceMs: number
  /** Only items of one kind share a group. */
  readonly kindOf: (item: Item) => string
  /** Handles the items of a group; one promise for each. */
  readonly run: (items: readonly Item[]) => readonly Promise<Result>[]
}

/**
 * Puts items that come shortly after each other into groups. While all groups are busy, items wait and gather; a full
 * group goes before one that is not.
 */
export function createGatherer<Item, Result>(options: GathererOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { size, groups, patienceMs, kindOf, run } = options
  const waiting = new Map<string, Waiting<Item, Result>[]>()
  let running = 0
  let patience: NodeJS.Timeout | undefined
  let patient = true

  function begin(kind: string, members: readonly Waiting<Item, Result>[]): void {
    const rest = waiting.get(kind)!.slice(members.length)
    if (rest.length > 0) waiting.set(kind, rest)
    else waiting.delete(kind)
    running++
    const results = run(members.map(({ item }) => item))
    for (const [i, { resolve }] of members.entries()) resolve(results[i]!)
    void Promise.allSettled(results).then(() => {
      running--
      beginGroups()
    })
  }

  /** Full groups first, then, when patience is over, those that wait longest. */
  function beginGroups(): void {
    const full = (): [string, Waiting<Item, Result>[]] | undefined =>
      [...waiting].find(([, members]) => members.length >= size) ?? (patient ? undefined : [...waiting][0])
    for (let next = full(); next !== undefined && running < groups; next = full())
      begin(next[0], next[1].slice(0, size))
  }

  return (item) =>
    new Promise((resolve) => {
      const kind = kindOf(item)
      waiting.set(kind, [...(waiting.get(kind) ?? []), { item, resolve }])
      if (size > 1) {
        patient = true
        clearTimeout(patience)
        patience = setTimeout(() => {
          patient = false
          beginGroups()
        }, patienceMs)
      }
      beginGroups()
    })
}
