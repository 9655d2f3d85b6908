/**
 * Makes hardware-profiles/devices/*.profile.json and known-devices.json from the measured data and prints each one's error.
 * Run: node bench/fit-profiles.ts --data ../shared/data [--only ID] [--dry-run]
 */
import path from 'node:path'
import { casesFile, casesSchema, type ProfileCases } from '../hardware-profiles/cases/cases.ts'
import { type SuiteReport, validateProfile } from '../hardware-profiles/cases/validate.ts'
import { type Profile, type ProfileValidation, parseProfile } from '../hardware-profiles/index.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { cortexBoards } from '../scripts/fit-profiles/cortex-boards.ts'
import { cortexMProfiles } from '../scripts/fit-profiles/cortex-m.ts'
import { edgeTpuProfiles } from '../scripts/fit-profiles/edgetpu.ts'
import { efr32Profile } from '../scripts/fit-profiles/efr32.ts'
import { ethosProfiles } from '../scripts/fit-profiles/ethos.ts'
import { withExternalFlash } from '../scripts/fit-profiles/external-flash.ts'
import { gap9Profile } from '../scripts/fit-profiles/gap9.ts'
import { gpuProfiles } from '../scripts/fit-profiles/gpu.ts'
import { heliumProfile } from '../scripts/fit-profiles/helium.ts'
import { fitKnownDevices } from '../scripts/fit-profiles/known-devices.ts'
import { nrf5340Profile } from '../scripts/fit-profiles/simple-boards.ts'
import { stm32n6Profiles } from '../scripts/fit-profiles/stm32n6.ts'
import { benchArguments } from './usage.ts'

const { values } = benchArguments('bench/fit-profiles.ts --data ../shared/data [--only ID] [--dry-run]', {
  data: { type: 'string', default: '../shared/data' },
  only: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
})

const DEVICES = path.join(import.meta.dirname, '..', 'hardware-profiles', 'devices')

/** One table or suite a line: diffs stay readable and files small. */
function formatMembers(members: object): string {
  const lines = Object.entries(members).map(([name, value]) => {
    if (!Array.isArray(value) || value.length === 0) return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`
    const items = value.map((item) => `    ${JSON.stringify(item)}`)
    return `  ${JSON.stringify(name)}: [\n${items.join(',\n')}\n  ]`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** What `frugal devices` shows at a glance; `frugal devices validate` computes it again from the cases. */
const summaryOf = (report: SuiteReport): ProfileValidation => {
  const { name, quantity, method, source, cases, mape, within15, worst, kendallTau } = report
  return {
    ...{ name: `${name} (${source})`, quantity, method, cases, mape, within15 },
    worst: worst === undefined ? 0 : Number(Math.abs(worst.predicted / worst.measured - 1).toPrecision(5)),
    ...(kendallTau === undefined ? {} : { kendallTau }),
  }
}

const m4 = 'stm32f446-tflm-cmsisnn'
const m33 = 'stm32l552-tflm-cmsisnn'
const operatorBoards = cortexMProfiles(values.data)
const boardOf = (id: string): Profile => operatorBoards.find(({ profile }) => profile.id === id)!.profile
const wholeBoards = cortexBoards(values.data, boardOf(m4), boardOf(m33))
const m7 = wholeBoards.find(({ profile }) => profile.id === 'stm32f746-tflm-cmsisnn')!.profile

for (const { profile: fitted, suites } of [
  ...operatorBoards,
  ...withExternalFlash(values.data, wholeBoards),
  heliumProfile(m7),
  nrf5340Profile(values.data),
  gap9Profile(values.data),
  efr32Profile(values.data),
  ...stm32n6Profiles(values.data),
  ...ethosProfiles(),
  ...edgeTpuProfiles(values.data),
  ...gpuProfiles(values.data),
]) {
  if (values.only !== undefined && fitted.id !== values.only) continue
  const cases: ProfileCases = { format: 'frugal-cases/1', profile: fitted.id, suites: [...suites] }
  const reports = validateProfile(fitted, cases)
  const counted = [...reports.filter(({ leftOut }) => leftOut), ...reports.filter(({ leftOut }) => !leftOut)]
  const profile = { ...fitted, validation: [...counted.map(summaryOf), ...fitted.validation] }
  const content = formatMembers(parseProfile(profile, profile.id))
  if (!values['dry-run']) {
    writeFileAtomic(path.join(DEVICES, `${profile.id}.profile.json`), content)
    if (suites.length > 0) writeFileAtomic(casesFile(profile.id), formatMembers(casesSchema.parse(cases)))
  }
  console.log(`\n${profile.id}: ${profile.title} (${Math.round(content.length / 1024)} KB)`)
  for (const {
    name,
    quantity,
    leftOut,
    cases: count,
    mape,
    within10,
    within20,
    worst,
    kendallTau,
    coverage90,
  } of reports) {
    const rank = kendallTau === undefined ? '' : `, Kendall τ ${kendallTau}`
    const coverage = coverage90 === undefined ? '' : `, 90 % interval holds ${percent(coverage90)}`
    console.log(
      `  ${name} [${quantity}${leftOut ? '' : ', not counted'}]: ${count} cases, MAPE ${percent(mape)}, within ±10 %: ${percent(within10)}, ±20 %: ${percent(within20)}${rank}${coverage}`,
    )
    if (worst !== undefined)
      console.log(`    worst ${worst.name}: measured ${worst.measured}, predicted ${worst.predicted}`)
  }
}

if (values.only === undefined || values.only === 'known-devices') {
  const known = fitKnownDevices(values.data)
  if (!values['dry-run']) writeFileAtomic(path.join(DEVICES, 'known-devices.json'), formatMembers(known))
  console.log('\nknown-devices: what calibrate blends, mean error of each fit')
  for (const { id, mape } of known.devices) console.log(`  ${id}: ${percent(mape)}`)
}
