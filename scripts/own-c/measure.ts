import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { checkProgram, LINKER_SCRIPT, mainProgram, START_SOURCE } from '../../export/c/check-program.ts'
import { countProgram } from '../../export/c/count-program.ts'
import { countInstructions, linkedFlash } from '../../export/c/measure-c.ts'
import { BOARDS, type Board, boardBuild, boardRun, findTool, runTool } from '../../export/c/toolchain.ts'
import { writeCModel } from '../../export/c/write-model.ts'
import { quantisedSchedule, quantiseNetwork } from '../../export/quantise/quantise.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { weightSpecs } from '../../network/measure.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { NamedNetwork } from './networks.ts'

/** What one network's C took on an emulated Cortex-M4. */
export interface MeasuredC {
  readonly name: string
  readonly arenaBytes: number
  readonly arenaUsedBytes: number
  readonly stackBytes: number
  readonly flashBytes: number
  /** By the schedule's kernel. */
  readonly instructions: Readonly<Record<string, number>>
}

/** Weights that differ all over, as trained ones do: equal arrays would be stored once. */
function randomWeights(graph: NetworkGraph, random: RandomStream): Weights {
  return new Map(
    weightSpecs(graph).map(({ name, role, shape, fanIn }) => {
      const spread = role === 'kernel' ? Math.sqrt(2 / fanIn) : 0.2
      const centre = role === 'gamma' || role === 'movingVariance' ? 1 : 0
      const values = Float32Array.from({ length: sizeOf(shape) }, () => centre + spread * random.normal())
      return [name, role === 'movingVariance' ? values.map((value) => Math.max(value, 0.1)) : values]
    }),
  )
}

const CALIBRATION_SAMPLES = 4

/** Writes a network's C, compiles it for a Cortex-M4 and runs it. @throws Error where a tool is missing or fails. */
export async function measureC({ name, graph }: NamedNetwork): Promise<MeasuredC> {
  const random = randomStream(1, name)
  const { shape } = graph.nodes.find(({ op }) => op.kind === 'input')!
  const inputs = Float32Array.from({ length: CALIBRATION_SAMPLES * sizeOf(shape) }, () => random.normal())
  const channels = shape.at(-1)!
  const normalisation = { mean: Array(channels).fill(0), standardDeviation: Array(channels).fill(1) }
  const sample = { inputs, count: CALIBRATION_SAMPLES }
  const weights = randomWeights(graph, random)
  const { minmax: network } = await quantiseNetwork({ graph, weights, normalisation, sample })
  const options = { name: 'model', alignmentBytes: 16, title: name, classNames: [] }
  const model = writeCModel(network, { ...options, schedule: quantisedSchedule(graph) })
  const compiler = findTool('arm-none-eabi-gcc')
  const emulator = findTool('qemu-system-arm')
  if (compiler === undefined || emulator === undefined)
    throw new Error('arm-none-eabi-gcc and qemu-system-arm are needed')
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-own-c-'))
  try {
    for (const [file, text] of [
      ['model.c', model.source],
      ['model.h', model.header],
      ['main.c', mainProgram(model)],
      ['check.c', checkProgram(model)],
      ['count.c', countProgram(model)],
      ['start.c', START_SOURCE],
      ['link.ld', LINKER_SCRIPT],
    ] as const) {
      writeFileSync(path.join(folder, file), text)
    }
    const bytes = Int8Array.from({ length: 2 * sizeOf(shape) }, () => random.int(256) - 128)
    writeFileSync(path.join(folder, 'inputs.bin'), bytes)
    const [board] = BOARDS as readonly [Board]
    const built = await runTool(compiler, boardBuild(board), folder)
    const ran = await runTool(emulator, boardRun(board), folder)
    const said = /arena (\d+) of (\d+) stack (\d+)/.exec(ran.stdout + ran.stderr)
    const flashBytes = await linkedFlash(folder, compiler)
    const counts = await countInstructions(folder, compiler, emulator)
    if (said === null || flashBytes === undefined || counts === undefined) {
      throw new Error(`${name}: ${built.problem || ran.problem}`)
    }
    return {
      name,
      arenaBytes: Number(said[2]),
      arenaUsedBytes: Number(said[1]),
      stackBytes: Number(said[3]),
      flashBytes,
      instructions: Object.fromEntries(model.layers.map((id, n) => [id, counts[n]!])),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
