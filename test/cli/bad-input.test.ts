import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import Database from 'better-sqlite3'
import { COMMANDS } from '../../cli/commands/index.ts'
import { FRUGAL, frugal, temporaryFolder } from './run-frugal.ts'

/** Command lines that are wrong, and what the one sentence must name. */
const WRONG: readonly (readonly [string, RegExp])[] = [
  ['', /name a command/],
  ['serch', /unknown command 'serch': did you mean 'search'/],
  ['search --frobnicate', /unknown flag --frobnicate; see frugal search --help/],
  ['search --max-ltency 5ms', /unknown flag --max-ltency: did you mean --max-latency\?; see/],
  ['search --reduction 5', /--reduction does nothing without --ladder/],
  ['search --promotion synchronous', /--promotion does nothing without --ladder/],
  ['search --promotion late --ladder 1/2,1', /--promotion must be asynchronous or synchronous, not 'late'/],
  ['resume --trials 64', /resumed with the settings it began with, --trials too: frugal search with others/],
  ['front --jsn', /unknown flag --jsn: did you mean --json\?; see/],
  ['search --json=maybe', /--json is either given or not: write --json without '=maybe'/],
  ['search --seed=', /--seed must be a number, not ''/],
  [
    'search --max-latency titan-rtx=1ms --max-latency titan-rtx=2ms',
    /--max-latency is given twice for the device 'titan-rtx'/,
  ],
  ['search --space mobilnet', /unknown space 'mobilnet': did you mean 'mobilenet'/],
  ['search --space ./nowhere.ts', /nowhere\.ts' does not exist/],
  ['search --device titan', /unknown device 'titan': did you mean 'titan-rtx'/],
  ['search --trials --json', /--trials needs a value/],
  ['search 7', /one word too many: 7; see frugal search --help/],
  ['search --frobnicate --workers 1', /see frugal search --help/],
  ['search --name= --trials 1', /--name must have 1 to 200 characters, not 0/],
  ['search --trials 3 --trials 4', /--trials is given 2 times: give it once/],
  ['front --db a.db --db b.db', /--db is given 2 times/],
  ['search --device titan-rtx,titan-rtx', /'titan-rtx' is given twice/],
  ['search --device titan-rtx,', /--device has an empty name/],
  ['search --device ./none.profile.json', /none\.profile\.json' cannot be read/],
  ['search --algorithm nsga3', /unknown algorithm 'nsga3': did you mean 'nsga2'/],
  ['search --engine torch', /unknown engine 'torch'/],
  ['search --provider cude', /unknown provider 'cude': did you mean 'cuda'/],
  ['search --engine tensorflow --provider cuda', /provider 'cuda' is for the engine 'onnxruntime'/],
  ['search --objectives accuracy,speed', /unknown objective 'speed'/],
  ['search --objectives accuracy,constructor', /unknown objective 'constructor'/],
  ['search --objectives latency,ram', /must start with accuracy/],
  ['search --data=', /--data is empty/],
  ['search --data ./nowhere', /'\.\/nowhere' does not exist/],
  ['search --trials 0', /--trials must be a whole number from 1/],
  ['search --trials many', /--trials must be a number, not 'many'/],
  ['search --trials 1e99', /--trials must be a whole number/],
  ['search --seed -1', /--seed must be a whole number from 0/],
  ['search --epochs 1.5', /--epochs must be a whole number/],
  ['search --data-fraction 2', /--data-fraction must be a number above 0 and at most 1/],
  ['search --batch-size 3500', /--batch-size 3500 is more than the 3000 training samples/],
  ['search --learning-rate -1', /--learning-rate must be a number above 0/],
  ['search --workers 9', /--workers 9 is more than --look-ahead 8/],
  ['search --max-latency 50', /--max-latency '50' is not a number with a unit .* 50ms/],
  ['search --max-latency titan-rtx=5ms=6', /'5ms=6' is not a number with a unit/],
  ['search --max-ram -5KB', /--max-ram needs a value that does not begin with a hyphen/],
  ['search --max-ram=-5KB', /--max-ram '-5KB' must be greater than zero/],
  ['search --max-flash nrf=5KB', /--max-flash 'nrf=5KB': unknown device 'nrf'/],
  [
    'search --max-ram 500B --device stm32f446-tflm-cmsisnn',
    /break RAM on stm32f446\S* \(500 B allowed, .* the closest candidate/,
  ],
  ['search --trial-timeout soon', /--trial-timeout 'soon' is not a number with a unit/],
  ['search --db nowhere/results.db', /nowhere/],
  ['front', /frugal search/],
  ['front three', /the id of an experiment is a whole number/],
  ['status 1.5', /the id of an experiment is a whole number/],
  ['front 1 2', /one word too many: 2; see frugal front --help/],
  ['front --x accuracy', /--x 'accuracy' is no cost: write latency, energy, ram, flash or macs/],
  ['importance --x latency,ram', /--x 'latency,ram' is no cost/],
  ['compare', /compare is not told of what; see frugal compare --help/],
  ['bench serch', /unknown benchmark 'serch': did you mean 'search'/],
  ['bench search', /--table and --cost must be given; see frugal bench search --help/],
  ['compare 1 2 --over time', /--over "time" is not known: write "trials" or "cpu-seconds"/],
  ['status --db other.txt', /other\.txt/],
  ['list --db foreign.db', /foreign\.db/],
  ['resume --db newer.db', /newer\.db' has version 999.*up to \d+: update/],
  ['export --out=', /--out is empty: name a folder/],
  ['convert model.tflite --out other.txt/model', /'other\.txt' is a file; name a folder/],
  ['export --epochs 0', /--epochs must be a whole number/],
  ['export --weights-bits 5', /--weights-bits '5'/],
  ['devices show', /name the device to show/],
  ['devices show stm32', /unknown device 'stm32'/],
  ['spaces list', /"list" is not known: write "show"/],
  ['spaces show nasnet', /unknown space 'nasnet'/],
  ['spaces show moe --input 32', /--input '32' is no shape/],
]

for (const [line, message] of WRONG) {
  test(`frugal ${line}: one sentence, exit code 2, nothing written`, async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(path.join(folder, 'other.txt'), 'This is no database.\n'.repeat(200))
    const foreign = new Database(path.join(folder, 'foreign.db'))
    foreign.exec('CREATE TABLE recipes (name TEXT)')
    foreign.close()
    const newer = new Database(path.join(folder, 'newer.db'))
    newer.exec('CREATE TABLE experiments (id INTEGER)')
    newer.pragma(`application_id = ${0x4672676c}`)
    newer.pragma('user_version = 999')
    newer.close()
    const { code, stderr } = await frugal(folder, ...line.split(' ').filter((word) => word !== ''))
    t.is(code, 2, stderr)
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
    t.false(/\n\s+at /.test(stderr), 'no stack trace')
  })
}

test('what is wrong is said in the same words whatever the language of the computer', (t) => {
  const env = { ...process.env, LC_ALL: 'de_DE.UTF-8' }
  const args = [FRUGAL, 'search', '--max-ltency', '5ms']
  const { stderr } = spawnSync(process.execPath, args, { env, cwd: temporaryFolder(t), encoding: 'utf8' })
  t.regex(stderr, /unknown flag --max-ltency: did you mean --max-latency\?; see/)
})

for (const { command } of COMMANDS) {
  const name = command.split(' ')[0]!
  test(`frugal ${name} --help explains and shows an example`, async (t) => {
    const { code, stdout } = await frugal(temporaryFolder(t), name, '--help')
    t.is(code, 0)
    t.regex(stdout, /Examples:/)
    t.true(stdout.includes(`frugal ${name}`))
  })
}

test('--debug shows where it happened', async (t) => {
  const { code, stderr } = await frugal(temporaryFolder(t), 'front', '--debug')
  t.is(code, 2)
  t.regex(stderr, /\n\s+at /)
})
