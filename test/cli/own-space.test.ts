import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples')

for (const file of ['keywords.space.yaml', 'residual.space.ts']) {
  test(`${file}: shown, searched and exported from any folder`, async (t) => {
    const folder = temporaryFolder(t)
    const space = path.relative(folder, path.join(EXAMPLES, file))
    const shown = await frugal(folder, 'spaces', 'show', space)
    t.is(shown.code, 0, shown.stderr)
    t.true(shown.stdout.startsWith(file.split('.')[0]!))
    const searched = await frugal(folder, 'search', '--space', space, '--trials', '3', '--json', ...QUICK)
    t.is(searched.code, 0, searched.stderr)
    const elsewhere = temporaryFolder(t)
    const db = path.join(folder, 'frugal.db')
    const exported = await frugal(
      elsewhere,
      'export',
      '--db',
      db,
      '--epochs',
      '1',
      '--format',
      'onnx',
      '--out',
      'model',
    )
    t.is(exported.code, 0, exported.stderr)
  })
}

test('a changed space does not go on with an old search, and a bad one is refused in one sentence', async (t) => {
  const folder = temporaryFolder(t)
  const write = (widths: string) =>
    writeFileSync(
      path.join(folder, 'mine.yaml'),
      `id: mine\ntitle: mine\nstages: [{name: a, block: conv, stride: 2, width: ${widths}}]\n`,
    )
  write('[8, 16, 24]')
  t.is((await frugal(folder, 'search', '--space', './mine.yaml', '--trials', '2', ...QUICK)).code, 0)
  write('[8, 16, 32]')
  const resumed = await frugal(folder, 'resume')
  t.is(resumed.code, 2)
  t.regex(resumed.stderr, /cannot go on: the space .* is mine@\w+ now and was mine@\w+/)
  write('[16, 8]')
  const bad = await frugal(folder, 'search', '--space', './mine.yaml', '--trials', '2', ...QUICK)
  t.is(bad.code, 2)
  t.regex(bad.stderr, /^frugal: the space file .*a\.width: write the choices 16, 8 in ascending order/)
  t.is(bad.stderr.trim().split('\n').length, 1)
})
