import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'
import { makeFolder } from '../../lib/files.ts'
import type { EvaluationRequest, Evaluator, Measurement } from '../evaluator.ts'
import { checkpointFile } from '../training/checkpoint.ts'

const fidelitySchema = z.strictObject({
  epochs: z.number(),
  dataFraction: z.number(),
  resolution: z.number().exactOptional(),
})

const lineSchema = z.strictObject({
  key: z.string(),
  what: z.object({
    archId: z.string(),
    fidelity: fidelitySchema,
    earlier: z.array(fidelitySchema),
    inheritFrom: z.string().exactOptional(),
    seed: z.number(),
  }),
  measurement: z.strictObject({
    ok: z.literal(true),
    accuracy: z.number(),
    crossEntropy: z.number().exactOptional(),
    testAccuracy: z.number().exactOptional(),
    loss: z.number(),
    cpuSeconds: z.number(),
    wallSeconds: z.number(),
  }),
})

/** A measurement and what it depends on, as the file holds it. */
export type KeptMeasurement = z.infer<typeof lineSchema>

/** Everything a measurement depends on; readable in the file. */
const subjectOf = (request: EvaluationRequest, { id, version }: Evaluator, dataDigest: string) => ({
  evaluator: `${id}@${version}`,
  data: dataDigest,
  archId: request.archId,
  fidelity: request.fidelity,
  earlier: request.earlier ?? [],
  inheritFrom: request.checkpoints?.inheritFrom,
  recipe: request.recipe,
  // With the test part a training takes longer, and what it took is a figure of the benchmark.
  skipTest: request.skipTest,
  seed: request.seed,
})

/**
 * An evaluator that keeps its measurements in a file of JSON lines, so that a benchmark can be interrupted and extended.
 * Failures are tried again. A network whose checkpoint is gone is trained again, since others may want to read it.
 * @throws UserError when the file is there and is none of these.
 */
export function withStore(evaluator: Evaluator, file: string, dataDigest: string): Evaluator {
  const known = new Map(keptMeasurements(file).map(({ key, measurement }): [string, Measurement] => [key, measurement]))
  makeFolder(path.dirname(file))
  dropUnfinishedLine(file)
  return {
    ...evaluator,
    async evaluate(request, options) {
      const what = subjectOf(request, evaluator, dataDigest)
      const key = sha256Hex(canonicalJson(what))
      const { checkpoints } = request
      const complete =
        checkpoints?.save === undefined || existsSync(checkpointFile(checkpoints.directory, checkpoints.save))
      const found = known.get(key)
      if (found !== undefined && complete) return found
      const result = await evaluator.evaluate(request, options)
      // Trained again for its checkpoint only: its times are still those of the first run.
      if (found !== undefined && result.ok) return found
      if (result.ok) {
        known.set(key, result)
        appendFileSync(file, `${JSON.stringify({ key, what, measurement: result })}\n`)
      }
      return result
    },
  }
}

/** Takes away what follows the last line break: behind it the next measurement could not be read. */
function dropUnfinishedLine(file: string): void {
  if (!existsSync(file)) return
  const content = readFileSync(file)
  const whole = content.lastIndexOf('\n') + 1
  if (whole < content.length) truncateSync(file, whole)
}

/** The measurements in a file that `withStore` wrote, first to last; none where it is missing. @throws UserError when it is none of these. */
export function keptMeasurements(file: string): readonly KeptMeasurement[] {
  const kept: KeptMeasurement[] = []
  if (!existsSync(file)) return kept
  const lines = readFileSync(file, 'utf8').split('\n')
  for (const [i, line] of lines.entries()) {
    // What follows the last line break is nothing, or a line that a killed process did not finish.
    if (i === lines.length - 1) break
    let content: unknown
    try {
      content = JSON.parse(line)
    } catch {
      content = undefined
    }
    const parsed = lineSchema.safeParse(content)
    if (!parsed.success) throw new UserError(`line ${i + 1} of '${file}' is no measurement: give another folder`)
    kept.push(parsed.data)
  }
  return kept
}
