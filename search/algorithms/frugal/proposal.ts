import type { Genome } from '../../algorithm.ts'
import type { Archive } from './archive.ts'
import type { Candidate, CandidatePool } from './candidates.ts'
import type { CostSource, ExpectedCosts } from './costs.ts'
import type { EncodedGenome } from './encoding.ts'
import { ExpectedGain } from './expected-gain.ts'
import type { Prediction } from './gaussian-process.ts'
import type { Surrogate } from './surrogate.ts'

/** Candidates that get a full prediction, of their costs, too. */
const FINALISTS = 24
/** How far beyond the dearest measured candidate of use the reference lies, as a share of the range. */
const REFERENCE_MARGIN = 0.3

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
  /** Per device; undefined where the candidate is infeasible. */
  readonly shares: readonly (Float64Array | undefined)[]
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
  const total = (shares: Scored['shares'], prediction: Prediction): number => {
    shortfalls.fill(Number.NaN)
    let sum = 0
    shares.forEach((share, device) => {
      if (share === undefined) return
      const places = placesOf[device]!
      sum += gains[device]!.gain(share, (level, i) => {
        const place = places[i]!
        if (Number.isNaN(shortfalls[place]!)) shortfalls[place] = surrogate.shortfall(prediction, level)
        return shortfalls[place]!
      })
    })
    return sum
  }
  const sharesAt = (expected: readonly ExpectedCosts[]): Scored['shares'] =>
    gains.map((gain, device) => {
      const ofDevice = expected[device]!
      return ofDevice.violation === 0 && gain !== undefined ? expectedShares(gain, ofDevice) : undefined
    })
  const scored = new Map<Candidate, Scored>()
  const roughly = (candidate: Candidate): Scored => {
    const before = scored.get(candidate)
    if (before !== undefined) return before
    const row = surrogate.encode(candidate.genome, candidate.key)
    const shares = sharesAt(candidate.known)
    const result = { candidate, row, shares, score: total(shares, surrogate.predictRoughly(row)) }
    scored.set(candidate, result)
    return result
  }
  pool.climb((candidate) => roughly(candidate).score)
  const ranked = pool.members.map(roughly).sort((a, b) => b.score - a.score)
  let best: Scored | undefined
  let bestScore = 0
  for (const finalist of ranked.slice(0, FINALISTS)) {
    const uncertain = source.uncertainCosts?.(finalist.candidate.genome)
    const shares = uncertain === undefined ? finalist.shares : sharesAt(uncertain)
    const score = total(shares, surrogate.predict(finalist.row))
    if (score > bestScore) {
      bestScore = score
      best = finalist
    }
  }
  const others = ranked.filter((other) => other !== best).map(({ candidate }) => candidate)
  return best === undefined ? { others } : { best: best.candidate, others }
}

/** The shares of the levels at exact costs, or their mean over what the costs may be. */
function expectedShares(gain: ExpectedGain, { costs, alternatives }: ExpectedCosts): Float64Array {
  if (alternatives === undefined) return gain.shares(costs)
  const mean = new Float64Array(gain.levels.length)
  for (const { costs: possible, weight } of alternatives) {
    gain.shares(possible).forEach((share, level) => {
      mean[level]! += weight * share
    })
  }
  return mean
}

/** The gain on one device; undefined while it has no feasible observation to measure by. */
function deviceGain(
  archive: Archive,
  device: number,
  expected: readonly { error: number; costs: readonly number[] }[],
  referenceError: number,
): ExpectedGain | undefined {
  const measured = archive.observations.filter(({ costs }) => costs[device] !== undefined)
  if (measured.length === 0) return undefined
  const useful = measured.filter(({ error }) => error < referenceError)
  const judged = (useful.length > 0 ? useful : measured).map(({ costs }) => costs[device]!)
  const least = judged[0]!.map((_, j) => Math.min(...judged.map((costs) => costs[j]!)))
  const reference = judged[0]!.map((_, j) => {
    const most = Math.max(...judged.map((costs) => costs[j]!))
    const range = most - least[j]!
    return most + (range > 0 ? REFERENCE_MARGIN * range : Math.max(Math.abs(most), 1) * 1e-3)
  })
  const leastError = Math.min(...measured.map(({ error }) => error))
  return new ExpectedGain(
    [...archive.frontPoints(device), ...expected],
    Math.max(referenceError, leastError + Math.max(Math.abs(leastError), 1) * 1e-6),
    reference,
    least,
    leastError,
  )
}
