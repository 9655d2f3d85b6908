import { existsSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { listNames } from '../../evaluators/datasets/input-file.ts'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { PROVIDERS, parseProvider } from '../../evaluators/training/onnx/providers.ts'
import { fittingBatchSize, loadRecipe, recipeSchema } from '../../evaluators/training/recipe.ts'
import { COUNTED_FRAMES } from '../../export/sound/front-end-cost.ts'
import { looksLikePath } from '../../lib/discover.ts'
import { UserError } from '../../lib/errors.ts'
import { nearestName, unknownName } from '../../lib/nearest-name.ts'
import { parseQuantity } from '../../lib/units.ts'
import { OBJECTIVE_NAMES, parseObjectives } from '../../search/objectives.ts'
import { numberWithin, wholeNumber } from '../commands/shared.ts'
import type { SearchArguments } from '../search-options.ts'
import { checkCrew } from './crew.ts'
import { checkLadder, ladderSchema, settleLadder, totalFidelity } from './ladder.ts'
import { checkTeacherFlags, withTeacherFlags } from './teacher.ts'

const limitsSchema = z.strictObject({
  maxLatencyMs: z.number().positive().optional(),
  maxEnergyMj: z.number().positive().optional(),
  maxRamBytes: z.number().positive().optional(),
  maxFlashBytes: z.number().positive().optional(),
})
export type DeviceLimits = z.infer<typeof limitsSchema>

/** What makes spectrograms, and how much of it limits count beside the network. */
const frontEndSchema = z.strictObject({
  counted: z.enum(COUNTED_FRAMES),
  sampleRate: z.number().positive(),
  clipSamples: z.int().positive(),
  frames: z.int().positive(),
  frameSamples: z.int().positive(),
  hopSamples: z.int().positive(),
  fftLength: z.int().positive(),
  bands: z.int().positive(),
  lowHz: z.number().min(0),
  highHz: z.number().positive(),
})
export type CountedFrontEnd = z.infer<typeof frontEndSchema>

/** What limits count beside the networks, of an experiment's settings as they are stored. */
export const countedFrontEnd = (settings: unknown): CountedFrontEnd | undefined =>
  z.object({ frontEnd: frontEndSchema }).safeParse(settings).data?.frontEnd

/** Everything that decides the outcome of a search. Stored with the experiment; a resumed search reads it back. */
const settingsSchema = z.strictObject({
  /** `builtin`, or an absolute path. */
  data: z.string(),
  space: z.string(),
  devices: z.array(z.string()).min(1),
  objectives: z.array(z.enum(OBJECTIVE_NAMES as [string, ...string[]])).min(2),
  /** By device, in the order of `devices`. */
  limits: z.array(limitsSchema),
  /** Left out where limits are the network's alone: other data than sound, or as asked. */
  frontEnd: frontEndSchema.optional(),
  algorithm: z.string(),
  trials: z.int().positive(),
  population: z.int().positive(),
  seed: z.int().min(0),
  lookAhead: z.int().positive(),
  /** The full training of a network. */
  fidelity: z.strictObject({ epochs: z.int().positive(), dataFraction: z.number().positive().max(1) }),
  /** How it is split into stages; left out when every network is trained fully. */
  ladder: ladderSchema.optional(),
  inherit: z.boolean().default(false),
  recipe: recipeSchema,
  /** Absolute path of the file that the recipe's distillation names. */
  teacher: z.string().optional(),
  engine: z.string(),
  /** Left out in experiments from before there was a choice. */
  provider: z.enum(PROVIDERS).default('cpu'),
  trialTimeoutSeconds: z.number().positive(),
  /** What the names above stood for when the search began; a search only continues with the same. */
  fingerprints: z.strictObject({
    space: z.string(),
    devices: z.array(z.string()),
    evaluator: z.string(),
    /** Digests of files of the user's own that hold code; left out for what is built in. */
    spaceCode: z.string().optional(),
    algorithmCode: z.string().optional(),
  }),
})
export type SearchSettings = z.infer<typeof settingsSchema>

/** The devices of `npx frugal search`: one of each family. */
const DEFAULT_DEVICES: readonly string[] = ['stm32f446-tflm-cmsisnn', 'efr32xg24-mvp', 'titan-rtx']

/** Samples a proxy training sees by default: enough to rank networks, little enough to train dozens in minutes. */
const DEFAULT_SAMPLES_SEEN = 54_000
/** The built-in data are for a first look: less, so that it takes a few minutes in all. */
const BUILTIN_SAMPLES_SEEN = 24_000
const EPOCH_BOUNDS = { least: 1, greatest: 40 }

/** A path becomes absolute, so that the search can be resumed from another folder; an id stays. */
const absolute = (name: string): string => (looksLikePath(name) ? path.resolve(name) : name)

export function devicesOf(args: SearchArguments): readonly string[] {
  const names = (args.device ?? DEFAULT_DEVICES).flatMap((entry) => String(entry).split(',')).map((name) => name.trim())
  if (names.includes('')) throw new UserError('--device has an empty name: write one or several, separated by commas')
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) throw new UserError(`--device '${repeated}' is given twice: name each device once`)
  return names.map(absolute)
}

