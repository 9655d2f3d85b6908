import test from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

test('a shell completes commands and flags', async (t) => {
  const folder = temporaryFolder(t)
  const script = await frugal(folder, 'completion')
  t.is(script.code, 0, script.stderr)
  t.regex(script.stdout, /frugal --get-yargs-completions/)
  const completed = async (...words: readonly string[]) => {
    const { stdout, stderr } = await frugal(folder, '--get-yargs-completions', 'frugal', ...words)
    t.is(stderr, '')
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.split(':')[0])
  }
  t.true((await completed('')).includes('search'))
  t.true((await completed('front', '--')).includes('--knee'))
  t.deepEqual(await completed('devices', 'cal'), ['calibrate'])
})
