import { UserError } from '../lib/errors.ts'
import { unknownName } from '../lib/nearest-name.ts'
import { coefficientsOf, withCoefficients } from './coefficients.ts'
import type { Costs } from './cost-model.ts'
import { type Profile, ROW_LENGTH } from './profile.ts'

/**
 * The device at another of its operating points: cycles stay, time follows the clock, power the point's factor. The
 * result has no further points.
 * @throws UserError for a point that the profile does not have.
 */
export function atOperatingPoint(profile: Profile, name: string): Profile {
  const points = profile.operatingPoints ?? []
  const point = points.find((known) => known.name === name)
  if (point === undefined) {
    if (points.length === 0) throw new UserError(`the device '${profile.id}' has no operating points but its own`)
    const names = points.map((known) => known.name)
    throw new UserError(unknownName('operating point', name, names))
  }
  const slower = profile.latencyUnit === 'cycles' ? 1 : profile.clockHz / point.clockHz
  const scaled = withCoefficients(
    profile.tables,
    coefficientsOf(profile.tables).map((coefficient) => coefficient * slower),
  ).map((table) => ({
    ...table,
    models: table.models.map((model) =>
      model.powerMw === undefined ? model : { ...model, powerMw: model.powerMw * point.powerScale },
    ),
  }))
  return {
    ...profile,
    clockHz: point.clockHz,
    supplyVolts: point.volts,
    inferenceOverhead: profile.inferenceOverhead * slower,
    tables: scaled.map((table) =>
      table.rows === undefined
        ? table
        : {
            ...table,
            rows: table.rows.map((value, i) => (i % ROW_LENGTH === ROW_LENGTH - 1 ? value * slower : value)),
          },
    ),
    energy: { ...profile.energy, activePowerMw: profile.energy.activePowerMw * point.powerScale },
    // Their factors count from the profile as it was.
    operatingPoints: [],
  }
}

/**
 * Energy in an hour in which the device infers once every `periodMs` and idles in between, in mJ.
 * @throws UserError when an inference takes longer than the period.
 */
export function energyPerHourMj(
  costs: Pick<Costs, 'latencyMs' | 'energyMj'>,
  { id, energy }: Pick<Profile, 'id' | 'energy'>,
  periodMs: number,
): number {
  if (!(periodMs >= costs.latencyMs)) {
    throw new UserError(
      `one inference takes ${Number(costs.latencyMs.toPrecision(4))} ms on ${id}; a period must be longer, not ${periodMs} ms`,
    )
  }
  const idleMs = periodMs - costs.latencyMs
  return (3_600_000 / periodMs) * (costs.energyMj + (idleMs * energy.idlePowerMw) / 1000)
}