const LIMIT_FLAGS = [
  ['max-latency', 'maxLatencyMs', 'latencyMs'],
  ['max-energy', 'maxEnergyMj', 'energyMj'],
  ['max-ram', 'maxRamBytes', 'bytes'],
  ['max-flash', 'maxFlashBytes', 'bytes'],
] as const

/** Reads `--max-latency 50ms --max-latency DEVICE=20ms …`; a limit of a device's own goes before the general one. */
export function limitsOf(args: SearchArguments, deviceIds: readonly string[]): readonly DeviceLimits[] {
  const limits: Record<string, number>[] = deviceIds.map(() => ({}))
  for (const [flag, key, quantity] of LIMIT_FLAGS) {
    const texts = (args[flag] ?? []).map(String)
    const general = texts.filter((text) => !text.includes('='))
    if (general.length > 1)
      throw new UserError(
        `--${flag} is given ${general.length} times without a device: give it once, or as DEVICE=VALUE`,
      )
    const own = new Set<string>()
    for (const text of [...general, ...texts.filter((entry) => entry.includes('='))]) {
      const [, device, value] = /^(?:([^=]*)=)?(.*)$/s.exec(text) as unknown as [string, string | undefined, string]
      if (device !== undefined && !deviceIds.includes(device))
        throw new UserError(`--${flag} '${text}': ${unknownName('device', device, deviceIds)}`)
      if (device !== undefined && own.has(device))
        throw new UserError(`--${flag} is given twice for the device '${device}': give it once`)
      if (device !== undefined) own.add(device)
      const parsed = parseQuantity(value, quantity, `--${flag}`)
      deviceIds.forEach((id, i) => {
        if (device === undefined || id === device) limits[i]![key] = parsed
      })
    }
  }
  return limits
}

const FRONT_END_CHOICES = [...COUNTED_FRAMES, 'none'] as const

/** `--front-end`. @throws UserError for another word. */
function countedFrames(text: string | undefined): (typeof FRONT_END_CHOICES)[number] | undefined {
  if (text === undefined) return undefined
  const found = FRONT_END_CHOICES.find((choice) => choice === text)
  if (found === undefined) throw new UserError(`--front-end '${text}' is none of ${FRONT_END_CHOICES.join(', ')}`)
  return found
}

/** What limits count beside the network. @throws UserError where `--front-end` is given and the data are no sound. */
function frontEndOf(args: SearchArguments, { name, frontEnd }: Dataset): CountedFrontEnd | undefined {
  const asked = countedFrames(args['front-end'])
  if (frontEnd === undefined) {
    if (asked !== undefined) throw new UserError(`--front-end is for recordings of sound, and '${name}' holds none`)
    return undefined
  }
  return asked === 'none' ? undefined : { counted: asked ?? 'clip', ...frontEnd }
}

/** @throws UserError when the path does not exist. */
export function dataPathOf(data: string): string {
  if (data === 'builtin') return data
  if (data === '') throw new UserError('--data is empty: give a folder or file with a data set, or builtin')
  const resolved = path.resolve(data)
  if (!existsSync(resolved)) {
    const near = nearestName(path.basename(resolved), listNames(path.dirname(resolved)))
    const right =
      near === undefined
        ? 'give a folder or file with a data set, or builtin'
        : `did you mean '${path.join(path.dirname(data), near)}'?`
    throw new UserError(`--data '${data}' does not exist: ${right}`)
  }
  return resolved
}

