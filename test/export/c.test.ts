import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { checkProgram, LINKER_SCRIPT, mainProgram, START_SOURCE } from '../../export/c/check-program.ts'
import { countProgram } from '../../export/c/count-program.ts'
import { commentText, identifierOf } from '../../export/c/identifiers.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { verifyC } from '../../export/c/verify-c.ts'
import { type CModel, type CModelOptions, writeCModel } from '../../export/c/write-model.ts'
import { quantisedSchedule } from '../../export/quantise/quantise.ts'
import { everyKind, nestedExperts, opposedExperts, type QuantisedCase, quantisedCase } from './networks.ts'

/** Runs a test where some tools are there; elsewhere its title says which one is missing. */
const needing = (...tools: readonly string[]) => {
  const missing = tools.find((tool) => findTool(tool) === undefined)
  return { run: missing === undefined ? test : test.skip, note: missing === undefined ? '' : ` (no ${missing})` }
}
const host = needing('cc')
const emulated = needing('arm-none-eabi-gcc', 'qemu-system-arm')

const cOf = ({ graph, network }: QuantisedCase, options: Partial<CModelOptions> = {}): CModel =>
  writeCModel(network, {
    name: 'model',
    schedule: quantisedSchedule(graph),
    alignmentBytes: 16,
    title: 'a test',
    classNames: ['a', 'b'],
    ...options,
  })

const filesOf = (model: CModel): ReadonlyMap<string, string> =>
  new Map([
    ['model.c', model.source],
    ['model.h', model.header],
    ['main.c', mainProgram(model)],
    ['check.c', checkProgram(model)],
    ['count.c', countProgram(model)],
    ['start.c', START_SOURCE],
    ['link.ld', LINKER_SCRIPT],
  ])

const opposed = opposedExperts()
const CASES = [
  ['every kind', await quantisedCase(everyKind({ experts: true }), 1)],
  ['nested experts', await quantisedCase(nestedExperts(), 2)],
  ['opposed experts', await quantisedCase(opposed.graph, 1, 100, 8, opposed.weights)],
] as const

const verify = (
  quantised: QuantisedCase,
  model: CModel,
  { expected = quantised.outputs, emulatedSamples = quantised.count } = {},
) =>
  verifyC({
    files: filesOf(model),
    inputs: quantised.inputs,
    expected,
    samples: quantised.count,
    emulatedSamples,
  })

for (const [name, quantised] of CASES) {
  const model = cOf(quantised)
  let running: ReturnType<typeof verifyC> | undefined
  /** One run serves both tests. */
  const verified = () => {
    running ??= verify(quantised, model)
    return running
  }

  host.run(
    `${name}: the C gives the reference’s outputs bit for bit and uses its whole arena${host.note}`,
    async (t) => {
      const { runs } = await verified()
      const [first] = runs
      t.is(first!.samples, 100)
      t.true(
        first!.arenaBytes <= model.arenaBytes && first!.arenaBytes >= 0.95 * model.arenaBytes,
        `${first!.arenaBytes}`,
      )
    },
  )

  emulated.run(`${name}: so it does on emulated Cortex-M4, M7 and M55${emulated.note}`, async (t) => {
    const { runs, flashBytes, instructions } = await verified()
    for (const { target, how, samples, arenaBytes, stackBytes } of runs.slice(1)) {
      t.is(samples, 100, `${target}: ${how}`)
      t.true(stackBytes! > 50 && stackBytes! < 500, `${target}: ${stackBytes} B of stack`)
      t.true(arenaBytes <= model.arenaBytes, target)
    }
    t.is(runs.length, 4)
    const { kernels } = quantisedSchedule(quantised.graph)
    t.is(instructions!.length, model.layers.length)
    for (const { id, macs } of kernels) {
      const count = instructions![model.layers.indexOf(id)]!
      // A product on padding is skipped; none takes less than two instructions.
      t.true(count > 0 && count > 0.8 * macs, `${id}: ${count} instructions for ${macs} MACs`)
    }
    // Constants are counted before compiling; the rest is code and parameter structs.
    t.true(flashBytes! > model.constantBytes && flashBytes! < model.constantBytes + 16_384, `${flashBytes}`)
  })
}

