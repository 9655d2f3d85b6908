import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { readModel } from '../../formats/read-model.ts'
import { adaptOperators, operatorSpread } from '../../hardware-profiles/adapt-operators.ts'
import { calibrate, nearestProfile, type Sample } from '../../hardware-profiles/calibrate.ts'
import { adapt } from '../../hardware-profiles/calibration/adapt.ts'
import { type KnownDevice, knownDevices } from '../../hardware-profiles/calibration/known-devices.ts'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import type { ErrorSummary } from '../../hardware-profiles/cases/statistics.ts'
import {
  listProfiles,
  loadProfile,
  type Profile,
  type ProfileValidation,
  parseProfile,
} from '../../hardware-profiles/index.ts'
import { readMeasurements } from '../../hardware-profiles/measurements.ts'
import { type OperatorRow, readOperatorRows } from '../../hardware-profiles/operator-measurements.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { shellWord } from '../../lib/shell-word.ts'
import { formatPercent } from '../../lib/units.ts'
import { print, printJson } from './output.ts'

interface CalibrateArguments {
  readonly measurements: string | undefined
  readonly operators: string | undefined
  readonly clockMhz: number | undefined
  readonly base: string | undefined
  readonly without: string | undefined
  readonly out: string | undefined
  readonly json: boolean
}

const EXAMPLE = 'for example frugal devices calibrate --measurements mine.csv --out my.profile.json'
const LEAST_SAMPLES = 5
const MAX_FILE_BYTES = 4 * 1024 * 1024

/** `frugal devices calibrate`: a profile of the user's own device from networks or kernels timed on it. */
export async function devicesCalibrate(args: CalibrateArguments): Promise<void> {
  const { measurements, operators, out } = args
  if (measurements === undefined && operators === undefined) throw new UserError(`name your measurements: ${EXAMPLE}`)
  if (out === undefined) throw new UserError(`name the profile file to write: ${EXAMPLE}`)
  const match = /^([a-z0-9][a-z0-9-]{0,62})\.profile\.json$/.exec(path.basename(out))
  if (match === null) {
    throw new UserError(
      `--out '${out}' must end in ID.profile.json, where ID is lower-case letters, digits and hyphens: for example my-board.profile.json`,
    )
  }
  if (args.without !== undefined && (args.base !== undefined || operators !== undefined)) {
    throw new UserError(
      '--without says what not to blend with: with --base or --operators nothing is blended, leave it out',
    )
  }
  if (args.clockMhz !== undefined && operators === undefined) {
    throw new UserError('--clock-mhz turns the cycles of --operators into time: give both, or leave it out')
  }
  const samples = measurements === undefined ? [] : readSamples(measurements)
  const rows = operators === undefined ? [] : readRows(operators, args.clockMhz)
  const candidates =
    args.base === undefined ? listProfiles().map(({ id }) => loadProfile(id)) : [loadProfile(args.base)]
  const id = match[1]!
  const result =
    rows.length === 0 && args.base === undefined
      ? fromNetworks(candidates, knownWithout(args.without), samples, id)
      : fromBase(candidates, samples, rows, id)
  const { profile, base, method, error, operatorErrors } = result
  const validation = [...(error === undefined ? [] : [validationOf(error, measurements!)]), ...operatorErrors]
  writeFileAtomic(out, `${JSON.stringify(parseProfile({ ...profile, validation }, out), null, 1)}\n`)
  if (args.json) return printJson({ profile: out, id, base, method, leftOut: error ?? null, operators: operatorErrors })
  report(out, result, samples.length, rows.length)
}

interface Calibrated {
  readonly profile: Profile
  /** Id of the profile that it began with. */
  readonly base: string
  readonly method: 'scaled' | 'blended'
  readonly error: ErrorSummary | undefined
  readonly operatorErrors: readonly ProfileValidation[]
}

function fromNetworks(
  candidates: readonly Profile[],
  known: readonly KnownDevice[],
  samples: readonly Sample[],
  id: string,
): Calibrated {
  const { profile, base, method, error } = adapt(candidates, known, samples, { id, title: id })
  const title =
    method === 'scaled' ? `${id}, adapted from ${base.id}` : `${id}, between known devices; memory of ${base.id}`
  return { profile: { ...profile, title }, base: base.id, method, error, operatorErrors: [] }
}