const LONGEST_NAME = 200

/** Checks the flags that need no data set; called first, so that a slip is told before anything is loaded. */
export function checkFlags(args: SearchArguments): void {
  const { name } = args
  if (name !== undefined && (name.trim() === '' || name.length > LONGEST_NAME))
    throw new UserError(`--name must have 1 to ${LONGEST_NAME} characters, not ${name.trim() === '' ? 0 : name.length}`)
  wholeNumber(args.trials, '--trials', 1, 1_000_000)
  wholeNumber(args.population, '--population', 2, 10_000)
  wholeNumber(args.seed, '--seed', 0, Number.MAX_SAFE_INTEGER)
  wholeNumber(args['look-ahead'], '--look-ahead', 1, 10_000)
  numberWithin(args['data-fraction'], '--data-fraction', 0, 1)
  loadRecipe(args.recipe)
  countedFrames(args['front-end'])
  checkTeacherFlags(args)
  checkLadder(args)
  if (args.epochs !== undefined) wholeNumber(args.epochs, '--epochs', 1, 10_000)
  if (args['batch-size'] !== undefined) wholeNumber(args['batch-size'], '--batch-size', 1, 4096)
  if (args['learning-rate'] !== undefined) numberWithin(args['learning-rate'], '--learning-rate', 0, 10)
  checkCrew(args)
  parseQuantity(args['trial-timeout'], 'durationS', '--trial-timeout')
  parseObjectives(args.objectives)
}

/** Settles every setting. `deviceIds` are the profiles' own ids, in the order of `devicesOf`. */
export function settleSettings(
  args: SearchArguments,
  dataset: Dataset,
  deviceIds: readonly string[],
  fingerprints: SearchSettings['fingerprints'],
): SearchSettings {
  const dataFraction = args['data-fraction']
  const trainSize = Math.max(1, Math.round(dataset.splits.train.length * dataFraction))
  const samplesSeen = args.data === 'builtin' ? BUILTIN_SAMPLES_SEEN : DEFAULT_SAMPLES_SEEN
  const epochs = Math.min(EPOCH_BOUNDS.greatest, Math.max(EPOCH_BOUNDS.least, Math.round(samplesSeen / trainSize)))
  if (args['batch-size'] !== undefined && args['batch-size'] > trainSize) {
    throw new UserError(
      `--batch-size ${args['batch-size']} is more than the ${trainSize} training samples: give at most that`,
    )
  }
  const whole = { epochs: args.epochs ?? epochs, dataFraction }
  const ladder = settleLadder(args, whole)
  const frontEnd = frontEndOf(args, dataset)
  const base = withTeacherFlags(loadRecipe(args.recipe), args)
  const recipe: Recipe = {
    ...base,
    batchSize: args['batch-size'] ?? fittingBatchSize(base.batchSize, trainSize),
    ...(args['learning-rate'] === undefined ? {} : { learningRate: args['learning-rate'] }),
  }
  return {
    data: dataPathOf(args.data),
    space: absolute(args.space),
    devices: [...devicesOf(args)],
    objectives: [...parseObjectives(args.objectives)],
    limits: [...limitsOf(args, deviceIds)],
    ...(frontEnd === undefined ? {} : { frontEnd }),
    algorithm: absolute(args.algorithm),
    trials: args.trials,
    population: args.population,
    seed: args.seed,
    lookAhead: args['look-ahead'],
    fidelity: ladder === undefined ? whole : totalFidelity(ladder.stages),
    ...(ladder === undefined ? {} : { ladder }),
    inherit: args.inherit,
    recipe,
    ...(args.teacher === undefined ? {} : { teacher: path.resolve(args.teacher) }),
    engine: args.engine,
    provider: parseProvider(args.provider),
    trialTimeoutSeconds: parseQuantity(args['trial-timeout'], 'durationS', '--trial-timeout'),
    fingerprints,
  }
}

/** Reads stored settings back. @throws UserError when they are damaged or of another version. */
export function readSettings(value: unknown, experiment: number): SearchSettings {
  const parsed = settingsSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new UserError(
    `the settings of experiment ${experiment} cannot be read (${issue.path.join('.')}: ${issue.message}): was it written by another version?`,
  )
}