host.run(`a wrong output is found, the sample named, and targets without one go on${host.note}`, async (t) => {
  const [, quantised] = CASES[0]
  const wrong = Int8Array.from(quantised.outputs)
  wrong[5 * 37] = wrong[5 * 37]! ^ 1
  const model = cOf(quantised)
  const { runs } = await verify(quantised, model, { expected: wrong, emulatedSamples: 20 })
  const [host, ...boards] = runs
  t.like(host, { failed: true, samples: 0 })
  t.regex(host!.how, /other outputs than the reference.*sample 37/)
  t.deepEqual(
    boards.map(({ failed, samples }) => [failed, samples]),
    boards.map(({ how }) => [false, how.startsWith('not verified here') ? 0 : 20]),
  )
  const broken = await verify(quantised, { ...model, source: `${model.source}\n#error no\n` })
  for (const { failed, how } of broken.runs)
    t.true(failed ? /does not compile/.test(how) : how.startsWith('not verified'))
  t.true(broken.runs[0]!.failed)
})

host.run(`the C is clean C99 whatever the network, its name and its classes are called${host.note}`, async (t) => {
  const [, quantised] = CASES[0]
  const hostile = '../../x */ int main; \\\n??/ "é\u2028 // #include <stdio.h>'
  const model = cOf(quantised, { name: hostile, title: hostile, classNames: [hostile, '*/', 'while'] })
  t.regex(model.identifier, /^[A-Za-z][A-Za-z0-9_]*$/)
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of filesOf(model)) writeFileSync(path.join(folder, name), text)
  const flags = ['-std=c99', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-c', 'model.c', '-o', 'model.o']
  t.notThrows(() => execFileSync('cc', flags, { cwd: folder, stdio: 'pipe' }))
  const includes = [...`${model.source}${model.header}`.matchAll(/^#include (.*)$/gm)].map((match) => match[1]!)
  // The library's header is only there under the macro.
  t.deepEqual(includes.sort(), ['"arm_nnfunctions.h"', '"model.h"', '<stdint.h>', '<string.h>'])
  t.regex(model.source, /#if defined\(FRUGAL_USE_CMSIS_NN\)\n#if [^#]*#error[^#]*#endif\n#include "arm_nnfunctions\.h"/)
  t.notRegex(model.source, /malloc|\bfree\(|printf|float|double/)
})

test('hostile ids of nodes stay inside their comments', async (t) => {
  const graph = everyKind({ experts: true })
  const evil = '*/ #error escaped /*'
  const rename = (id: string): string => `${evil}${id}`
  const renamed = {
    nodes: graph.nodes.map((node) => ({ ...node, id: rename(node.id), inputs: node.inputs.map(rename) })),
    output: rename(graph.output),
  }
  const { source } = cOf(await quantisedCase(renamed, 1, 1))
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '')
  t.notRegex(code, /escaped/)
  t.regex(source, /escaped/)
})

test('the same network gives the same bytes', async (t) => {
  const [, quantised] = CASES[1]
  const again = await quantisedCase(nestedExperts(), 2)
  t.deepEqual(cOf(quantised), cOf(again))
})

test('names become identifiers and comments', (t) => {
  for (const [name, identifier] of [
    ['model', 'model'],
    ['../../x', 'x'],
    ['9 lives', 'model_9_lives'],
    ['while', 'model_while'],
    ['', 'model'],
    ['日本', 'model'],
    ['__x__', 'x'],
  ]) {
    t.is(identifierOf(name!), identifier!)
  }
  t.is(identifierOf('x'.repeat(500)).length, 40)
  t.notRegex(commentText('a */ b \\\n ??/ /* c'), /\*\/|\\|\?\?|\/\*|\n/)
})

test('what cannot be verified is named, and is no error', (t) => {
  const file = path.join(import.meta.dirname, '../../export/c/verify-c.ts')
  const program = `
    const { verifyC } = await import(${JSON.stringify(file)})
    const job = { files: new Map(), inputs: new Int8Array(1), expected: new Int8Array(1), samples: 1, emulatedSamples: 1 }
    console.log(JSON.stringify(await verifyC(job)))`
  const options = { env: { PATH: '/nowhere' }, encoding: 'utf8' } as const
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], options)
  const { runs } = JSON.parse(said) as Awaited<ReturnType<typeof verifyC>>
  t.is(runs.length, 4)
  t.true(runs.every(({ samples, how }) => samples === 0 && /^not verified here: no (cc|arm-none-eabi-gcc)/.test(how)))
})
