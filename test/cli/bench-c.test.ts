import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { benchSources } from '../../cli/actions/bench-c.ts'
import { LINKER_SCRIPT, START_SOURCE } from '../../export/c/check-program.ts'
import { BOARDS, boardLink, boardRun, findTool, runTool } from '../../export/c/toolchain.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { readOperatorRows } from '../../hardware-profiles/operator-measurements.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

const compiler = findTool('cc', 'gcc', 'clang')
const crossCompiler = findTool('arm-none-eabi-gcc')
const emulator = findTool('qemu-system-arm')
const onHost = (compiler === undefined ? anyTest.skip : anyTest) as TestFn
const onBoard = (crossCompiler === undefined || emulator === undefined ? anyTest.skip : anyTest) as TestFn

async function ran(t: ExecutionContext, tool: string, args: readonly string[], folder: string): Promise<string> {
  const { ok, stdout, stderr, problem } = await runTool(tool, args, folder)
  t.true(ok, `${problem} ${stderr.slice(0, 2000)}`)
  // The emulator's console is standard error.
  return stdout === '' ? stderr : stdout
}

onHost('bench --emit-c: programs whose output calibrate reads', async (t) => {
  const folder = temporaryFolder(t)
  const emitted = await frugal(folder, 'devices', 'bench', '--emit-c', 'bench')
  t.is(emitted.code, 0, emitted.stderr)
  const names = readdirSync(path.join(folder, 'bench'))
  t.deepEqual(names, ['bench-01.c', 'bench-02.c', 'bench-03.c', 'bench-04.c'])
  let csv = ''
  for (const name of names.slice(0, 2)) {
    await ran(t, compiler!, ['-std=c11', '-O1', path.join('bench', name), '-o', 'bench.out'], folder)
    csv += await ran(t, path.join(folder, 'bench.out'), [], folder)
  }
  writeFileSync(path.join(folder, 'mine.csv'), csv)
  const calibrated = await frugal(
    folder,
    ...['devices', 'calibrate', '--operators', 'mine.csv', '--clock-mhz', '1000'],
    ...['--base', 'stm32f446-tflm-cmsisnn', '--out', 'mine.profile.json', '--json'],
  )
  t.is(calibrated.code, 0, calibrated.stderr)
  t.is(JSON.parse(calibrated.stdout).base, 'stm32f446-tflm-cmsisnn')
  const { id, tables } = loadProfile(path.join(folder, 'mine.profile.json'))
  t.is(id, 'mine')
  t.true(tables.find(({ kernel }) => kernel === 'conv2d')!.rows!.length > 0)
})

onBoard('on an emulated Cortex-M4 every kernel takes time', async (t) => {
  const folder = temporaryFolder(t)
  const board = BOARDS.find(({ cpu }) => cpu === 'cortex-m4')!
  const source = (await benchSources()).get('bench-01.c')!
  const files = { 'start.c': START_SOURCE, 'link.ld': LINKER_SCRIPT, 'bench.c': source }
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
  const macros = ['-DFRUGAL_SYSTICK', '-DFRUGAL_SEMIHOSTING']
  await ran(t, crossCompiler!, [...boardLink(board, ['bench.c'], 'bench.elf'), ...macros, '-std=gnu99'], folder)
  // The emulator's time goes by instructions: on a busy machine a timer that is overdue would read 0.
  const run = [...boardRun(board, 'bench.elf'), '-icount', 'shift=6']
  const rows = readOperatorRows(await ran(t, emulator!, run, folder), 'board', 25)
  t.true(rows.length > 10)
  t.true(rows.every(({ latencyMs }) => latencyMs > 0))
  t.true(
    readFileSync(path.join(folder, 'bench.c'), 'utf8').includes('0xE0001004'),
    'the DWT counts unless told otherwise',
  )
})
