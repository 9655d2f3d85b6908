import type { Front, FrontPoint } from '../../results/store.ts'

export const point = (trial: number, changes: Partial<FrontPoint> = {}): FrontPoint => ({
  trial,
  archId: `arch-${trial}`,
  accuracy: 0.9,
  latencyMs: 10 + trial,
  energyMj: 0.5,
  peakRamBytes: 20480,
  flashBytes: 65536,
  macs: 1_250_000,
  params: 40_000,
  testAccuracy: 0.5,
  ...changes,
})

export const frontWith = (points: readonly FrontPoint[]): Front => ({
  experiment: 1,
  device: 'mcu',
  objectives: ['accuracy', 'latencyMs', 'energyMj'],
  reference: [0.1, 100, 5],
  hypervolume: 0.5,
  points,
})
