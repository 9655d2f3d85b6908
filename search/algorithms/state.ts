import { z } from 'zod'
import { UserError } from '../../lib/errors.ts'
import type { AlgorithmConfig, FrontResult, Told } from '../algorithm.ts'

/** A stream's state: four signed 32-bit words. */
export const randomStateSchema = z.array(z.int()).length(4)

/** JSON has no infinity: a violation without bound is null. */
const frontSchema = z.strictObject({
  objectives: z.array(z.number()).nullable(),
  violation: z.number().min(0).nullable(),
})

/** A told genome as JSON. */
export const toldSchema = z.strictObject({ genome: z.array(z.int().min(0)), fronts: z.array(frontSchema) })

export type StoredTold = z.infer<typeof toldSchema>

export const storeTold = ({ genome, fronts }: Told): StoredTold => ({
  genome: [...genome],
  fronts: fronts.map(({ objectives, violation }) => ({
    objectives: objectives === undefined ? null : [...objectives],
    violation: Number.isFinite(violation) ? violation : null,
  })),
})

export const loadTold = ({ genome, fronts }: StoredTold): Told => ({
  genome,
  fronts: fronts.map(({ objectives, violation }) => ({
    objectives: objectives ?? undefined,
    violation: violation ?? Number.POSITIVE_INFINITY,
  })),
})

/**
 * Parses an algorithm's stored state.
 * @throws UserError when it is not one, or was made for another space, number of devices or number of objectives.
 */
export function parseState<T>(algorithm: string, schema: z.ZodType<T>, state: unknown): T {
  const parsed = schema.safeParse(state)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'it' : `its '${issue.path.join('.')}'`
  throw new UserError(`this is not a state of the algorithm '${algorithm}': ${where} does not fit (${issue?.message})`)
}

/** @throws UserError when a stored result has the wrong number of genes, devices or objectives. */
export function checkTold(algorithm: string, config: AlgorithmConfig, told: readonly Told[]): void {
  const genes = config.operations.genes.length
  for (const { genome, fronts } of told) {
    const fits =
      genome.length === genes &&
      fronts.length === config.frontCount &&
      fronts.every(({ objectives }) => objectives === undefined || objectives.length === config.objectiveCount)
    if (!fits) {
      throw new UserError(
        `this state of the algorithm '${algorithm}' belongs to another search: it must hold genomes of ${genes} genes with ` +
          `${config.objectiveCount} objectives for ${config.frontCount} devices`,
      )
    }
  }
}

/** Failed: nothing is known of it on any device, not even how far it is from feasible. */
export const isFailed = (fronts: readonly FrontResult[]): boolean =>
  fronts.every(
    ({ objectives, violation }) =>
      violation === Number.POSITIVE_INFINITY || (objectives === undefined && violation === 0),
  )

/** Feasible and measured on at least one device. */
export const isFeasible = (fronts: readonly FrontResult[]): boolean =>
  fronts.some(({ objectives, violation }) => objectives !== undefined && violation === 0)
