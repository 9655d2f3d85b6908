/**
 * What the exported front end of sound costs on a Cortex-M4: counts instructions and code for many settings on an emulated
 * board, and fits what `export/sound/front-end-cost.ts` counts with. Settings are left out of the fit in turn.
 * Run: node bench/front-end-cost.ts (needs arm-none-eabi-gcc and qemu-system-arm; a few seconds).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type SoundFrontEnd, tablesOf } from '../evaluators/datasets/sound/front-end.ts'
import { frontEndOf } from '../evaluators/datasets/sound/settings.ts'
import { LINKER_SCRIPT, START_SOURCE } from '../export/c/check-program.ts'
import { countInstructions, linkedFlash } from '../export/c/measure-c.ts'
import { findTool } from '../export/c/toolchain.ts'
import { ARM_COMPILER, EMULATOR } from '../export/c/verify-c.ts'
import { frontEndCount, frontEndMain } from '../export/sound/front-end-check.ts'
import { writeFrontEnd } from '../export/sound/front-end-source.ts'
import { cholesky, dot, solveFactored } from '../lib/linear-systems.ts'
import { benchArguments } from './usage.ts'

benchArguments('bench/front-end-cost.ts', {})

/** Sample rate (Hz), length of a frame (ms), bands, their edges (Hz). */
const SETTINGS: readonly (readonly [number, number, number, number, number?])[] = [
  [16_000, 32, 40, 80],
  [16_000, 32, 64, 80],
  [16_000, 32, 20, 80],
  [16_000, 25, 40, 80],
  [16_000, 64, 40, 80],
  [16_000, 16, 16, 80],
  [16_000, 40, 32, 300, 4000],
  [8_000, 32, 40, 80],
  [8_000, 25, 24, 80],
  [8_000, 64, 40, 80],
  [44_100, 32, 40, 80],
  [48_000, 40, 64, 80],
  [32_000, 32, 64, 80],
  [22_050, 30, 40, 80],
  [4_000, 32, 12, 80],
  [16_000, 128, 80, 40],
]

interface Counted {
  readonly frontEnd: SoundFrontEnd
  readonly instructions: number
  readonly codeBytes: number
}

async function count(frontEnd: SoundFrontEnd, compiler: string, emulator: string): Promise<Counted> {
  const model = writeFrontEnd(frontEnd, { name: 'model', title: 'front end' })
  const checked = { identifier: model.identifier, inputBytes: 0 }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-front-end-'))
  try {
    for (const [file, text] of [
      ['frontend.c', model.source],
      ['frontend.h', model.header],
      ['main.c', frontEndMain(checked)],
      ['count.c', frontEndCount(checked)],
      ['start.c', START_SOURCE],
      ['link.ld', LINKER_SCRIPT],
    ] as const) {
      writeFileSync(path.join(folder, file), text)
    }
    const flash = await linkedFlash(folder, compiler, ['main.c', 'frontend.c'])
    const counts = await countInstructions(folder, compiler, emulator)
    if (flash === undefined || counts === undefined) throw new Error('the front end does not build or run')
    return { frontEnd, instructions: counts[0]!, codeBytes: flash - model.constantBytes }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Butterflies, points of the transform, bins, bands. */
function terms(frontEnd: SoundFrontEnd): readonly number[] {
  const points = frontEnd.fftLength / 2
  return [(points * Math.log2(points)) / 2, points, tablesOf(frontEnd).weights.length, frontEnd.bands]
}

/** Least squares of relative errors. */
function coefficientsOf(counted: readonly Counted[]): readonly number[] {
  const rows = counted.map(({ frontEnd, instructions }) => terms(frontEnd).map((term) => term / instructions))
  const columns = rows[0]!.map((_, j) => rows.map((row) => row[j]!))
  const gram = columns.map((a) => columns.map((b) => dot(a, b)))
  return solveFactored(
    cholesky(gram),
    columns.map((column) => column.reduce((sum, value) => sum + value, 0)),
  )
}

const compiler = findTool(ARM_COMPILER)
const emulator = findTool(EMULATOR)
if (compiler === undefined || emulator === undefined) throw new Error(`${ARM_COMPILER} and ${EMULATOR} are needed`)
const counted: Counted[] = []
for (const [sampleRate, frameMs, bands, lowHz, highHz] of SETTINGS) {
  const settings = { frameMs, hopMs: 20, bands, lowHz, highHz, clipSeconds: 1 }
  counted.push(await count(frontEndOf('recordings', settings, sampleRate, [sampleRate]), compiler, emulator))
}
const errors = counted.map(({ frontEnd, instructions }, i) => {
  const others = coefficientsOf(counted.filter((_, j) => j !== i))
  return Math.abs(dot(others, terms(frontEnd)) / instructions - 1)
})
for (const [i, { frontEnd, instructions, codeBytes }] of counted.entries()) {
  const { sampleRate, frameSamples, fftLength, bands } = frontEnd
  console.log(
    `${sampleRate} Hz, ${frameSamples} of ${fftLength}, ${bands} bands: ${instructions} instructions, ${(100 * errors[i]!).toFixed(2)} % off when left out; ${codeBytes} B of code`,
  )
}
const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
console.log(`left out: mean ${(100 * mean).toFixed(2)} %, worst ${(100 * Math.max(...errors)).toFixed(2)} %`)
console.log(
  `instructions a frame: ${coefficientsOf(counted).map((value) => value.toPrecision(4))} x butterflies, points, bins, bands`,
)
