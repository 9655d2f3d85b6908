import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'

const BENCH = path.resolve(import.meta.dirname, '../../bench')

const run = (file: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [path.join(BENCH, file), ...args], { encoding: 'utf8' })

test('every benchmark says how it is called', (t) => {
  const programs = readdirSync(BENCH)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name, text: readFileSync(path.join(BENCH, name), 'utf8') }))
    .filter(({ text }) => !/^export /m.test(text))
  t.true(programs.length > 20)
  for (const { name, text } of programs) {
    t.regex(text, new RegExp(`benchArguments\\(\\s*'bench/${name}`), name)
    t.notRegex(text, /process\.argv/, name)
  }
})

test('--help prints the usage line, and what is not in it is refused with it', (t) => {
  const help = run('look-ahead.ts', '--help')
  t.is(help.status, 0)
  t.is(help.stdout, 'Usage: node bench/look-ahead.ts [SPREAD]\n')
  for (const [args, message] of [
    [['--spread', '1'], "Unknown option '--spread'"],
    [['0.6', '0.7'], "'0.7' is one argument too many"],
  ] as const) {
    const refused = run('look-ahead.ts', ...args)
    t.is(refused.status, 2)
    t.is(refused.stderr, `${message}\nUsage: node bench/look-ahead.ts [SPREAD]\n`)
  }
})

test('a file that is not there is told without a stack trace', (t) => {
  for (const [file, usage] of [
    ['size-prior.ts', 'NB201.CSV.GZ'],
    ['onnx-int8.ts', 'EXPORT-FOLDER...'],
  ] as const) {
    const refused = run(file, 'nowhere')
    t.is(refused.status, 2, refused.stderr)
    const [sentence, line, ...more] = refused.stderr.trim().split('\n')
    t.regex(sentence!, /nowhere/)
    t.is(line, `Usage: node bench/${file} ${usage}`)
    t.deepEqual(more, [])
  }
})

test('a table and its columns must be named', (t) => {
  const refused = run('several-devices.ts', '--table', 'nb201.csv.gz')
  t.is(refused.status, 2)
  t.regex(refused.stderr, /^--cost is missing\nUsage: node bench\/several-devices.ts --table .*\n$/)
})
