import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

const LINE = 'bench search --table table.csv --algorithm random --evaluations 4 --seeds 2 --json'

/** Runs the benchmark on a table of eight rows with the genes `a` and `b` and four figures, under the heading given. */
async function benchmark(t: ExecutionContext, heading: string, ...flags: readonly string[]) {
  const folder = temporaryFolder(t)
  const rows = Array.from({ length: 8 }, (_, i) => [i & 1, i >> 1, 60 + 4 * i, 70 + 3 * i, 1 + i, 20 - i].join(','))
  writeFileSync(path.join(folder, 'table.csv'), [heading, ...rows, ''].join('\n'))
  return await frugal(folder, ...LINE.split(' '), ...flags)
}

test('columns may have commas, quotation marks, @ and = in their names', async (t) => {
  const flags = '--ladder|"top 1, ""short""@1"@1,top=1@9|--genes|"uses, SE",b|--cost|"time (ms, batch=1)":min'.split(
    '|',
  )
  const limit = ['--limit', '"time (ms, batch=1)"=3']
  const heading = '"uses, SE",b,"top 1, ""short""@1",top=1,"time (ms, batch=1)",rate'
  const { code, stdout, stderr } = await benchmark(t, heading, ...flags, ...limit)
  t.is(code, 0, stderr)
  const report = JSON.parse(stdout)
  t.deepEqual(report.ladder, [
    { column: 'top 1, "short"@1', epochs: 1 },
    { column: 'top=1', epochs: 9 },
  ])
  t.deepEqual(report.cost, ['time (ms, batch=1)'])
  t.deepEqual(report.directions, { 'time (ms, batch=1)': 'min' })
  t.deepEqual(report.devices[0].limits[0].costs, [3])
})

test('columns may be called as what every object has', async (t) => {
  const heading = 'a,__proto__,constructor,x,toString,hasOwnProperty'
  const flags = '--genes a,__proto__ --accuracy constructor --cost toString --cost hasOwnProperty:max'.split(' ')
  const { code, stdout, stderr } = await benchmark(t, heading, ...flags)
  t.is(code, 0, stderr)
  const report = JSON.parse(stdout)
  t.is(report.devices[0].ideal[0], 12, 'an error in percent')
  t.deepEqual(report.directions, { hasOwnProperty: 'max' })
  const asText = await benchmark(t, heading, ...flags, '--no-json')
  t.regex(asText.stdout, /accuracy 'constructor'; .*\n.*\n.*toString: error 12 to /)
})

test('--same says how many networks have rows that differ', async (t) => {
  const flags = '--genes a,b --accuracy acc --cost ms'.split(' ')
  const heading = 'a,b,acc,alike,ms,rate'
  const folder = temporaryFolder(t)
  const rows = ['0,0,60,x,1,9', '0,1,60,x,1,9', '1,0,70,y,2,9', '1,1,71,y,2,9', '2,0,80,z,3,9']
  writeFileSync(path.join(folder, 'table.csv'), [heading, ...rows, ''].join('\n'))
  const line = LINE.replace('4', '3').split(' ')
  const { code, stdout, stderr } = await frugal(folder, ...line, ...flags, '--same', 'alike')
  t.is(code, 0, stderr)
  t.like(JSON.parse(stdout), { architectures: 3, differing: 1 })
  const asText = await frugal(folder, ...line.filter((flag) => flag !== '--json'), ...flags, '--same', 'alike')
  t.regex(asText.stdout, /rows differ though --same takes them for one: 1; the first row of each counts/)
})

test('a file of one’s own that proposes no genome is refused with its name', async (t) => {
  const file = path.join(temporaryFolder(t), 'short.algorithm.mjs')
  writeFileSync(
    file,
    "export default { id: 's', title: 's', create: () => ({ ask: () => [1], tell() {}, state: () => 0 }), restore() {} }",
  )
  const flags = `--genes a,b --accuracy acc --cost ms --algorithm ${file}`.split(' ')
  const line = LINE.replace('--algorithm random ', '').split(' ')
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'table.csv'), 'a,b,acc,ms\n0,0,60,1\n0,1,70,2\n1,0,75,3\n1,1,80,4\n')
  const { code, stderr } = await frugal(folder, ...line, ...flags)
  t.is(code, 2, stderr)
  t.regex(stderr, /the algorithm file '.*short\.algorithm\.mjs' fails in ask\(\): a genome must be an array of 2/)
})
