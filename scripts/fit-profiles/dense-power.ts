import type { Profile } from '../../hardware-profiles/profile.ts'
import { type MeasuredNetwork, meanPowerMw } from './from-networks.ts'

/** The autoencoder is nothing but dense layers, and draws less than convolutions: it waits for its weights from flash. */
export const isDense = ({ family }: MeasuredNetwork): boolean => family === 'ad'
export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Power of dense layers over that of convolutional networks on one board. */
export const densePowerShare = (networks: readonly MeasuredNetwork[]): number =>
  meanPowerMw(networks.filter(isDense))! / meanPowerMw(networks.filter((network) => !isDense(network)))!

/** Dense layers at a share of the active power that other boards measured. */
export function withDensePower(profile: Profile, share: number | undefined): Profile {
  if (share === undefined) return profile
  const powerMw = Number((share * profile.energy.activePowerMw).toPrecision(4))
  const source = `${profile.energy.provenance.source}; of the convolutional networks, and ${share.toFixed(3)} of that for dense layers, as on the other boards under this runtime`
  return {
    ...profile,
    energy: { ...profile.energy, provenance: { ...profile.energy.provenance, source } },
    tables: profile.tables.map((table) =>
      table.kernel === 'dense' ? { ...table, models: table.models.map((model) => ({ ...model, powerMw })) } : table,
    ),
  }
}
