import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { makeFolder } from '../../lib/files.ts'
import { FRUGAL, frugal, temporaryFolder } from './run-frugal.ts'

const NOBODY = 65534
const isRoot = process.getuid?.() === 0

/** The command line as a user whom permissions bind: root steps down to nobody. */
const frugalAs = (...args: readonly string[]) =>
  spawnSync(process.execPath, [FRUGAL, ...args], {
    encoding: 'utf8',
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  })

// Needs permissions as POSIX has them, and a checkout that nobody may read.
const run = process.platform !== 'win32' && frugalAs('--version').status === 0 ? test : test.skip

run('a folder that cannot be written to is refused before anything is worked out', (t) => {
  const folder = temporaryFolder(t)
  t.teardown(() => chmodSync(folder, 0o700))
  chmodSync(folder, isRoot ? 0o755 : 0o500)
  const out = path.join(folder, 'new/model')
  const { status, stderr } = frugalAs('convert', path.join(folder, 'none.tflite'), '--out', out)
  t.is(status, 2, stderr)
  t.is(stderr, `frugal: --out '${out}': the folder '${folder}' cannot be written to; name another one\n`)
})

const proc = process.platform === 'linux' ? test : test.skip

proc('a place that takes no folders is refused in one sentence, at once', async (t) => {
  const folder = temporaryFolder(t)
  for (const [args, pattern] of [
    [
      ['convert', 'none.tflite', '--out', '/proc/frugal/model'],
      /^frugal: --out '\/proc\/frugal\/model': the folder '\/proc' /,
    ],
    [['export', '--out', '/proc/frugal'], /^frugal: --out '\/proc\/frugal': the folder '\/proc' cannot be written to/],
    [['train', '--out', '/proc/frugal'], /^frugal: --out '\/proc\/frugal': the folder '\/proc' cannot be written to/],
    [['bench', 'proxy', '--keep', '/proc/frugal'], /^frugal: --keep '\/proc\/frugal': the folder '\/proc' cannot /],
    [['bench', 'proxy', '--keep', '/dev/null'], /^frugal: --keep '\/dev\/null': 'null' is a file; name a folder/],
    [['devices', 'bench', '--emit', '/proc/frugal'], /^frugal: folder '\/proc\/frugal' cannot be made: /],
  ] as const) {
    const { code, stderr } = await frugal(folder, ...args)
    t.is(code, 2, stderr)
    t.regex(stderr, pattern)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }
  // Node's own mkdir with `recursive` never comes back from there.
  t.throws(() => makeFolder('/proc/frugal/pictures'), { code: 'ENOENT' })
})
