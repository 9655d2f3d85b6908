import type { Archive, Observation } from './archive.ts'
import { ExpectedGain, type FrontPoint } from './expected-gain.ts'

/** How far beyond the dearest measured candidate of use the reference lies, as a share of the range. */
const REFERENCE_MARGIN = 0.3

/** Where the gain on a device is measured from. */
interface Box {
  readonly referenceError: number
  readonly referenceCosts: readonly number[]
  readonly leastCosts: readonly number[]
  readonly leastError: number
}

/** The gains of fronts as they are measured; most results leave most fronts as they were. */
const known = new WeakMap<readonly number[], { readonly box: Box; readonly gain: ExpectedGain }>()

/**
 * The gain on one device; undefined while it has no feasible observation to measure by.
 * @param expected what is believed of candidates that are being measured
 */
export function deviceGain(
  archive: Archive,
  device: number,
  expected: readonly FrontPoint[],
  referenceError: number,
): ExpectedGain | undefined {
  const box = boxOf(archive, device, referenceError)
  if (box === undefined) return undefined
  const make = () =>
    new ExpectedGain(
      [...archive.frontPoints(device), ...expected],
      box.referenceError,
      box.referenceCosts,
      box.leastCosts,
      box.leastError,
    )
  if (expected.length > 0) return make()
  const front = archive.front(device)
  const before = known.get(front)
  if (before !== undefined && isSame(before.box, box)) return before.gain
  const gain = make()
  known.set(front, { box, gain })
  return gain
}

/** The box of a device's observations: its far corner lies beyond the costs of those with an error below the reference. */
function boxOf({ observations }: Archive, device: number, referenceError: number): Box | undefined {
  const ofDevices = ranges.get(observations) ?? []
  ranges.set(observations, ofDevices)
  let ofDevice = ofDevices[device]
  if (ofDevice?.referenceError !== referenceError) ofDevice = new DeviceRanges(device, referenceError)
  ofDevices[device] = ofDevice
  ofDevice.take(observations)
  const { all, useful, leastError } = ofDevice
  if (all.count === 0) return undefined
  const { least, most } = useful.count > 0 ? useful : all
  return {
    referenceError: Math.max(referenceError, leastError + Math.max(Math.abs(leastError), 1) * 1e-6),
    referenceCosts: most.map((cost, j) => {
      const range = cost - least[j]!
      return cost + (range > 0 ? REFERENCE_MARGIN * range : Math.max(Math.abs(cost), 1) * 1e-3)
    }),
    leastCosts: [...least],
    leastError,
  }
}

/** What the observations of a device range over, and those of them with an error below the reference. */
class DeviceRanges {
  readonly referenceError: number
  readonly all = new CostRanges()
  readonly useful = new CostRanges()
  leastError = Number.POSITIVE_INFINITY
  readonly #device: number
  #taken = 0

  constructor(device: number, referenceError: number) {
    this.#device = device
    this.referenceError = referenceError
  }

  /** Takes in the observations after those that were taken in before. */
  take(observations: readonly Observation[]): void {
    for (; this.#taken < observations.length; this.#taken++) {
      const { error, costs } = observations[this.#taken]!
      const ofDevice = costs[this.#device]
      if (ofDevice === undefined) continue
      this.all.add(ofDevice)
      if (error < this.referenceError) this.useful.add(ofDevice)
      this.leastError = Math.min(this.leastError, error)
    }
  }
}

/** The least and greatest of each cost. */
class CostRanges {
  count = 0
  readonly least: number[] = []
  readonly most: number[] = []

  add(costs: readonly number[]): void {
    for (let j = 0; j < costs.length; j++) {
      const cost = costs[j]!
      this.least[j] = this.count === 0 ? cost : Math.min(this.least[j]!, cost)
      this.most[j] = this.count === 0 ? cost : Math.max(this.most[j]!, cost)
    }
    this.count++
  }
}

/** By device, of observations that others only come after. */
const ranges = new WeakMap<readonly Observation[], DeviceRanges[]>()

const isSame = (a: Box, b: Box): boolean =>
  a.referenceError === b.referenceError &&
  a.leastError === b.leastError &&
  a.referenceCosts.every((cost, j) => cost === b.referenceCosts[j]) &&
  a.leastCosts.every((cost, j) => cost === b.leastCosts[j])
