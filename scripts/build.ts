/** Compiles the product to `dist/` and copies the data files that travel with it. */
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '..')
const DIST = path.join(ROOT, 'dist')

rmSync(DIST, { recursive: true, force: true })
const compiled = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' })
if (compiled.status !== 0) process.exit(compiled.status ?? 1)

const CARD_SCHEMA = path.join('export', 'card.schema.json')
cpSync(path.join(ROOT, CARD_SCHEMA), path.join(DIST, CARD_SCHEMA))

const profiles = path.join('hardware-profiles', 'devices')
for (const name of readdirSync(path.join(ROOT, profiles)).filter((file) => file.endsWith('.json'))) {
  cpSync(path.join(ROOT, profiles, name), path.join(DIST, profiles, name))
}
