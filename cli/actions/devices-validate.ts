import { type SuiteReport, validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { formatPercent } from '../../lib/units.ts'
import { columns, print, printJson } from './output.ts'

interface ValidateArguments {
  readonly id: string | undefined
  readonly json: boolean
}

/** Below this many cases a share of them says little about an interval. */
const FEW = 9

const percent = (share: number | undefined): string => (share === undefined ? '' : formatPercent(share))

/**
 * `frugal devices validate [ID]`: prices every stored case again, each with what was fitted without it, and compares with
 * the measurements.
 */
export async function devicesValidate({ id, json }: ValidateArguments): Promise<void> {
  const ids = id === undefined ? listProfiles().map((member) => member.id) : [id]
  const reports = ids.map((name) => {
    const profile = loadProfile(name)
    return { device: profile.id, suites: validateProfile(profile), stated: profile.validation.length > 0 }
  })
  if (json) {
    for (const { device, suites } of reports) printJson({ device, suites })
    return
  }
  const heading = ['device', 'quantity', 'what', 'cases', 'mean error', '±10 %', '±20 %', 'τ', 'in 90 %', 'worst']
  const counted = reports.flatMap(({ device, suites }) =>
    suites.filter(({ leftOut }) => leftOut).map((suite) => rowOf(device, suite)),
  )
  if (counted.length > 0) print(columns([heading, ...counted], [3, 4, 5, 6, 7, 8]))
  const others = reports.flatMap(({ device, suites }) =>
    suites.filter(({ leftOut }) => !leftOut).map((suite) => rowOf(device, suite)),
  )
  if (others.length > 0) {
    print('\nNot counted: cases that were fitted, or ran under another version or host')
    print(columns([heading, ...others], [3, 4, 5, 6, 7, 8]))
  }
  const fewCases = reports.some(({ suites }) =>
    suites.some(({ cases, coverage90 }) => coverage90 !== undefined && cases < FEW),
  )
  if (fewCases) print(`\n* fewer than ${FEW} cases: too few to check an interval with`)
  const unchecked = reports.filter(({ suites }) => suites.length === 0)
  const say = (what: string, list: typeof reports): void => {
    if (list.length > 0) print(`${found ? '\n' : ''}${what}: ${list.map(({ device }) => device).join(', ')}`)
  }
  const found = counted.length + others.length > 0
  say(
    'Checked when they were made, by cases that are not stored (frugal devices show ID)',
    unchecked.filter(({ stated }) => stated),
  )
  say(
    'Nothing was measured to check',
    unchecked.filter(({ stated }) => !stated),
  )
}

function rowOf(device: string, suite: SuiteReport): string[] {
  const { quantity, name, cases, mape, within10, within20, kendallTau, coverage90, worst } = suite
  const far = worst === undefined ? '' : `${worst.name.slice(0, 40)} (${percent(worst.predicted / worst.measured - 1)})`
  const tau = kendallTau === undefined ? '' : kendallTau.toFixed(2)
  return [
    device,
    quantity,
    name,
    `${cases}`,
    percent(mape),
    percent(within10),
    percent(within20),
    tau,
    coverage90 !== undefined && cases < FEW ? `${percent(coverage90)} *` : percent(coverage90),
    far,
  ]
}
