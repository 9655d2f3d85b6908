import { formatAccuracy, formatBytes, formatEnergy, formatLatency, formatNumber } from '../lib/units.ts'
import type { ModelCard } from './model-card.ts'

/** A device of an experiment and what was exported for it; undefined where no network is within its limits. */
export interface ExportedDevice {
  readonly device: string
  readonly card: ModelCard | undefined
}

/** How many checks passed, failed, and could not be run here. */
function checksText(verification: ModelCard['verification']): string {
  const passed = verification.filter(({ verified }) => verified).length
  const failed = verification.filter((check) => check.failed).length
  const notRun = verification.length - passed - failed
  const parts = [failed === 0 ? '' : `**${failed} FAILED**`, notRun === 0 ? '' : `${notRun} not run`]
  return [`${passed} of ${verification.length}`, ...parts.filter((part) => part !== '')].join(', ')
}

/** The page that leads to the folders of all devices. */
export function renderIndex(devices: readonly ExportedDevice[]): string {
  const rows = devices.map(({ device, card }) => {
    if (card === undefined) return `| ${device} | no trained network is within its limits | | | | | | |`
    const { accuracy, int8, cost, energy, verification } = card
    return (
      `| [${device}](${device}/README.md) | ${card.archId} (trial ${card.trial}) | ${formatAccuracy(accuracy.test.accuracy)} | ` +
      `${int8 === undefined ? '' : formatAccuracy(int8.test.accuracy)}${int8 !== undefined && int8.weights.bytes < int8.weights.bytesIn8Bits ? ', 4-bit weights' : ''} | ${formatLatency(cost.latencyMs)}, ${formatEnergy(cost.energyMj)} | ${formatNumber(energy.inferencesPerWattHour)} | ` +
      `${formatBytes(cost.peakRamBytes)}, ${formatBytes(cost.flashBytes)} | ${checksText(verification)} |`
    )
  })
  return `# Exported networks

One folder for each device; latency, energy, RAM and flash are estimates.

| device | network | test accuracy, float | int8 | latency, energy | inferences per Wh | RAM, flash | checks passed |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`
}
