import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { OperationalError } from '../../lib/errors.ts'
import { compareOutputs, comparisonText, type Tolerance, toleranceText, withinTolerance } from '../compare-outputs.ts'
import { countRight } from '../count-right.ts'
import { type FloatSamples, floatFileText, floatToleranceText, judgeFloatFile } from '../float-check.ts'
import type { ArtefactCheck, ExportContext, FloatFileReport } from './format.ts'

/** What a run of a file showed. */
export interface Judgement {
  /** False: the file does something else than it should. */
  readonly ok: boolean
  readonly detail: string
  /** Rightly classified samples, where that was counted. */
  readonly classified?: ArtefactCheck['classified']
}

/** A file in one runtime, and what may be different there. */
export type CheckedFile = Pick<ArtefactCheck, 'artefact' | 'where' | 'allowed'>

/**
 * Runs a check. A file that does something else than it should, or that the runtime does not take, is no reason to give up
 * the others: the check has failed, and the card says so.
 */
export async function checked(file: CheckedFile, run: () => Promise<Judgement>): Promise<ArtefactCheck> {
  const { ok, detail, classified } = await judgementOf(run)
  return {
    ...file,
    verified: ok,
    ...(ok ? {} : { failed: true }),
    detail,
    ...(classified === undefined ? {} : { classified }),
  }
}

async function judgementOf(run: () => Promise<Judgement>): Promise<Judgement> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof OperationalError) return { ok: false, detail: error.message }
    throw error
  }
}

/** Nothing was run, and why. */
export const notRun = (artefact: string, where: string, detail: string): ArtefactCheck => ({
  artefact,
  where,
  verified: false,
  detail,
})

/**
 * Compares the int8 outputs of a file for the first test samples with the reference's: one by one, and how many samples
 * they classify rightly.
 */
export function judgeOutputs(
  dataset: Dataset,
  { count, expected }: { readonly count: number; readonly expected: Int8Array },
  outputs: Int8Array,
  tolerance: Tolerance,
): Judgement {
  if (outputs.length !== expected.length) {
    return { ok: false, detail: `it gives ${outputs.length} outputs where the reference has ${expected.length}` }
  }
  const { test } = dataset.splits
  const [correct, wanted] = [countRight(dataset, test, outputs), countRight(dataset, test, expected)]
  const comparison = compareOutputs(expected, outputs)
  return {
    ok:
      withinTolerance(comparison, tolerance) &&
      Math.abs(correct - wanted) <= Math.max(tolerance.samplesShare * count, 1),
    detail: `${correct} of ${count} test samples (integer reference: ${wanted}); ${comparisonText(comparison)}`,
    classified: { correct, samples: count },
  }
}

/** A file that is to give the reference's outputs. @param run gives its outputs for the samples. */
export const checkedOutputs = (
  { artefact, where, tolerance }: Pick<CheckedFile, 'artefact' | 'where'> & { readonly tolerance: Tolerance },
  dataset: Dataset,
  samples: { readonly count: number; readonly expected: Int8Array },
  run: () => Promise<Int8Array>,
): Promise<ArtefactCheck> =>
  checked({ artefact, where, allowed: toleranceText(tolerance) }, async () =>
    judgeOutputs(dataset, samples, await run(), tolerance),
  )

/** A file in float that is to give what the float32 network gives; the report where it does. */
export async function checkedFloat(
  context: ExportContext,
  samples: FloatSamples,
  file: Pick<FloatFileReport, 'file' | 'precision' | 'where'>,
  run: () => Promise<Float32Array>,
): Promise<{ readonly check: ArtefactCheck; readonly report?: FloatFileReport }> {
  const found: { report?: FloatFileReport } = {}
  const { precision, where } = file
  const check = await checked(
    { artefact: file.file, where, allowed: floatToleranceText(precision, context.graph) },
    async () => {
      found.report = judgeFloatFile(context, samples, await run(), file)
      return { ok: true, detail: floatFileText(found.report) }
    },
  )
  return { check, ...found }
}

/** The check as a sentence's part. */
export const checkText = ({ artefact, where, detail, allowed }: ArtefactCheck): string =>
  `${artefact} on ${where}: ${detail}${allowed === undefined ? '' : ` (allowed: ${allowed})`}`
