import { dot, type Matrix } from '../../lib/linear-systems.ts'
import type { Profile } from '../profile.ts'
import { withMoreWork } from '../work-variants.ts'
import type { Design } from './design.ts'
import { type DeviceVector, knownVector, profileVector } from './device-vectors.ts'
import type { KnownDevice } from './known-devices.ts'

/** What is believed of a device's coefficients before it is timed, where the mean network of the design takes 1. */
export interface Prior {
  readonly mean: readonly number[]
  readonly covariance: Matrix
  /** Devices that the one to be timed may be near to: those that were timed on whole networks. A board near a profile is that profile scaled. */
  readonly near: readonly (readonly number[])[]
}

/** Doubt that no known device shares, as variance of each coefficient. */
const OWN_DOUBT = 1e-6
/** Doubt about all kernels together against what an inference costs once, as a share of the mean squared. */
const COMMON_DOUBT = 0.3

/**
 * Mean and covariance of the coefficients of the devices that are known: the profiles (and what they would be with more
 * work for a start) weigh as much together as the known devices do. Low rank: devices differ in few ways, so that few
 * measurements tell which.
 */
export function priorOf(design: Design, profiles: readonly Profile[], known: readonly KnownDevice[]): Prior {
  const ofProfiles = profiles
    .flatMap(withMoreWork)
    .map((profile) => profileVector(profile, design))
    .filter((vector) => vector !== undefined)
  const ofKnown = known.map((device) => knownVector(device, design))
  const columns = design.scales.length
  const meanOf = (vectors: readonly (readonly number[])[]): number[] =>
    Array.from({ length: columns }, (_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length)
  // A design's rows average 1 in every column, so a vector's sum is what its device takes for the mean network.
  const normal = (vector: DeviceVector, missing: readonly number[]): readonly number[] => {
    const knownShare = missing.reduce((sum, value, i) => sum + (vector[i] === undefined ? 0 : value), 0)
    const total = vector.reduce<number>((sum, value) => sum + (value ?? 0), 0)
    return missing.map((value, i) => (vector[i] === undefined ? value : (vector[i]! * knownShare) / total))
  }
  const flat = new Array<number>(columns).fill(1 / columns)
  const profileVectors = ofProfiles.map((vector) => normal(vector, flat))
  const typical = profileVectors.length > 0 ? meanOf(profileVectors) : flat
  const near = ofKnown.map((vector) => normal(vector, typical))
  const sets = [profileVectors, near].filter(({ length }) => length > 0)
  const weighted = sets.flatMap((vectors) =>
    vectors.map((vector) => ({ vector, weight: 1 / (vectors.length * sets.length) })),
  )
  const mean = Array.from({ length: columns }, (_, i) =>
    weighted.reduce((sum, { vector, weight }) => sum + weight * vector[i]!, 0),
  )
  const deviations = weighted.map(({ vector, weight }) =>
    vector.map((value, i) => Math.sqrt(weight) * (value - mean[i]!)),
  )
  const common = mean.map((value, i) => Math.sqrt(COMMON_DOUBT) * (i === columns - 1 ? value - 1 : value))
  const parts = [...deviations, common]
  const transposed = mean.map((_, i) => parts.map((part) => part[i]!))
  const covariance = transposed.map((a, i) => transposed.map((b, j) => dot(a, b) + (i === j ? OWN_DOUBT : 0)))
  return { mean, covariance, near }
}
