/** How the int8 outputs of a file differ from those of the integer reference. */
export interface OutputComparison {
  readonly outputs: number
  readonly differing: number
  /** Most quanta that one output is off. */
  readonly most: number
}

/** Compares int8 outputs one by one. */
export function compareOutputs(expected: Int8Array, found: Int8Array): OutputComparison {
  let differing = 0
  let most = 0
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(expected[i]! - found[i]!)
    if (difference > 0) differing++
    if (difference > most) most = difference
  }
  return { outputs: expected.length, differing, most }
}

/** Share of outputs that may be off by one quantum where a runtime rounds by rules of its own. */
const TOLERATED_SHARE = 0.001

export const withinTolerance = ({ outputs, differing, most }: OutputComparison): boolean =>
  most <= 1 && differing <= TOLERATED_SHARE * outputs

/** The comparison in words. @param whose outputs were expected. */
export function comparisonText({ outputs, differing, most }: OutputComparison, whose = 'the reference’s'): string {
  if (differing === 0) return `all ${outputs} outputs are ${whose} bit for bit`
  const share = `${((100 * differing) / outputs).toPrecision(2)} %`
  const quanta = `${most} ${most === 1 ? 'quantum' : 'quanta'}`
  return `${differing} of ${outputs} outputs (${share}) are not ${whose}, by at most ${quanta}`
}
