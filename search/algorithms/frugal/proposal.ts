import type { Genome } from '../../algorithm.ts'
import type { Archive } from './archive.ts'
import type { Candidate, CandidatePool } from './candidates.ts'
import type { CostSource, ExpectedCosts } from './costs.ts'
import { deviceGain } from './device-gain.ts'
import type { EncodedGenome } from './encoding.ts'
import type { ExpectedGain } from './expected-gain.ts'
import type { Prediction } from './gaussian-process.ts'
import type { Surrogate } from './surrogate.ts'

/** Candidates that get a full prediction, of their costs, too. */
const FINALISTS = 24

export interface ProposalContext {
  readonly pool: CandidatePool
  readonly archive: Archive
  readonly surrogate: Surrogate
  readonly frontCount: number
  /** Genomes being measured. */
  readonly open: readonly Genome[]
  readonly source: CostSource
  readonly referenceError: number
  /** By how much the deviations of the error model are scaled. */
  readonly sdFactor: number
}

interface Scored {
  readonly candidate: Candidate
  readonly row: EncodedGenome
  readonly score: number
}

/**
 * The candidate that is expected to add the most hypervolume, summed over devices, and the others from best to worst.
 * `best` is undefined when none is expected to add any.
 */
export function chooseByGain(context: ProposalContext): { best?: Candidate; others: readonly Candidate[] } {
  const { pool, archive, surrogate, open, source, referenceError } = context
  const openKnown = open.map((genome) => source.costs(genome))
  const believed = surrogate.prepare(
    archive,
    open.map((genome) => surrogate.encode(genome)),
    referenceError,
    context.sdFactor,
  )
  const gains = Array.from({ length: context.frontCount }, (_, device) => {
    const expected = openKnown.flatMap((known, i) =>
      known?.[device]?.violation === 0 ? [{ error: believed[i]!, costs: known[device].costs }] : [],
    )
    return deviceGain(archive, device, expected, referenceError)
  })
  // Networks are on the fronts of several devices, which then have levels in common.
  const levels = [...new Set(gains.flatMap((gain) => gain?.levels ?? []))]
  const placeOf = new Map(levels.map((level, place) => [level, place]))
  const placesOf = gains.map((gain) => gain?.levels.map((level) => placeOf.get(level)!))
  const shortfalls = new Float64Array(levels.length)
  const shares = new Float64Array(levels.length)
  /** Summed over the devices that can take the candidate. */
  const totalGain = (expected: readonly ExpectedCosts[], prediction: Prediction): number => {
    shortfalls.fill(Number.NaN)
    let sum = 0
    for (let device = 0; device < gains.length; device++) {
      const [gain, ofDevice] = [gains[device], expected[device]!]
      if (gain === undefined || ofDevice.violation !== 0) continue
      const places = placesOf[device]!
      addExpectedShares(gain, ofDevice, shares.fill(0, 0, gain.levels.length))
      sum += gain.gain(shares, (level, i) => {
        const place = places[i]!
        if (Number.isNaN(shortfalls[place]!)) shortfalls[place] = surrogate.shortfall(prediction, level)
        return shortfalls[place]!
      })
    }
    return sum
  }
  const scored = new Map<Candidate, Scored>()
  const roughly = (candidate: Candidate): Scored => {
    const before = scored.get(candidate)
    if (before !== undefined) return before
    const row = surrogate.encode(candidate.genome, candidate.key)
    const result = { candidate, row, score: totalGain(candidate.known, surrogate.predictRoughly(row)) }
    scored.set(candidate, result)
    return result
  }
  pool.climb((candidate) => roughly(candidate).score)
  const ranked = pool.members.map(roughly).sort((a, b) => b.score - a.score)
  let best: Scored | undefined
  let bestScore = 0
  for (const finalist of ranked.slice(0, FINALISTS)) {
    const { genome, known } = finalist.candidate
    const score = totalGain(source.uncertainCosts?.(genome) ?? known, surrogate.predict(finalist.row))
    if (score > bestScore) {
      bestScore = score
      best = finalist
    }
  }
  const others = ranked.filter((other) => other !== best).map(({ candidate }) => candidate)
  return best === undefined ? { others } : { best: best.candidate, others }
}

/** Adds the shares of the levels at exact costs, or their mean over what the costs may be. */
function addExpectedShares(gain: ExpectedGain, { costs, alternatives }: ExpectedCosts, into: Float64Array): void {
  if (alternatives === undefined) {
    gain.addShares(costs, into)
    return
  }
  for (const { costs: possible, weight } of alternatives) {
    const shares = gain.shares(possible)
    for (let level = 0; level < shares.length; level++) into[level]! += weight * shares[level]!
  }
}
