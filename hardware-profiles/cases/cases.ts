import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { messageOf, UserError } from '../../lib/errors.ts'
import { hostFile, isHostId } from '../host/cache.ts'
import { KERNEL_KINDS, ROW_LENGTH } from '../profile.ts'

const CASES = path.join(import.meta.dirname, '..', 'devices')

const figure = z.number().nonnegative().max(1e15)
const text = z.string().min(1).max(2000)

/**
 * What was fitted without the cases of one fold: every coefficient of the profile's tables in their order (of one table,
 * where the suite is about one), and what an inference costs once and draws.
 */
const fold = z.strictObject({
  coefficients: z.array(figure).max(5000),
  inferenceOverhead: figure.optional(),
  streamUsPerByte: figure.optional(),
  activePowerMw: figure.optional(),
  /** Power of the kinds that have one of their own. */
  powersMw: z.partialRecord(z.enum(KERNEL_KINDS), figure).optional(),
})

const shared = {
  name: text,
  /** How the cases were kept apart from what was fitted. */
  method: text,
  source: text,
  /** False for cases that were fitted: they are shown, and never counted. */
  leftOut: z.boolean(),
  folds: z.array(fold).max(100),
}

/** Single kernels: the measured rows of a table, each with the fold that left it out. */
const operatorSuite = z.strictObject({
  ...shared,
  kind: z.literal('operators'),
  kernel: z.enum(KERNEL_KINDS),
  rowFolds: z.array(z.number().int().min(0).max(99)).max(5000),
})

/** Whole networks; figures in ms, mJ or bytes. A case without a fold is priced by the profile itself. */
const networkSuite = z.strictObject({
  ...shared,
  kind: z.literal('networks'),
  quantity: z.enum(['latency', 'energy', 'peakRam', 'flash']),
  /** Clock of the board that was measured, where it is another of the same core: cycles ÷ clock. */
  clockHz: z.number().positive().optional(),
  /** The measured flash is the model file, without the runtime's code. */
  withoutRuntime: z.boolean().optional(),
  /** By case: bits of entropy that a weight of each kernel with weights holds, in their order (`NetworkGraph.weightBits`). */
  weightBits: z.record(text, z.array(z.number().positive().max(8)).max(500)).optional(),
  cases: z.array(z.tuple([text, figure, z.number().int().min(-1).max(99)])).max(5000),
})

/**
 * Whole networks as sums of kernels that were timed one by one, in ms: for networks whose layers are known and not their
 * graph. A kernel is its kind and its row without the cost.
 */
const layerSuite = z.strictObject({
  ...shared,
  kind: z.literal('layers'),
  cases: z
    .array(
      z.strictObject({
        name: text,
        measured: figure,
        fold: z.number().int().min(0).max(99),
        kernels: z
          .array(z.strictObject({ kind: z.enum(KERNEL_KINDS), row: z.array(figure).length(ROW_LENGTH - 1) }))
          .max(500),
      }),
    )
    .max(500),
})

export const casesSchema = z.strictObject({
  format: z.literal('frugal-cases/1'),
  profile: text,
  suites: z.array(z.discriminatedUnion('kind', [operatorSuite, networkSuite, layerSuite])).max(50),
})

export type ProfileCases = z.infer<typeof casesSchema>
export type Suite = ProfileCases['suites'][number]
export type OperatorSuite = Extract<Suite, { kind: 'operators' }>
export type NetworkSuite = Extract<Suite, { kind: 'networks' }>
export type LayerSuite = Extract<Suite, { kind: 'layers' }>
export type Fold = Suite['folds'][number]

/** This computer's cases lie beside its profile, in the user's cache. */
export const casesFile = (profileId: string): string =>
  isHostId(profileId) ? hostFile('cases', profileId) : path.join(CASES, `${profileId}.cases.json`)

/** The validation cases of a built-in profile; none for a profile nobody measured. @throws UserError for a broken file. */
export function loadCases(profileId: string): ProfileCases {
  const file = casesFile(profileId)
  if (!existsSync(file)) return { format: 'frugal-cases/1', profile: profileId, suites: [] }
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UserError(`cases '${file}' cannot be read: ${messageOf(error)}`)
  }
  const result = casesSchema.safeParse(value)
  if (!result.success) {
    const issue = result.error.issues[0]!
    throw new UserError(`cases '${file}' are wrong at ${issue.path.join('.') || 'the file'}: ${issue.message}`)
  }
  return result.data
}
