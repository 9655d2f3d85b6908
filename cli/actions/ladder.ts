import { realpathSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { Fidelity } from '../../evaluators/evaluator.ts'
import { parseLadder, plainFidelity } from '../../evaluators/proxy/proxy-fidelity.ts'
import { UserError } from '../../lib/errors.ts'
import { formatNumber } from '../../lib/units.ts'
import { CheckpointFolder } from '../../search/fidelity/checkpoints.ts'
import { type Ladder, NO_LADDER, networksPerRung, plannedTrials } from '../../search/fidelity/ladder.ts'
import { wholeNumber } from '../commands/shared.ts'
import { counted } from './output.ts'

const fidelitySchema = z
  .strictObject({
    epochs: z.int().positive(),
    dataFraction: z.number().positive().max(1),
    resolution: z.number().positive().max(1).optional(),
  })
  .transform(
    ({ resolution, ...fidelity }): Fidelity => (resolution === undefined ? fidelity : { ...fidelity, resolution }),
  )

/** How a search trains in stages. Each stage counts on top of those before it; the last one ends the full training. */
export const ladderSchema = z.strictObject({
  stages: z.array(fidelitySchema).min(2),
  reduction: z.int().min(2),
  promotion: z.enum(['asynchronous', 'synchronous']),
})

export interface LadderArguments {
  readonly ladder?: string | undefined
  readonly reduction?: number | undefined
  readonly promotion?: string | undefined
}

const REDUCTION = 3
const PROMOTION = 'asynchronous'

/** The settings of a search that say how far each network is trained. */
export interface LadderSettings {
  readonly trials: number
  readonly fidelity: Fidelity
  readonly ladder?: z.infer<typeof ladderSchema> | undefined
  readonly inherit: boolean
}

/** The training of each rung, on top of those below it. */
export const stagesOf = ({ fidelity, ladder }: LadderSettings): readonly Fidelity[] =>
  ladder === undefined ? [fidelity] : ladder.stages

export const ladderOf = ({ ladder }: LadderSettings): Ladder =>
  ladder === undefined
    ? NO_LADDER
    : { rungs: ladder.stages.length, reduction: ladder.reduction, promotion: ladder.promotion }

/** Trials on all rungs together. */
export const trialsOf = (settings: LadderSettings): number => plannedTrials(settings.trials, ladderOf(settings))

/** Share of the epochs, weighed by the data they see, that training every network fully would take. */
function costShare(settings: LadderSettings): number {
  const costs = stagesOf(settings).map(({ epochs, dataFraction, resolution = 1 }) => {
    return epochs * dataFraction * resolution ** 2
  })
  const counts = networksPerRung(settings.trials, ladderOf(settings))
  const spent = costs.reduce((sum, cost, rung) => sum + cost * counts[rung]!, 0)
  return spent / (settings.trials * costs.reduce((sum, cost) => sum + cost, 0))
}

/** Where the search of an existing database keeps its checkpoints; undefined when it has no use for any. */
export const checkpointsOf = (
  db: string,
  experiment: number,
  settings: LadderSettings,
): CheckpointFolder | undefined =>
  settings.ladder === undefined && !settings.inherit ? undefined : checkpointFolder(db, experiment)

/** Where an experiment of the database keeps checkpoints, if it has any. */
export const checkpointFolder = (db: string, experiment: number): CheckpointFolder =>
  new CheckpointFolder(path.join(`${realpathSync(db)}.checkpoints`, `${experiment}`))

export interface StageProgress {
  readonly stage: Fidelity
  /** Trials of this stage that have ended, and all that it will have. */
  readonly told: number
  readonly planned: number
}

/** How far a search is on each rung. */
export function stageProgress(
  settings: LadderSettings,
  records: readonly { readonly rung: number }[],
): readonly StageProgress[] {
  const planned = networksPerRung(settings.trials, ladderOf(settings))
  return stagesOf(settings).map((stage, rung) => ({
    stage,
    told: records.filter((record) => record.rung === rung).length,
    planned: planned[rung]!,
  }))
}

/** One line on how far networks are trained, for people. */
export function stagesLine(settings: LadderSettings): string {
  const stages = stagesOf(settings)
  const inherited = settings.inherit ? ', from the weights of similar ones' : ''
  if (stages.length === 1) return `${counted(settings.fidelity.epochs, 'epoch')} a network${inherited}`
  const epochs = stages.map((stage) => stage.epochs).join(' + ')
  const share = formatNumber(100 * costShare(settings))
  return `${epochs} epochs in stages, one in ${settings.ladder!.reduction} goes on, ${share} % of training all fully${inherited}`
}

/** @throws UserError for flags that are wrong whatever the data. */
export function checkLadder({ ladder, reduction, promotion }: LadderArguments): void {
  if (reduction !== undefined) wholeNumber(reduction, '--reduction', 2, 1000)
  if (promotion !== undefined && promotion !== 'asynchronous' && promotion !== 'synchronous') {
    throw new UserError(`--promotion must be asynchronous or synchronous, not '${promotion}'`)
  }
  const idle = ladder !== undefined ? undefined : reduction !== undefined ? 'reduction' : promotion && 'promotion'
  if (idle !== undefined) {
    throw new UserError(`--${idle} does nothing without --ladder: give one, such as --ladder 1/9,1/3,1`)
  }
  if (ladder !== undefined) readStages(ladder, { epochs: 10_000, dataFraction: 1 })
}

/**
 * The ladder that the flags ask for, for a full training of `full`; undefined without `--ladder` or with one stage of
 * the full training.
 * @throws UserError also when the epochs are too few for the shares.
 */
export function settleLadder(
  { ladder, reduction = REDUCTION, promotion = PROMOTION }: LadderArguments,
  full: Fidelity,
): z.infer<typeof ladderSchema> | undefined {
  if (ladder === undefined) return undefined
  const stages = readStages(ladder, full)
  if (stages.length === 1) return undefined
  return { stages: [...stages], reduction, promotion: promotion as 'asynchronous' | 'synchronous' }
}

/** The whole training of the stages together. */
export const totalFidelity = (stages: readonly Fidelity[]): Fidelity => ({
  epochs: stages.reduce((sum, { epochs }) => sum + epochs, 0),
  dataFraction: stages.at(-1)!.dataFraction,
})

/** Shares of the epochs, as `1/9,1/3,1`; or stages one on top of the other, as `epochs=1,data=0.25>epochs=5`. */
function readStages(text: string, full: Fidelity): readonly Fidelity[] {
  if (text.includes('=')) {
    const stages = parseLadder(text, '--ladder', { resolution: 1, ...full }).map(plainFidelity)
    if (stages.length > 1) return stages
    throw new UserError(`--ladder '${text}' has one stage only: add another, as in '${text}>epochs=5'`)
  }
  const shares = readShares(text)
  const epochs = stageEpochs(shares, full.epochs)
  if (epochs === undefined) {
    let enough = full.epochs
    while (stageEpochs(shares, enough) === undefined) enough++
    throw new UserError(
      `--ladder '${text}' does not split ${counted(full.epochs, 'epoch')} into stages of at least one: give --epochs ${enough} or more, or fewer stages`,
    )
  }
  return epochs.map((stage) => ({ epochs: stage, dataFraction: full.dataFraction }))
}

/** Least difference of two shares, so that some number of epochs can tell them apart. */
const LEAST_STEP = 1e-3

function readShares(text: string): readonly number[] {
  const wrong = `--ladder '${text}' must be shares of the epochs that grow to 1, such as 1/9,1/3,1, or stages such as epochs=1,data=0.25>epochs=5`
  const shares = text.split(',').map((part) => {
    const match = /^\s*(\d+(?:\.\d+)?)\s*(?:\/\s*(\d+))?\s*$/.exec(part)
    if (match === null) throw new UserError(wrong)
    return Number(match[1]) / Number(match[2] ?? 1)
  })
  const grows = shares.every((share, i) => share - (shares[i - 1] ?? 0) >= LEAST_STEP)
  if (!grows || shares.at(-1) !== 1) throw new UserError(wrong)
  return shares
}

/** Epochs of each stage on top of those before; undefined when a stage would have none. */
function stageEpochs(shares: readonly number[], epochs: number): readonly number[] | undefined {
  const reached = shares.map((share) => Math.round(share * epochs))
  const stages = reached.map((end, i) => end - (reached[i - 1] ?? 0))
  return stages.every((stage) => stage >= 1) ? stages : undefined
}
