import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'
import type { EvaluationRequest, Evaluator, Measurement } from '../evaluator.ts'
import { checkpointFile } from '../training/checkpoint.ts'

const lineSchema = z.strictObject({
  key: z.string(),
  what: z.unknown(),
  measurement: z.strictObject({
    ok: z.literal(true),
    accuracy: z.number(),
    testAccuracy: z.number().exactOptional(),
    loss: z.number(),
    cpuSeconds: z.number(),
    wallSeconds: z.number(),
  }),
})

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
  const known = readStore(file)
  mkdirSync(path.dirname(file), { recursive: true })
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

function readStore(file: string): Map<string, Measurement> {
  const known = new Map<string, Measurement>()
  if (!existsSync(file)) return known
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
    known.set(parsed.data.key, parsed.data.measurement)
  }
  return known
}
