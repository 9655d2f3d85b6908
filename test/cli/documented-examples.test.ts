import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

const DOCS = path.resolve(import.meta.dirname, '../../docs')

/** The first block of code of a page in a language. */
function codeOf(page: string, language: string): string {
  const [, code] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(
    readFileSync(path.join(DOCS, page), 'utf8'),
  )!
  return code!
}

for (const [page, language, flag, file] of [
  ['algorithms.md', 'ts', '--algorithm', 'climber.algorithm.ts'],
  ['adding-a-space.md', 'ts', '--space', 'plain.space.ts'],
  ['adding-a-space.md', 'yaml', '--space', 'keywords.space.yaml'],
] as const) {
  test(`${page}: ${file} works as it is written, in any folder, and a search with it goes on`, async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(path.join(folder, file), codeOf(page, language))
    const searched = await frugal(folder, 'search', flag, `./${file}`, '--trials', '3', '--json', ...QUICK)
    t.is(searched.code, 0, searched.stderr)
    const resumed = await frugal(folder, 'resume', '--json')
    t.is(resumed.code, 0, resumed.stderr)
    t.like(JSON.parse(resumed.stdout.trim().split('\n').at(-1)!) as object, { event: 'done', trials: 3 })
  })
}
