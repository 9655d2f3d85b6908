import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { checkProgram, LINKER_SCRIPT, START_SOURCE } from '../../export/c/check-program.ts'
import { CMSIS_LINES, cmsisFlags } from '../../export/c/cmsis-build.ts'
import { BOARDS, boardLink, boardRun, findTool } from '../../export/c/toolchain.ts'
import { type CModel, writeCModel } from '../../export/c/write-model.ts'
import { quantisedSchedule } from '../../export/quantise/quantise.ts'
import { everyKind, nestedExperts, quantisedCase } from './networks.ts'

/** CMSIS-NN's sources are not part of this repository: name a copy of them to run this. */
const LIBRARY = process.env['FRUGAL_CMSIS_NN'] ?? ''
const missing = existsSync(path.join(LIBRARY, 'Include', 'arm_nnfunctions.h'))
  ? ['cc', 'ar', 'arm-none-eabi-gcc', 'arm-none-eabi-ar', 'qemu-system-arm'].find(
      (tool) => findTool(tool) === undefined,
    )
  : 'CMSIS-NN: set FRUGAL_CMSIS_NN to its folder'
const run = missing === undefined ? test.serial : test.serial.skip
const note = missing === undefined ? '' : ` (no ${missing})`

const MACROS = ['-DFRUGAL_USE_CMSIS_NN', '-DCMSIS_NN_USE_SINGLE_ROUNDING', '-I', path.join(LIBRARY, 'Include')]
const FOLDERS = ['Convolution', 'FullyConnected', 'Pooling', 'NNSupport', 'BasicMath', 'Transpose']

/** The library's integer functions for one target. */
function buildLibrary(folder: string, compiler: string, archiver: string, flags: readonly string[]): string {
  const sources = FOLDERS.map((name) => path.join(LIBRARY, 'Source', `${name}Functions`)).flatMap((from) =>
    readdirSync(from)
      .filter((file) => file.endsWith('.c') && !/f16|f32|flt/.test(file))
      .map((file) => path.join(from, file)),
  )
  mkdirSync(folder)
  execFileSync(compiler, [...flags, ...MACROS, '-c', ...sources], { cwd: folder, stdio: 'pipe' })
  execFileSync(archiver, ['rcs', 'lib.a', ...readdirSync(folder)], { cwd: folder, stdio: 'pipe' })
  return path.join(folder, 'lib.a')
}

/** A model, the program that checks it, and what a board needs to start. */
function writeCheck(folder: string, model: CModel, inputs: Int8Array | Uint8Array): void {
  for (const [file, data] of [
    ['model.c', model.source],
    ['model.h', model.header],
    ['check.c', checkProgram(model)],
    ['start.c', START_SOURCE],
    ['link.ld', LINKER_SCRIPT],
    ['inputs.bin', inputs],
  ] as const) {
    writeFileSync(path.join(folder, file), data)
  }
}

for (const target of [undefined, ...BOARDS]) {
  run(`with CMSIS-NN the C gives the same outputs on ${target?.cpu ?? 'this computer'}${note}`, async (t) => {
    t.timeout(600_000)
    const root = mkdtempSync(path.join(os.tmpdir(), 'frugal-cmsis-'))
    t.teardown(() => rmSync(root, { recursive: true, force: true }))
    const library =
      target === undefined
        ? buildLibrary(path.join(root, 'lib'), 'cc', 'ar', ['-O2'])
        : buildLibrary(path.join(root, 'lib'), 'arm-none-eabi-gcc', 'arm-none-eabi-ar', cmsisFlags(target))
    for (const [name, graph] of [
      ['every kind', everyKind({ experts: true })],
      ['nested experts', nestedExperts()],
    ] as const) {
      const { network, inputs, outputs } = await quantisedCase(graph, 1, 20)
      const options = { name: 'model', alignmentBytes: 16, title: name, classNames: [] }
      const model = writeCModel(network, { ...options, schedule: quantisedSchedule(graph) })
      const folder = path.join(root, name)
      mkdirSync(folder)
      writeCheck(folder, model, inputs)
      const execute = (file: string, args: readonly string[]) =>
        execFileSync(file, args, { cwd: folder, stdio: 'pipe' })
      if (target === undefined) {
        execute('cc', ['-std=c99', '-O2', ...MACROS, 'check.c', library, '-o', 'check'])
        execute(path.join(folder, 'check'), [])
      } else {
        execute('arm-none-eabi-gcc', [...MACROS, ...boardLink(target, ['check.c', library], `${target.cpu}.elf`)])
        execute('qemu-system-arm', boardRun(target))
      }
      const given = new Int8Array(Uint8Array.from(readFileSync(path.join(folder, 'outputs.bin'))).buffer)
      t.deepEqual(given, outputs, name)
      // The library was called: its functions are in the program.
      const program = readFileSync(path.join(folder, target === undefined ? 'check' : `${target.cpu}.elf`))
      for (const called of ['arm_convolve_wrapper_s8', 'arm_fully_connected_s8']) {
        t.true(program.includes(called), `${name}: ${called}`)
      }
    }
  })
}

run(`the lines for CMSIS-NN in the README of an export work${note}`, async (t) => {
  t.timeout(600_000)
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-cmsis-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { graph, network, inputs, outputs } = await quantisedCase(everyKind({ experts: true }), 1, 20)
  const options = { name: 'model', alignmentBytes: 16, title: 'lines', classNames: [] }
  const model = writeCModel(network, { ...options, schedule: quantisedSchedule(graph) })
  writeCheck(folder, model, inputs)
  writeFileSync(path.join(folder, 'expected.bin'), outputs)
  const env = { ...process.env, CMSIS_NN: path.resolve(LIBRARY) }
  t.notThrows(() => execFileSync('sh', ['-ec', CMSIS_LINES], { cwd: folder, env, stdio: 'pipe' }))
  t.true(readFileSync(path.join(folder, 'cmsis.elf')).includes('arm_convolve_wrapper_s8'))
})
