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

/** How far the int8 outputs of a file may be from the reference's in some runtime. */
export interface Tolerance {
  /** Share of the outputs that may differ. */
  readonly share: number
  /** Quanta that one output may be off. */
  readonly quanta: number
  /** Share of the samples by which the count of rightly classified ones may differ; one sample always may. */
  readonly samplesShare: number
}

export const BIT_FOR_BIT: Tolerance = { share: 0, quanta: 0, samplesShare: 0 }
/** Runtimes that round once, but in single precision. */
export const ONE_QUANTUM: Tolerance = { share: 0.001, quanta: 1, samplesShare: 0.005 }

export const withinTolerance = (
  { outputs, differing, most }: OutputComparison,
  { share, quanta }: Tolerance = ONE_QUANTUM,
): boolean => most <= quanta && differing <= share * outputs

/** What is allowed, in words. */
export function toleranceText({ share, quanta, samplesShare }: Tolerance): string {
  if (quanta === 0) return 'bit for bit'
  const outputs = share === 1 ? 'any output' : `${100 * share} % of the outputs`
  return `${quanta} ${quanta === 1 ? 'quantum' : 'quanta'} on ${outputs}, accuracy within ${100 * samplesShare} % of the samples`
}

/** The comparison in words. @param whose outputs were expected. */
export function comparisonText({ outputs, differing, most }: OutputComparison, whose = 'the reference’s'): string {
  if (differing === 0) return `all ${outputs} outputs are ${whose} bit for bit`
  const share = `${((100 * differing) / outputs).toPrecision(2)} %`
  const quanta = `${most} ${most === 1 ? 'quantum' : 'quanta'}`
  return `${differing} of ${outputs} outputs (${share}) are not ${whose}, by at most ${quanta}`
}
