import type { Database } from 'better-sqlite3'
import { z } from 'zod'
import type { EnergyUse } from '../../evaluators/energy/meter.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { EnergyPlan } from '../search-energy.ts'
import { type Row, readUse } from './quick-rows.ts'
import { json, parseRow } from './rows.ts'

/** What searches used, by architecture, and what they may use. */
export const ENERGY_TABLES = `
CREATE TABLE energy_plans (
  experiment    INTEGER PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE,
  limit_joules  REAL,
  grams_per_kwh REAL,
  sources       TEXT NOT NULL
) STRICT;

CREATE TABLE energy_uses (
  id               INTEGER PRIMARY KEY,
  experiment       INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  arch_id          TEXT,
  measured_joules  REAL NOT NULL,
  estimated_joules REAL NOT NULL
) STRICT;
CREATE INDEX energy_uses_of_experiment ON energy_uses (experiment);
`

/** Ladders train an architecture in stages: each is a trial of its own. */
export const ENERGY_RUNGS = 'ALTER TABLE energy_uses ADD COLUMN rung INTEGER NOT NULL DEFAULT 0'

const planRow = z
  .object({
    limit_joules: z.number().nullable(),
    grams_per_kwh: z.number().nullable(),
    sources: json(z.array(z.string())),
  })
  .transform(
    ({ limit_joules, grams_per_kwh, sources }): EnergyPlan => ({
      limitJoules: limit_joules ?? undefined,
      gramsPerKwh: grams_per_kwh ?? undefined,
      sources,
    }),
  )

/** Reads and writes the energy of searches. */
export function energyTables(database: Database, file: string) {
  const write = database.prepare(`INSERT INTO energy_plans VALUES (?, ?, ?, ?)
    ON CONFLICT (experiment) DO UPDATE SET limit_joules = excluded.limit_joules,
      grams_per_kwh = excluded.grams_per_kwh, sources = excluded.sources`)
  const readPlan = database.prepare('SELECT * FROM energy_plans WHERE experiment = ?')
  const add = database.prepare(
    'INSERT INTO energy_uses (experiment, arch_id, rung, measured_joules, estimated_joules) VALUES (?, ?, ?, ?, ?)',
  )
  const readUses = database.prepare<[number], Row>('SELECT * FROM energy_uses WHERE experiment = ? ORDER BY id')
  return {
    setPlan: (experiment: number, { limitJoules, gramsPerKwh, sources }: EnergyPlan): void =>
      void write.run(experiment, limitJoules ?? null, gramsPerKwh ?? null, canonicalJson(sources)),
    addUse: (experiment: number, { archId, rung, measuredJoules, estimatedJoules }: EnergyUse): void =>
      void add.run(experiment, archId ?? null, rung, measuredJoules, estimatedJoules),
    plan(experiment: number): EnergyPlan | undefined {
      const row = readPlan.get(experiment)
      return row === undefined
        ? undefined
        : parseRow(planRow, row, file, `table energy_plans, experiment ${experiment}`)
    },
    uses: (experiment: number): readonly EnergyUse[] =>
      Array.from(readUses.iterate(experiment), (row) => readUse(row, file)),
  }
}
