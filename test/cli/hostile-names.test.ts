import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

const EVIL = '../../x\n\u001b[31m */ #error `|<b> é日本'

test('hostile names of experiments, models and folders: nothing leaves its folder or reaches the terminal', async (t) => {
  const root = temporaryFolder(t)
  const device = 'stm32f446-frugal-c'
  const searched = await frugal(root, 'search', '--trials', '2', '--device', device, '--name', EVIL, ...QUICK)
  t.is(searched.code, 0, searched.stderr)
  for (const command of ['list', 'status', 'front']) {
    const { code, stdout, stderr } = await frugal(root, command)
    t.is(code, 0, stderr)
    t.false(stdout.includes('\u001b'), command)
    t.regex(stdout, /\.\.\/\.\.\/x/, command)
  }
  const out = `an "out" folder, ünï 日本 $HOME ; true`
  const flags = ['export', '--format', 'c', '--no-verify', '--epochs', '1', '--name', EVIL]
  const exported = await frugal(root, ...flags, '--out', out)
  t.is(exported.code, 0, exported.stderr)
  const all = await frugal(root, ...flags, '--all', '--out', path.join(out, 'all of them'))
  t.is(all.code, 0, all.stderr)
  t.true(existsSync(path.join(root, out, 'all of them', device, 'card.json')))
  t.deepEqual(
    readdirSync(root).filter((name) => !name.startsWith('frugal.db')),
    [out],
  )
  const source = readFileSync(path.join(root, out, 'c', 'model.c'), 'utf8')
  t.notRegex(source, /#error `/)
  t.regex(source, /\bx_31m_error_b_run\(/)
})