function fromBase(
  candidates: readonly Profile[],
  samples: readonly Sample[],
  rows: readonly OperatorRow[],
  id: string,
): Calibrated {
  const base =
    samples.length > 0
      ? nearestProfile(candidates, samples)
      : candidates.length === 1
        ? candidates[0]!
        : nearestByOperators(candidates, rows)
  const adapted = rows.length === 0 ? { profile: base, validation: [] } : adaptOperators(base, rows)
  const identity = { id, title: `${id}, adapted from ${base.id}` }
  const shared = { base: base.id, method: 'scaled', operatorErrors: adapted.validation } as const
  if (samples.length > 0) return { ...shared, ...calibrate(adapted.profile, samples, identity) }
  return { ...shared, profile: { ...adapted.profile, ...identity, operatingPoints: [] }, error: undefined }
}

/** The known devices but for those named, which are taken as unknown: to see how well the method does on one of them. */
function knownWithout(names: string | undefined): readonly KnownDevice[] {
  const known = knownDevices()
  const without = names === undefined ? [] : names.split(',').map((name) => name.trim())
  const devices = [...new Set(known.map(({ device }) => device))]
  for (const name of without) {
    if (!devices.includes(name)) throw new UserError(unknownName('device to leave out', name, devices))
  }
  return known.filter(({ device }) => !without.includes(device))
}

const validationOf = (error: ErrorSummary, file: string): ProfileValidation => ({
  name: `${error.cases} networks of ${path.basename(file)}`,
  quantity: 'latency',
  method: 'left out of the fit a few at a time',
  ...{ cases: error.cases, mape: error.mape, within15: error.within15 },
  worst: error.worst === undefined ? 0 : Math.abs(error.worst.predicted / error.worst.measured - 1),
  ...(error.kendallTau === undefined ? {} : { kendallTau: error.kendallTau }),
})

function report(
  out: string,
  { profile, base, method, error, operatorErrors }: Calibrated,
  networks: number,
  kernels: number,
): void {
  const parts = [...(networks > 0 ? [`${networks} networks`] : []), ...(kernels > 0 ? [`${kernels} kernels`] : [])]
  const from = method === 'scaled' ? `${base} adapted` : `all known devices, blended and fitted`
  print(`${out}: ${from} to ${parts.join(' and ')}${method === 'scaled' ? '' : `; memory is that of ${base}`}`)
  if (error !== undefined) {
    print(
      `On networks left out of the fit: mean error ${formatPercent(error.mape)}, ${formatPercent(error.within10)} within ±10 %, ` +
        `${formatPercent(error.within20)} within ±20 %${error.kendallTau === undefined ? '' : `, Kendall τ ${error.kendallTau}`}.`,
    )
    print(
      `Its 90 % interval of latency is ±${formatPercent(profile.systematicError90)} or wider; intervals made without them held ` +
        `${Math.round(error.coverage90! * error.cases)} of the ${error.cases} networks.`,
    )
  }
  for (const { name, cases, mape } of operatorErrors) {
    print(`${name}, left out of the fit a few at a time: mean error ${formatPercent(mape)} of ${cases}`)
  }
  print(`Use it: frugal search --device ${shellWord(out.includes('/') ? out : `./${out}`)}`)
}

/** The base whose kernels, all scaled alike, come nearest to those timed. */
function nearestByOperators(candidates: readonly Profile[], rows: readonly OperatorRow[]): Profile {
  const spreads = candidates.map((base) => operatorSpread(base, rows))
  return candidates[spreads.indexOf(Math.min(...spreads))]!
}

function readRows(file: string, clockMhz: number | undefined): readonly OperatorRow[] {
  const rows = readOperatorRows(readText(file), file, clockMhz)
  if (rows.length < LEAST_SAMPLES) {
    throw new UserError(`'${file}' has ${rows.length} kernels; time at least ${LEAST_SAMPLES}, a hundred are better`)
  }
  return rows
}

function readText(file: string): string {
  try {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found === undefined) throw new UserError(`measurements '${file}' cannot be read: there is no such file`)
    const { size } = found
    if (size > MAX_FILE_BYTES) throw new UserError(`'${file}' has ${size} bytes; at most ${MAX_FILE_BYTES} are read`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`measurements '${file}' cannot be read: ${messageOf(error)}`)
  }
}

function readSamples(file: string): readonly Sample[] {
  const rows = readMeasurements(readText(file), file)
  if (rows.length < LEAST_SAMPLES) {
    throw new UserError(`'${file}' has ${rows.length} networks; time at least ${LEAST_SAMPLES}, ten are better`)
  }
  return rows.map(({ line, model, latencyMs, energyMj }) => {
    const known = path.resolve(path.dirname(file), model)
    try {
      const graph = existsSync(known) ? readModel(known).graph : caseNetwork(model)
      return { name: model, graph, latencyMs, ...(energyMj === undefined ? {} : { energyMj }) }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(
        `line ${line} of '${file}': ${existsSync(known) ? error.message : `there is no file '${model}'`}`,
      )
    }
  })
}
