import { z } from 'zod'
import type { EnergyUse } from '../../evaluators/energy/meter.ts'
import type { Measurement } from '../../evaluators/evaluator.ts'
import type { Failure, FailureCode } from '../../lib/errors.ts'
import type {
  DeviceCosts,
  ExperimentStatus,
  PendingTrial,
  Rejection,
  TrialHead,
  TrialRecord,
} from '../../search/journal.ts'
import type { FrontCandidate } from '../front.ts'
import type { Experiment, ExperimentSummary } from '../store.ts'
import { damaged } from './errors.ts'

const STATUSES: Record<ExperimentStatus, ExperimentStatus> = {
  running: 'running',
  interrupted: 'interrupted',
  done: 'done',
  exhausted: 'exhausted',
}

const FAILURE_CODES: Record<FailureCode, FailureCode> = {
  diverged: 'diverged',
  'timed-out': 'timed-out',
  threw: 'threw',
  'out-of-memory': 'out-of-memory',
  'worker-died': 'worker-died',
  'crashed-twice': 'crashed-twice',
  checkpoint: 'checkpoint',
  'invalid-graph': 'invalid-graph',
  'non-finite-objective': 'non-finite-objective',
}

/** A TEXT column holding JSON of the given form. */
export const json = <T extends z.ZodType>(form: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text)
      } catch {
        context.addIssue({ code: 'custom', message: 'not JSON' })
        return z.NEVER
      }
    })
    .pipe(form)

const genome = json(z.array(z.number()))
const names = json(z.array(z.string()))
const object = json(z.record(z.string(), z.unknown()))

const status = z.enum(STATUSES)

export const experimentRow = z
  .object({
    id: z.number(),
    name: z.string(),
    status,
    created_at: z.string(),
    budget: z.number(),
    rungs: z.number(),
    dataset_digest: z.string(),
    devices: names,
    objectives: names,
    reference_points: json(z.record(z.string(), z.array(z.number()))),
    settings: object,
    environment: object,
  })
  .transform(
    ({ created_at, dataset_digest, reference_points, ...rest }): Experiment => ({
      ...rest,
      createdAt: created_at,
      datasetDigest: dataset_digest,
      references: reference_points,
    }),
  )

export const summaryRow = z
  .object({
    id: z.number(),
    name: z.string(),
    status,
    created_at: z.string(),
    budget: z.number(),
    devices: names,
    completed: z.number(),
    failed: z.number(),
    rejected: z.number(),
    best_accuracy: z.number().nullable(),
  })
  .transform(
    ({ created_at, best_accuracy, ...rest }): ExperimentSummary => ({
      ...rest,
      createdAt: created_at,
      bestAccuracy: best_accuracy ?? undefined,
    }),
  )

const measured = {
  accuracy: z.number(),
  cross_entropy: z.number().nullable(),
  test_accuracy: z.number().nullable(),
  loss: z.number(),
  cpu_seconds: z.number(),
  wall_seconds: z.number(),
}

const toMeasurement = (row: z.infer<z.ZodObject<typeof measured>>): Measurement => ({
  ok: true,
  accuracy: row.accuracy,
  ...(row.cross_entropy === null ? {} : { crossEntropy: row.cross_entropy }),
  ...(row.test_accuracy === null ? {} : { testAccuracy: row.test_accuracy }),
  loss: row.loss,
  cpuSeconds: row.cpu_seconds,
  wallSeconds: row.wall_seconds,
})

export const measurementRow = z.object(measured).transform(toMeasurement)

type TrialWithoutCosts = Omit<TrialRecord, 'costs'>

const place = {
  trial: z.number(),
  arch_id: z.string(),
  genome,
  rung: z.number(),
  continues: z.number().nullable(),
  inherits: z.number().nullable(),
}
const toHead = (row: z.infer<z.ZodObject<typeof place>>): TrialHead => ({
  trial: row.trial,
  genome: row.genome,
  archId: row.arch_id,
  rung: row.rung,
  continues: row.continues ?? undefined,
  inherits: row.inherits ?? undefined,
})

