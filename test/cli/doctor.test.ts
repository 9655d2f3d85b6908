import test from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

interface Told {
  readonly cores: number
  readonly parts: readonly { part: string; use: string; found: boolean; detail: string; needed?: boolean }[]
}

test('doctor says of every part whether it is there, and how to get it where it is not', async (t) => {
  const folder = temporaryFolder(t)
  const { code, stdout } = await frugal(folder, 'doctor', '--json')
  t.is(code, 0)
  const { cores, parts } = JSON.parse(stdout) as Told
  t.true(cores >= 1)
  t.deepEqual(
    parts.filter(({ needed }) => needed).map(({ part, found }) => [part, found]),
    [['onnxruntime', true]],
  )
  t.regex(parts[0]!.detail, /^\d+\.\d+\.\d+$/)
  t.true(parts.every(({ detail }) => detail !== ''))
  const lines = (await frugal(folder, 'doctor')).stdout.trim().split('\n')
  t.is(lines.length, parts.length + 1)
  t.regex(lines[0]!, /^Frugal \d+\.\d+\.\d+, Node 2\d\./)
  for (const [i, { part, found }] of parts.entries())
    t.true(lines[i + 1]!.startsWith(`${(found ? 'yes' : 'no').padEnd(7)} ${part} (`), lines[i + 1])
})
