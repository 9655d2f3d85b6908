import { solveNonNegative } from '../../lib/linear-systems.ts'
import { createCostModel } from '../cost-model.ts'
import type { Profile } from '../profile.ts'
import { type Design, FEATURES_PER_CLASS } from './design.ts'
import { featuresOf } from './kernel-classes.ts'
import type { KnownDevice } from './known-devices.ts'

/** So many networks show how a profile's costs go; more would only take time. */
const MAX_NETWORKS = 60
/** Features that a class's kernels cannot tell apart share the cost. */
const RIDGE = 1e-4

/** Coefficients of a device for the columns of a design; undefined for columns of which nothing is known. */
export type DeviceVector = readonly (number | undefined)[]

/** Coefficients that come nearest to the costs of the design's kernels, class by class; `undefined` costs are unknown. */
function vectorOf(design: Design, costs: readonly (number | undefined)[], onceMs: number): DeviceVector {
  const vector = design.classes.flatMap((_, at): readonly (number | undefined)[] => {
    const own = design.distinct.flatMap((kernel, number) => {
      const cost = costs[number]
      return kernel.at === at && cost !== undefined
        ? [{ features: featuresOf(kernel.facts), cost, weight: kernel.count }]
        : []
    })
    if (own.length === 0) return new Array<undefined>(FEATURES_PER_CLASS).fill(undefined)
    const scale = Array.from({ length: FEATURES_PER_CLASS }, (_, i) =>
      Math.max(...own.map(({ features }) => features[i]!)),
    )
    const largest = Math.max(...own.map(({ cost }) => cost))
    if (!(largest > 0)) return scale.map(() => 0)
    const gram = scale.map((_, i) => scale.map((__, j) => (i === j ? RIDGE * own.length : 0)))
    const target = scale.map(() => 0)
    for (const { features, cost, weight } of own) {
      const x = features.map((value, i) => (scale[i]! > 0 ? value / scale[i]! : 0))
      x.forEach((a, i) => {
        target[i]! += (weight * a * cost) / largest
        x.forEach((b, j) => {
          gram[i]![j]! += weight * a * b
        })
      })
    }
    return solveNonNegative(gram, target).map((value, i) => (scale[i]! > 0 ? (value * largest) / scale[i]! : 0))
  })
  return [...vector, onceMs].map((value, i) => (value === undefined ? undefined : value * design.scales[i]!))
}

/**
 * A profile's coefficients in ms, or undefined where it cannot run a kernel. Its own runtime may fuse otherwise than the
 * design's: what the design has no kernel for counts to the kernel before.
 */
export function profileVector(profile: Profile, design: Design): DeviceVector | undefined {
  const model = createCostModel(profile)
  const sums = design.distinct.map(() => 0)
  const counts = design.distinct.map(() => 0)
  for (const { graph, kernels, numbers } of design.networks.slice(0, MAX_NETWORKS)) {
    const at = new Map(kernels.map(({ id }, i) => [id, numbers[i]!]))
    for (const number of numbers) counts[number]!++
    let current = numbers[0]!
    const { layers, unsupported } = model.price(graph, { layers: true })
    if (unsupported.length > 0) return undefined
    for (const { id, latencyMs } of layers) {
      current = at.get(id) ?? current
      sums[current]! += latencyMs
    }
  }
  const unitMs = profile.latencyUnit === 'cycles' ? 1000 / profile.clockHz : 1e-3
  return vectorOf(
    design,
    sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : undefined)),
    profile.inferenceOverhead * unitMs,
  )
}

/** A known device's coefficients in ms; classes that it was never timed on stay undefined. */
export const knownVector = (device: KnownDevice, design: Design): DeviceVector =>
  vectorOf(
    design,
    design.distinct.map(({ facts }) => device.kernelMs(facts)),
    device.onceMs,
  )
