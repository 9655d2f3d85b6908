import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { listAlgorithms, loadAlgorithm } from '../../search/discover.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'frugal-algorithms-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  return file
}

test('algorithms are listed by file name and loaded by id', async (t) => {
  const ids = listAlgorithms().map(({ id }) => id)
  t.deepEqual(ids, [...ids].sort())
  t.is((await loadAlgorithm('nsga2')).id, 'nsga2')
})

test('an unknown algorithm is answered with the nearest name', async (t) => {
  await t.throwsAsync(loadAlgorithm('nsga3'), { name: 'UserError', message: /unknown algorithm 'nsga3'.*'nsga2'/ })
})

test("a file of the user's own is accepted, and one that exports something else refused", async (t) => {
  const good = write('mine.mjs', "export default { id: 'mine', title: 'mine', create() {}, restore() {} }")
  t.is((await loadAlgorithm(good)).id, 'mine')
  const cases: [string, string][] = [
    ['half.mjs', "export default { id: 'half', title: 'half', create() {} }"],
    ['null.mjs', 'export default null'],
    ['text.mjs', "export default 'nsga2'"],
  ]
  for (const [name, text] of cases) {
    await t.throwsAsync(loadAlgorithm(write(name, text)), {
      name: 'UserError',
      message: /must export default defineAlgorithm/,
    })
  }
})
