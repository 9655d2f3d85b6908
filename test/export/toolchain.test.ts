import os from 'node:os'
import test from 'ava'
import { runTool } from '../../export/c/toolchain.ts'

test('compilers speak English whatever the language of the computer, since what they say is read', async (t) => {
  process.env['LC_ALL'] = 'de_DE.UTF-8'
  const { ok, stdout } = await runTool(process.execPath, ['-p', 'process.env.LC_ALL'], os.tmpdir())
  t.true(ok)
  t.is(stdout.trim(), 'C')
})
