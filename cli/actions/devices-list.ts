import { listProfiles, loadProfile } from '../../hardware-profiles/load.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'
import { formatBytes, formatNumber } from '../../lib/units.ts'
import { shownId } from '../commands/shared.ts'
import { columns, print, printJson } from './output.ts'

interface DeviceListArguments {
  readonly action: 'show' | undefined
  readonly id: string | undefined
  readonly json: boolean
}

/** `frugal devices` and `frugal devices show ID`. */
export async function devices(args: DeviceListArguments): Promise<void> {
  const id = shownId(args, 'device', 'stm32f446-tflm-cmsisnn')
  if (id !== undefined) {
    const profile = loadProfile(id)
    if (args.json) return printJson(profile)
    return print(describeProfile(profile))
  }
  const profiles = listProfiles().map((member) => loadProfile(member.id))
  if (args.json) {
    return printJson(
      profiles.map(({ id, title, family, runtime, dataType, ramBytes, flashBytes }) => ({
        id,
        title,
        family,
        runtime,
        dataType,
        ramBytes,
        flashBytes,
      })),
    )
  }
  const rows = profiles.map((profile) => [
    profile.id,
    profile.family,
    profile.dataType,
    formatBytes(profile.ramBytes),
    formatBytes(profile.flashBytes),
    latencyError(profile),
    profile.title,
  ])
  print(columns([['device', 'family', 'type', 'RAM', 'flash', 'latency error', 'what'], ...rows], [3, 4, 5]))
  print(
    "\nand 'host', this computer: measured with onnxruntime when it is first asked for (again: frugal devices bench host)",
  )
}

/** Mean error of the latency on left-out cases, whole models before single operators. */
function latencyError(profile: Profile): string {
  const checked =
    profile.validation.find(({ quantity }) => quantity === 'latency') ??
    profile.validation.find(({ quantity }) => quantity === 'operatorLatency')
  return checked === undefined ? 'not checked' : `${formatNumber(checked.mape * 100)} %`
}

function describeProfile(profile: Profile): string {
  const { energy, memory } = profile
  const supply = profile.supplyVolts === undefined ? '' : `, ${profile.supplyVolts} V`
  const lines = [
    `${profile.id}: ${profile.title}`,
    '',
    `family    ${profile.family}, ${profile.core}, ${formatNumber(profile.clockHz / 1e6)} MHz${supply}`,
    `runtime   ${profile.runtime}, ${profile.dataType}; fuses ${profile.fusedActivations.join(', ') || 'no activation'}`,
    `memory    RAM ${formatBytes(profile.ramBytes)}, flash ${formatBytes(profile.flashBytes)} (${memory.provenance.kind}: ${memory.provenance.source})`,
    `energy    ${formatNumber(energy.activePowerMw)} mW active, ${formatNumber(energy.idlePowerMw)} mW idle (${energy.provenance.kind}: ${energy.provenance.source})`,
    ...(profile.operatingPoints ?? []).map(
      ({ name, clockHz, volts, powerScale }) =>
        `point     ${name}: ${formatNumber(clockHz / 1e6)} MHz, ${volts} V, ${formatNumber(powerScale)} times the active power`,
    ),
    '',
    'Latency tables, with the 90 % error on left-out cases and the source',
    columns(
      profile.tables.flatMap((table) =>
        table.models.map((model) => [
          `  ${table.kernel}`,
          `±${formatNumber(model.error90 * 100)} %`,
          model.provenance.kind,
          `${model.fallback === true ? 'on the host core; ' : ''}${model.provenance.source}`,
        ]),
      ),
      [1],
    ),
  ]
  if (profile.validation.length > 0) {
    lines.push('', 'Checked on cases that were not fitted')
    for (const { name, quantity, method, cases, mape, within15, worst } of profile.validation) {
      lines.push(
        `  ${name} (${quantity}): ${cases} cases, mean error ${formatNumber(mape * 100)} %, ` +
          `${formatNumber(within15 * 100)} % within ±15 %, worst ${formatNumber(worst * 100)} %; ${method}`,
      )
    }
  }
  if (profile.notes.length > 0) lines.push('', 'Notes', ...profile.notes.map((note) => `  ${note}`))
  return lines.join('\n')
}
