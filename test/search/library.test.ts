import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'

const ROOT = path.resolve(import.meta.dirname, '../..')
const TABLE = path.join(ROOT, 'test/fixtures/tabular/small.csv')
const BLOCKS = [...readFileSync(path.join(ROOT, 'docs/benchmarks.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)]

/** What a program of the document prints, when it is run with this Frugal as the package. */
function printed(t: ExecutionContext, program: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-library-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'program.mts')
  writeFileSync(
    file,
    program.replace("'frugal-nas/search'", `'${pathToFileURL(path.join(ROOT, 'search/index.ts')).href}'`),
  )
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  return stdout
}

test('the documented loop of asks and tells finds most of what there is', (t) => {
  const [, volume] = /^hypervolume (\d+)/.exec(printed(t, BLOCKS[0]![1]!))!
  // All 120 genomes together dominate 2226.0.
  t.true(Number(volume) > 2170, volume)
})

test('the documented search of a table scores as the command does', (t) => {
  const program = BLOCKS[1]![1]!
    .replace('nb201.csv.gz', TABLE)
    .replace("'ops'", "'digits'")
    .replace('c10_test_200ep', 'accuracy')
    .replace('raspi4_latency_ms', 'latency_ms')
    .replace('[50, 100]', '[20, 40]')
  const lines = printed(t, program).trim().split('\n')
  t.is(lines.length, 2)
  for (const line of lines) {
    const [, ...volumes] = line.split(' ')
    t.true(volumes.length === 2 && volumes.every((volume) => Number(volume) > 0.3 && Number(volume) <= 1), line)
  }
})
