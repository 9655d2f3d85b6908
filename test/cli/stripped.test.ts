import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { temporaryFolder } from './run-frugal.ts'

const STRIPPED = pathToFileURL(path.resolve(import.meta.dirname, '../../cli/stripped.js')).href

/** A checkout with one source file, and what a new process prints that runs it. */
function checkout(t: ExecutionContext, cache: string) {
  const root = path.join(temporaryFolder(t), 'a checkout')
  const source = path.join(root, 'lib', 'a.ts')
  mkdirSync(path.dirname(source), { recursive: true })
  writeFileSync(path.join(root, 'package.json'), '{"type": "module"}')
  const script = `
    const { keepStripped } = await import(${JSON.stringify(STRIPPED)})
    keepStripped(${JSON.stringify(root)}, ${JSON.stringify(path.join(root, cache))})
    await import(${JSON.stringify(pathToFileURL(source).href)}).catch(({ stack }) => console.log(stack))`
  return {
    kept: path.join(root, cache, 'lib', 'a.ts'),
    write: (text: string) => writeFileSync(source, text),
    run: () => {
      const args = ['--input-type=module', '-e', script]
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
      return stdout + stderr
    },
  }
}
const printing = (word: string): string => `const word: string = '${word}'\nconsole.log(word)\n`

test('a source file is stripped of its types once, and anew when it or what is kept of it has changed', (t) => {
  const { kept, write, run } = checkout(t, '.cache/stripped')
  write(printing('one'))
  t.is(run(), 'one\n')
  const code = readFileSync(kept, 'utf8')
  t.notRegex(code, /: string/)
  writeFileSync(kept, code.replace("'one'", "'kept'"))
  t.is(run(), 'kept\n')
  write(printing('two'))
  t.is(run(), 'two\n')
  writeFileSync(kept, readFileSync(kept, 'utf8').slice(0, -1).replace("'two'", "'cut'"))
  t.is(run(), 'two\n')
})

test('a checkout that cannot be written to works all the same', (t) => {
  const { write, run } = checkout(t, 'package.json')
  write(printing('one'))
  t.is(run(), 'one\n')
})

test('what is kept leaves every line and column where it was', (t) => {
  const { write, run } = checkout(t, '.cache/stripped')
  write('interface A {\n  a: number\n}\nconst b: A = { a: 1 }; throw new Error(String(b.a))\n')
  for (const when of ['stripped', 'kept']) t.regex(run(), /a\.ts:4:30/, when)
})
