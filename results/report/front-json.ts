import type { Front } from '../store.ts'

/** A front with its members in the documented order, whatever built it. */
export const frontValue = ({ experiment, device, objectives, reference, hypervolume, points }: Front): Front => ({
  experiment,
  device,
  objectives,
  reference,
  hypervolume,
  points: points.map((point) => ({
    trial: point.trial,
    archId: point.archId,
    accuracy: point.accuracy,
    latencyMs: point.latencyMs,
    energyMj: point.energyMj,
    peakRamBytes: point.peakRamBytes,
    flashBytes: point.flashBytes,
    macs: point.macs,
    params: point.params,
    testAccuracy: point.testAccuracy,
  })),
})

/** One line of JSON; every number reads back as the same double. */
export const frontJson = (front: Front): string => JSON.stringify(frontValue(front))