const head = { ...place, macs: z.number(), params: z.number() }
const toTrial = (row: z.infer<z.ZodObject<typeof head>>, result: Measurement | Failure): TrialWithoutCosts => ({
  ...toHead(row),
  macs: row.macs,
  params: row.params,
  result,
})

export const completedRow = z.object({ ...head, ...measured }).transform((row) => toTrial(row, toMeasurement(row)))

export const failedRow = z
  .object({ ...head, failure_code: z.enum(FAILURE_CODES), failure_message: z.string() })
  .transform((row) => toTrial(row, { ok: false, code: row.failure_code, message: row.failure_message }))

const vector = json(z.array(z.number()))

export const costRow = z
  .object({
    device: z.string(),
    latency_ms: z.number(),
    energy_mj: z.number(),
    peak_ram_bytes: z.number(),
    flash_bytes: z.number(),
    violation: z.number(),
    objectives: vector.nullable(),
    basis: json(z.record(z.string(), z.number())),
  })
  .transform(
    (row): DeviceCosts => ({
      device: row.device,
      latencyMs: row.latency_ms,
      energyMj: row.energy_mj,
      peakRamBytes: row.peak_ram_bytes,
      flashBytes: row.flash_bytes,
      violation: row.violation,
      objectives: row.objectives ?? undefined,
      basis: row.basis,
    }),
  )

/** A feasible completed trial on one device: `costs` joined with `trials`. */
export const candidateRow = z
  .object({
    trial: z.number(),
    arch_id: z.string(),
    macs: z.number(),
    params: z.number(),
    accuracy: z.number(),
    test_accuracy: z.number(),
    latency_ms: z.number(),
    energy_mj: z.number(),
    peak_ram_bytes: z.number(),
    flash_bytes: z.number(),
    objectives: vector,
  })
  .transform(
    (row): FrontCandidate => ({
      trial: row.trial,
      archId: row.arch_id,
      accuracy: row.accuracy,
      latencyMs: row.latency_ms,
      energyMj: row.energy_mj,
      peakRamBytes: row.peak_ram_bytes,
      flashBytes: row.flash_bytes,
      macs: row.macs,
      params: row.params,
      testAccuracy: row.test_accuracy,
      objectives: row.objectives,
    }),
  )

export const pendingRow = z
  .object({ ...place, crashes: z.number() })
  .transform((row): PendingTrial => ({ ...toHead(row), crashes: row.crashes }))

const limitBroken = z.object({ limit: z.string(), value: z.number(), allowed: z.number() })

export const rejectionRow = z
  .object({
    before_trial: z.number(),
    arch_id: z.string(),
    genome,
    violations: json(z.record(z.string(), z.array(limitBroken))),
  })
  .transform(
    (row): Rejection => ({
      beforeTrial: row.before_trial,
      genome: row.genome,
      archId: row.arch_id,
      violations: row.violations,
    }),
  )

export const useRow = z
  .object({
    arch_id: z.string().nullable(),
    rung: z.number(),
    measured_joules: z.number(),
    estimated_joules: z.number(),
  })
  .transform(
    ({ arch_id, rung, measured_joules, estimated_joules }): EnergyUse => ({
      archId: arch_id ?? undefined,
      rung,
      measuredJoules: measured_joules,
      estimatedJoules: estimated_joules,
    }),
  )

export const stateRow = z.object({ algorithm_state: json(z.unknown()) }).transform((row) => row.algorithm_state)

/**
 * Checks a row as it came from the database.
 * @throws UserError naming the file, the table and the row when a column does not hold what it should.
 */
export function parseRow<T extends z.ZodType>(form: T, row: unknown, file: string, place: string): z.output<T> {
  const parsed = form.safeParse(row)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw damaged(file, `${place}: ${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'invalid'}`)
}
