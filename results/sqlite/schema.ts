import type { Database } from 'better-sqlite3'
import { ENERGY_RUNGS, ENERGY_TABLES } from './energy.ts'

/** Changes the schema by one version, inside a transaction that the caller holds. */
export type Migration = (database: Database) => void

/** Marks a file as ours in the SQLite header: the bytes of 'Frgl'. */
export const APPLICATION_ID = 0x4672676c

/** Numbers are REAL (IEEE double), so they come back exactly; JSON columns hold what is never searched by SQL. */
const VERSION_1 = `
CREATE TABLE experiments (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  name             TEXT NOT NULL,
  status           TEXT NOT NULL CHECK (status IN ('running', 'interrupted', 'done', 'exhausted')),
  created_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  budget           INTEGER NOT NULL,
  dataset_digest   TEXT NOT NULL,
  devices          TEXT NOT NULL,
  objectives       TEXT NOT NULL,
  reference_points TEXT NOT NULL,
  settings         TEXT NOT NULL,
  environment      TEXT NOT NULL
) STRICT;

CREATE TABLE trials (
  experiment      INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  trial           INTEGER NOT NULL,
  arch_id         TEXT NOT NULL,
  genome          TEXT NOT NULL,
  macs            REAL NOT NULL,
  params          REAL NOT NULL,
  accuracy        REAL,
  test_accuracy   REAL,
  loss            REAL,
  cpu_seconds     REAL,
  wall_seconds    REAL,
  failure_code    TEXT,
  failure_message TEXT,
  PRIMARY KEY (experiment, trial),
  CHECK ((failure_code IS NULL) = (failure_message IS NULL)),
  CHECK ((failure_code IS NULL) = (accuracy IS NOT NULL AND test_accuracy IS NOT NULL AND loss IS NOT NULL
    AND cpu_seconds IS NOT NULL AND wall_seconds IS NOT NULL))
) STRICT;

CREATE TABLE costs (
  experiment     INTEGER NOT NULL,
  trial          INTEGER NOT NULL,
  device         TEXT NOT NULL,
  latency_ms     REAL NOT NULL,
  energy_mj      REAL NOT NULL,
  peak_ram_bytes REAL NOT NULL,
  flash_bytes    REAL NOT NULL,
  violation      REAL NOT NULL,
  objectives     TEXT,
  basis          TEXT NOT NULL,
  PRIMARY KEY (experiment, trial, device),
  FOREIGN KEY (experiment, trial) REFERENCES trials (experiment, trial) ON DELETE CASCADE
) STRICT;

CREATE TABLE rejections (
  id           INTEGER PRIMARY KEY,
  experiment   INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  before_trial INTEGER NOT NULL,
  arch_id      TEXT NOT NULL,
  genome       TEXT NOT NULL,
  violations   TEXT NOT NULL
) STRICT;
CREATE INDEX rejections_of_experiment ON rejections (experiment);

CREATE TABLE pending (
  experiment INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  trial      INTEGER NOT NULL,
  arch_id    TEXT NOT NULL,
  genome     TEXT NOT NULL,
  training   INTEGER NOT NULL DEFAULT 0 CHECK (training IN (0, 1)),
  crashes    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (experiment, trial)
) STRICT;

CREATE TABLE loop_state (
  experiment      INTEGER PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE,
  algorithm_state TEXT NOT NULL
) STRICT;

CREATE TABLE measurements (
  key           TEXT PRIMARY KEY,
  accuracy      REAL NOT NULL,
  test_accuracy REAL NOT NULL,
  loss          REAL NOT NULL,
  cpu_seconds   REAL NOT NULL,
  wall_seconds  REAL NOT NULL
) STRICT, WITHOUT ROWID;
`

/** Ladders of fidelity. Until then every trial was a full training, and the loop kept no state of a scheduler. */
const LADDERS = `
ALTER TABLE experiments ADD COLUMN rungs INTEGER NOT NULL DEFAULT 1;
ALTER TABLE trials ADD COLUMN rung INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN continues INTEGER;
ALTER TABLE trials ADD COLUMN inherits INTEGER;
ALTER TABLE pending ADD COLUMN rung INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending ADD COLUMN continues INTEGER;
ALTER TABLE pending ADD COLUMN inherits INTEGER;
UPDATE loop_state
SET algorithm_state = json_set(algorithm_state, '$.fitted', json('[]'))
WHERE json_valid(algorithm_state) AND json_type(algorithm_state) = 'object';
`

/**
 * Lower rungs may do without a figure for the test part. SQLite cannot change a CHECK, so the table is written anew, and
 * dropping the old one takes the costs of its trials along.
 */
const TEST_PART_OPTIONAL = `
CREATE TABLE new_trials (
  experiment      INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  trial           INTEGER NOT NULL,
  arch_id         TEXT NOT NULL,
  genome          TEXT NOT NULL,
  macs            REAL NOT NULL,
  params          REAL NOT NULL,
  accuracy        REAL,
  test_accuracy   REAL,
  loss            REAL,
  cpu_seconds     REAL,
  wall_seconds    REAL,
  failure_code    TEXT,
  failure_message TEXT,
  rung            INTEGER NOT NULL DEFAULT 0,
  continues       INTEGER,
  inherits        INTEGER,
  PRIMARY KEY (experiment, trial),
  CHECK ((failure_code IS NULL) = (failure_message IS NULL)),
  CHECK ((failure_code IS NULL) = (accuracy IS NOT NULL AND loss IS NOT NULL
    AND cpu_seconds IS NOT NULL AND wall_seconds IS NOT NULL)),
  CHECK (test_accuracy IS NULL OR accuracy IS NOT NULL)
) STRICT;
INSERT INTO new_trials SELECT experiment, trial, arch_id, genome, macs, params, accuracy, test_accuracy, loss,
  cpu_seconds, wall_seconds, failure_code, failure_message, rung, continues, inherits FROM trials;
CREATE TEMP TABLE kept_costs AS SELECT * FROM costs;
DROP TABLE trials;
ALTER TABLE new_trials RENAME TO trials;
DELETE FROM costs;
INSERT INTO costs SELECT * FROM kept_costs;
DROP TABLE kept_costs;

CREATE TABLE new_measurements (
  key           TEXT PRIMARY KEY,
  accuracy      REAL NOT NULL,
  test_accuracy REAL,
  loss          REAL NOT NULL,
  cpu_seconds   REAL NOT NULL,
  wall_seconds  REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO new_measurements SELECT * FROM measurements;
DROP TABLE measurements;
ALTER TABLE new_measurements RENAME TO measurements;
`

/** By what lower rungs rank networks; NULL where it was not measured. */
const CROSS_ENTROPY = `
ALTER TABLE trials ADD COLUMN cross_entropy REAL;
ALTER TABLE measurements ADD COLUMN cross_entropy REAL;
`

/** How a database becomes the current version: entry i turns version i into version i + 1. Only ever appended to. */
export const MIGRATIONS: readonly Migration[] = [
  (database) => database.exec(VERSION_1),
  (database) => database.exec(ENERGY_TABLES),
  (database) => database.exec(LADDERS),
  (database) => database.exec(ENERGY_RUNGS),
  (database) => database.exec(TEST_PART_OPTIONAL),
  (database) => database.exec(CROSS_ENTROPY),
]
