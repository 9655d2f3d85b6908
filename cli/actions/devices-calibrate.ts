import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { readModel } from '../../formats/read-model.ts'
import { calibrate, nearestProfile, type Sample } from '../../hardware-profiles/calibrate.ts'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { listProfiles, loadProfile, parseProfile } from '../../hardware-profiles/index.ts'
import { readMeasurements } from '../../hardware-profiles/measurements.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { formatNumber } from '../../lib/units.ts'
import { print, printJson } from './output.ts'

interface CalibrateArguments {
  readonly measurements: string | undefined
  readonly base: string | undefined
  readonly out: string | undefined
  readonly json: boolean
}

const EXAMPLE = 'for example frugal devices calibrate --measurements mine.csv --out my.profile.json'
const LEAST_SAMPLES = 5
const MAX_FILE_BYTES = 4 * 1024 * 1024

/** `frugal devices calibrate`: a profile of the user's own device from networks that were timed on it. */
export async function devicesCalibrate(args: CalibrateArguments): Promise<void> {
  const { measurements, out } = args
  if (measurements === undefined) throw new UserError(`name your measurements: ${EXAMPLE}`)
  if (out === undefined) throw new UserError(`name the profile file to write: ${EXAMPLE}`)
  const match = /^([a-z0-9][a-z0-9-]{0,62})\.profile\.json$/.exec(path.basename(out))
  if (match === null) {
    throw new UserError(
      `--out '${out}' must end in ID.profile.json, where ID is lower-case letters, digits and hyphens: for example my-board.profile.json`,
    )
  }
  const samples = readSamples(measurements)
  const candidates =
    args.base === undefined ? listProfiles().map(({ id }) => loadProfile(id)) : [loadProfile(args.base)]
  const base = candidates.length === 1 ? candidates[0]! : nearestProfile(candidates, samples)
  const id = match[1]!
  const { profile, error } = calibrate(base, samples, { id, title: `${id}, adapted from ${base.id}` })
  const complete = {
    ...profile,
    validation: [
      {
        name: `${samples.length} networks of ${path.basename(measurements)}`,
        quantity: 'latency' as const,
        method: 'left out of the fit a few at a time',
        ...{ cases: error.cases, mape: error.mape, within15: error.within15 },
        worst: error.worst === undefined ? 0 : Math.abs(error.worst.predicted / error.worst.measured - 1),
        ...(error.kendallTau === undefined ? {} : { kendallTau: error.kendallTau }),
      },
    ],
  }
  writeFileAtomic(out, `${JSON.stringify(parseProfile(complete, out), null, 1)}\n`)
  if (args.json) return printJson({ profile: out, id, base: base.id, leftOut: error })
  const percent = (share: number): string => `${formatNumber(100 * share)} %`
  print(`${out}: ${base.id} adapted to ${samples.length} networks`)
  print(
    `On networks left out of the fit: mean error ${percent(error.mape)}, ${percent(error.within10)} within ±10 %, ` +
      `${percent(error.within20)} within ±20 %${error.kendallTau === undefined ? '' : `, Kendall τ ${error.kendallTau}`}.`,
  )
  print(`Use it: frugal search --device ${out.includes('/') ? out : `./${out}`}`)
}

function readSamples(file: string): readonly Sample[] {
  let text: string
  try {
    const { size } = statSync(file)
    if (size > MAX_FILE_BYTES) throw new UserError(`'${file}' has ${size} bytes; at most ${MAX_FILE_BYTES} are read`)
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`measurements '${file}' cannot be read: ${messageOf(error)}`)
  }
  const rows = readMeasurements(text, file)
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
