import type { ExportFormat } from '../../export/formats/format.ts'
import { defaultFormats, formatsFor, parseFormats, weightBitsFor } from '../../export/formats/index.ts'
import type { QatMode } from '../../export/quantise/qat-mode.ts'
import { WEIGHT_BITS_MODES, type WeightBitsMode } from '../../export/quantise/weight-bits.ts'
import { type Selection, selectTrial } from '../../export/select.ts'
import { loadProfile, type Profile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { Experiment, Front } from '../../results/store.ts'
import type { TrialRecord } from '../../search/journal.ts'
import type { SearchSettings } from './settings.ts'

export interface PlanArguments {
  readonly trial: number | undefined
  readonly knee: boolean
  readonly format: string | undefined
  readonly all: boolean
  readonly 'weights-bits': string
}

/** What the flags say about files, whatever the device. */
export interface WantedFiles {
  /** Undefined: what the device runs. */
  readonly formats: readonly ExportFormat[] | undefined
  readonly weightBits: WeightBitsMode
}

/** What an export writes for one device. */
export interface DevicePlan {
  readonly device: string
  readonly profile: Profile
  /** Undefined where no trained network is within the device's limits. */
  readonly selection: Selection | undefined
  readonly formats: readonly ExportFormat[]
  readonly weightBits: WeightBitsMode
  /** What was asked for and is left out for this device, in words. */
  readonly notes: readonly string[]
}

/** @throws UserError for unknown formats and ways of storing weights. */
export const wantedFiles = (args: PlanArguments): WantedFiles => ({
  formats: args.format === undefined ? undefined : parseFormats(args.format),
  weightBits: weightBitsMode(args['weights-bits']),
})

/** @throws UserError for anything but the three ways. */
function weightBitsMode(text: string): WeightBitsMode {
  const mode = WEIGHT_BITS_MODES.find((name) => name === text)
  if (mode === undefined) throw new UserError(unknownName('--weights-bits', text, WEIGHT_BITS_MODES))
  return mode
}

interface Searched {
  readonly experiment: Experiment
  readonly fronts: readonly Front[]
  readonly trials: readonly TrialRecord[]
  readonly settings: SearchSettings
}

/**
 * What is written for each device. With `--all` a device gets of the formats asked for those that it runs, 8 bits where its
 * runtime takes no fewer, and nothing where none of its networks is within its limits; alone each of these is an error.
 * @throws UserError naming the device and the flag.
 */
export function planExports(
  args: PlanArguments,
  wanted: WantedFiles & { readonly qat: QatMode },
  { experiment, fronts, trials, settings }: Searched,
): readonly DevicePlan[] {
  const files = fronts.map(({ device }) => {
    const profile = loadProfile(settings.devices[experiment.devices.indexOf(device)]!)
    return { device, profile, ...filesFor(profile, wanted, args) }
  })
  if (wanted.qat === 'always') checkQuantises(files.flatMap(({ formats }) => formats))
  return files.map((plan, i) => ({ ...plan, selection: selectionOf(fronts[i]!, trials, args) }))
}

function filesFor(profile: Profile, wanted: WantedFiles, { all }: PlanArguments) {
  const asked = wanted.formats ?? defaultFormats(profile.family)
  const formats = formatsFor(asked, profile, { some: all })
  const weightBits = weightBitsFor(wanted.weightBits, formats, profile, { some: all })
  const left = asked.filter((format) => !formats.includes(format)).map(({ id }) => id)
  const notes = [
    ...(weightBits === wanted.weightBits ? [] : ['weights have 8 bits, which is what its runtime takes']),
    ...(left.length === 0 ? [] : [`without ${left.join(', ')}, which its runtime does not open`]),
  ]
  return { formats, weightBits, notes }
}

/** @throws UserError when fine-tuning is asked for, and nothing that is written would be quantised. */
function checkQuantises(formats: readonly ExportFormat[]): void {
  if (formats.some(({ needsInt8 }) => needsInt8)) return
  const ids = [...new Set(formats.map(({ id }) => id))].join(', ')
  throw new UserError(
    `--qat always fine-tunes quantised networks, but ${ids} holds none: choose --format of tflite, c, onnx-int8 or onnx-integer, or leave --qat out`,
  )
}

const selectionOf = (front: Front, trials: readonly TrialRecord[], { all, trial, knee }: PlanArguments) =>
  all && trial === undefined && front.points.length === 0 ? undefined : selectTrial(front, trials, { trial, knee })
