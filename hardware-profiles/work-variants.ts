import type { Profile, Terms } from './profile.ts'

/** How much longer the work of a kernel may take, against starting it, than on the GPUs that profiles were made from. */
const WORK_FACTORS: readonly number[] = [4, 16, 64]

/**
 * A profile, and where its kernels cost whichever is longer of starting and working, the same with more work for a start:
 * larger batches, or a processor that is slower than its framework.
 */
export function withMoreWork(base: Profile): readonly Profile[] {
  if (!base.tables.some(({ models }) => models.some(({ floor }) => floor !== undefined))) return [base]
  return [base, ...WORK_FACTORS.map((factor) => scaledWork(base, factor))]
}

const scaledWork = (base: Profile, factor: number): Profile => ({
  ...base,
  tables: base.tables.map((table) => ({
    ...table,
    models: table.models.map((model) => ({
      ...model,
      ...(model.compute === undefined ? {} : { compute: scaledTerms(model.compute, factor) }),
      ...(model.memory === undefined ? {} : { memory: scaledTerms(model.memory, factor) }),
    })),
  })),
})

const scaledTerms = (terms: Terms, factor: number): Terms =>
  terms.map(({ feature, coefficient }) => ({ feature, coefficient: coefficient * factor }))
