/** Edits (insert, delete, replace) that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}

/** Edits, as a share of the longer name, from which on two names have nothing to do with each other. */
const UNLIKE = 0.75

/**
 * The candidate most like `name`: one that contains it or is contained, else the fewest edits. Undefined where none is
 * like it, which is where the edits come to the share `unlike` of the longer name.
 */
export function nearestName(name: string, candidates: readonly string[], unlike = UNLIKE): string | undefined {
  const wanted = name.toLowerCase()
  let best: string | undefined
  let bestScore = unlike
  for (const candidate of candidates) {
    const known = candidate.toLowerCase()
    const contained = wanted.length > 2 && (known.includes(wanted) || wanted.includes(known))
    const score = editDistance(wanted, known) / Math.max(wanted.length, known.length) - (contained ? 1 : 0)
    if (score < bestScore) {
      bestScore = score
      best = candidate
    }
  }
  return best
}

/** "unknown device 'x'; did you mean 'y'? Known: …" — one sentence for every open set of names. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  const hint = near === undefined ? '' : `: did you mean '${near}'?`
  return `unknown ${what} '${name}'${hint} (known: ${known.join(', ') || 'none'})`
}
