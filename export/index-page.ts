import { formatBytes, formatEnergy, formatLatency, formatNumber } from '../lib/units.ts'
import type { ModelCard } from './model-card.ts'

/** A device of an experiment and what was exported for it; undefined where no network is within its limits. */
export interface ExportedDevice {
  readonly device: string
  readonly card: ModelCard | undefined
}

/** The page that leads to the folders of all devices. */
export function renderIndex(devices: readonly ExportedDevice[]): string {
  const rows = devices.map(({ device, card }) => {
    if (card === undefined) return `| ${device} | no trained network is within its limits | | | | | | |`
    const { accuracy, int8, cost, energy, verification } = card
    const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
    const checked = verification.filter(({ verified }) => verified).length
    return (
      `| [${device}](${device}/README.md) | ${card.archId} (trial ${card.trial}) | ${percent(accuracy.test.accuracy)} | ` +
      `${int8 === undefined ? '' : percent(int8.test.accuracy)} | ${formatLatency(cost.latencyMs)}, ${formatEnergy(cost.energyMj)} | ${formatNumber(energy.inferencesPerWattHour)} | ` +
      `${formatBytes(cost.peakRamBytes)}, ${formatBytes(cost.flashBytes)} | ${checked} of ${verification.length} |`
    )
  })
  return `# Exported networks

One folder for each device; latency, energy, RAM and flash are estimates.

| device | network | test accuracy, float | int8 | latency, energy | inferences per Wh | RAM, flash | checks passed |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`
}
