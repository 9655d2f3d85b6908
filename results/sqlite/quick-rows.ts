import type { EnergyUse } from '../../evaluators/energy/meter.ts'
import type { Measurement } from '../../evaluators/evaluator.ts'
import type { DeviceCosts, TrialRecord } from '../../search/journal.ts'
import type { FrontCandidate } from '../front.ts'
import { candidateRow, completedRow, costRow, failedRow, parseRow, useRow } from './rows.ts'

/**
 * Rows that are read by the hundred thousand. Schemas take most of the time of a command then, so each is looked at by hand,
 * and only one that is not as it should be is given to its schema, which says what is wrong with it.
 */
export type Row = Readonly<Record<string, unknown>>

type TrialWithoutCosts = Omit<TrialRecord, 'costs'>

function allNumbers(row: Row, names: readonly string[]): boolean {
  for (const name of names) if (!Number.isFinite(row[name])) return false
  return true
}

const optional = (value: unknown): value is number | null => value === null || Number.isFinite(value)

/** The numbers of a JSON text; undefined for anything else. */
function numbersOf(text: unknown): readonly number[] | undefined {
  if (typeof text !== 'string') return undefined
  const value = parsed(text)
  return Array.isArray(value) && value.every(Number.isFinite) ? value : undefined
}

/** The shares of a JSON text; undefined for anything else. */
function sharesOf(text: unknown): Readonly<Record<string, number>> | undefined {
  if (typeof text !== 'string') return undefined
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  for (const entry of Object.values(value)) if (!Number.isFinite(entry)) return undefined
  return value as Readonly<Record<string, number>>
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const TRIAL_NUMBERS = ['trial', 'rung', 'macs', 'params']
const MEASURED_NUMBERS = ['accuracy', 'loss', 'cpu_seconds', 'wall_seconds']

function quickTrial(row: Row): TrialWithoutCosts | undefined {
  const { arch_id, continues, inherits, cross_entropy, test_accuracy, failure_code } = row
  if (failure_code !== null || typeof arch_id !== 'string' || !allNumbers(row, TRIAL_NUMBERS)) return undefined
  if (!allNumbers(row, MEASURED_NUMBERS) || ![continues, inherits, cross_entropy, test_accuracy].every(optional))
    return undefined
  const genome = numbersOf(row['genome'])
  if (genome === undefined) return undefined
  const result: Measurement = {
    ok: true,
    accuracy: row['accuracy'] as number,
    ...(cross_entropy === null ? {} : { crossEntropy: cross_entropy as number }),
    ...(test_accuracy === null ? {} : { testAccuracy: test_accuracy as number }),
    loss: row['loss'] as number,
    cpuSeconds: row['cpu_seconds'] as number,
    wallSeconds: row['wall_seconds'] as number,
  }
  return {
    trial: row['trial'] as number,
    genome,
    archId: arch_id,
    rung: row['rung'] as number,
    continues: (continues as number | null) ?? undefined,
    inherits: (inherits as number | null) ?? undefined,
    macs: row['macs'] as number,
    params: row['params'] as number,
    result,
  }
}

/** A row of `trials`. @throws UserError naming the file, the place and the column for one that is damaged. */
export const readTrial = (row: Row, file: string, experiment: number): TrialWithoutCosts =>
  quickTrial(row) ??
  parseRow(
    row['failure_code'] === null ? completedRow : failedRow,
    row,
    file,
    `table trials, ${placeOf(experiment, row)}`,
  )

const COST_NUMBERS = ['latency_ms', 'energy_mj', 'peak_ram_bytes', 'flash_bytes', 'violation']

function quickCosts(row: Row): DeviceCosts | undefined {
  const { device } = row
  if (typeof device !== 'string' || !allNumbers(row, COST_NUMBERS)) return undefined
  const objectives = row['objectives'] === null ? null : numbersOf(row['objectives'])
  const basis = sharesOf(row['basis'])
  if (objectives === undefined || basis === undefined) return undefined
  return {
    device,
    latencyMs: row['latency_ms'] as number,
    energyMj: row['energy_mj'] as number,
    peakRamBytes: row['peak_ram_bytes'] as number,
    flashBytes: row['flash_bytes'] as number,
    violation: row['violation'] as number,
    objectives: objectives ?? undefined,
    basis,
  }
}

/** A row of `costs`. @throws UserError as `readTrial`. */
export const readCosts = (row: Row, file: string, experiment: number): DeviceCosts =>
  quickCosts(row) ?? parseRow(costRow, row, file, `table costs, ${placeOf(experiment, row)}`)

const CANDIDATE_NUMBERS = [...COST_NUMBERS.slice(0, 4), 'trial', 'macs', 'params', 'accuracy', 'test_accuracy']

function quickCandidate(row: Row): FrontCandidate | undefined {
  const { arch_id } = row
  const objectives = numbersOf(row['objectives'])
  if (typeof arch_id !== 'string' || objectives === undefined || !allNumbers(row, CANDIDATE_NUMBERS)) return undefined
  return {
    trial: row['trial'] as number,
    archId: arch_id,
    accuracy: row['accuracy'] as number,
    latencyMs: row['latency_ms'] as number,
    energyMj: row['energy_mj'] as number,
    peakRamBytes: row['peak_ram_bytes'] as number,
    flashBytes: row['flash_bytes'] as number,
    macs: row['macs'] as number,
    params: row['params'] as number,
    testAccuracy: row['test_accuracy'] as number,
    objectives,
  }
}

/** A row of `costs` joined with `trials`. @throws UserError as `readTrial`. */
export const readCandidate = (row: Row, file: string, experiment: number): FrontCandidate =>
  quickCandidate(row) ?? parseRow(candidateRow, row, file, `tables trials and costs, ${placeOf(experiment, row)}`)

/** A row of `energy_uses`. @throws UserError as `readTrial`. */
export function readUse(row: Row, file: string): EnergyUse {
  const { arch_id } = row
  if (!allNumbers(row, USE_NUMBERS) || (arch_id !== null && typeof arch_id !== 'string'))
    return parseRow(useRow, row, file, `table energy_uses, id ${String(row['id'])}`)
  return {
    archId: arch_id ?? undefined,
    rung: row['rung'] as number,
    measuredJoules: row['measured_joules'] as number,
    estimatedJoules: row['estimated_joules'] as number,
  }
}
const USE_NUMBERS = ['rung', 'measured_joules', 'estimated_joules']

/** Where a row with a trial number stands, for messages about damage. */
export const placeOf = (experiment: number, row: unknown): string =>
  `experiment ${experiment}, trial ${String((row as { trial?: unknown }).trial)}`
