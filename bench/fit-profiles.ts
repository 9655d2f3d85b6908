/**
 * Makes hardware-profiles/devices/*.profile.json from the measured data and prints each profile's error.
 * Run: node bench/fit-profiles.ts --data ../shared/data [--only ID] [--dry-run]
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Profile, parseProfile } from '../hardware-profiles/index.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { cortexMProfiles } from '../scripts/fit-profiles/cortex-m.ts'
import { efr32Profile } from '../scripts/fit-profiles/efr32.ts'
import { gpuProfiles } from '../scripts/fit-profiles/gpu.ts'
import { stm32n6Profile } from '../scripts/fit-profiles/stm32n6.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    only: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
  },
})

const DEVICES = path.join(import.meta.dirname, '..', 'hardware-profiles', 'devices')

/** One table or validation case a line: diffs stay readable and files small. */
function formatProfile(profile: Profile): string {
  const lines = Object.entries(profile).map(([name, value]) => {
    if (!Array.isArray(value) || value.length === 0) return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`
    const items = value.map((item) => `    ${JSON.stringify(item)}`)
    return `  ${JSON.stringify(name)}: [\n${items.join(',\n')}\n  ]`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

for (const profile of [
  ...cortexMProfiles(values.data),
  efr32Profile(values.data),
  stm32n6Profile(values.data),
  ...gpuProfiles(values.data),
]) {
  if (values.only !== undefined && profile.id !== values.only) continue
  const content = formatProfile(parseProfile(profile, profile.id))
  if (!values['dry-run']) writeFileAtomic(path.join(DEVICES, `${profile.id}.profile.json`), content)
  console.log(`\n${profile.id}: ${profile.title} (${Math.round(content.length / 1024)} KB)`)
  for (const { name, quantity, method, cases, mape, within15, worst, kendallTau, models } of profile.validation) {
    console.log(`  ${name} [${quantity}, ${method}]`)
    console.log(
      `    ${cases} cases: MAPE ${percent(mape)}, within ±15 %: ${percent(within15)}, worst ${percent(worst)}${kendallTau === undefined ? '' : `, Kendall τ ${kendallTau}`}`,
    )
    for (const { model, measured, predicted, unit } of models ?? []) {
      console.log(
        `    ${model}: measured ${measured} ${unit}, predicted ${predicted} (${percent(predicted / measured - 1)})`,
      )
    }
  }
}
