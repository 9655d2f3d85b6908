/**
 * Compares the arena that Frugal plans for model files with the one that TensorFlow Lite Micro itself plans, byte by byte.
 * Needs scripts/tflm/arena.cc, built in a checkout of tensorflow/tflite-micro (how: in the file).
 * Run: node bench/tflm-arena.ts --peer tflm-arena [--models ../shared/data/hardware/tflite] [--save FILE.tsv]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { readModel } from '../formats/read-model.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { planMemory } from '../network/memory-plan.ts'
import { scheduleOf } from '../network/schedule.ts'
import { benchArguments } from './usage.ts'

const { values } = benchArguments('bench/tflm-arena.ts --peer tflm-arena [--models FOLDER] [--save FILE.tsv]', {
  peer: { type: 'string' },
  models: { type: 'string', default: '../shared/data/hardware/tflite' },
  save: { type: 'string' },
})

/** The arena's bytes as TFLM plans them; undefined where it cannot run the file. */
function plannedByTflm(peer: string, file: string): number | undefined {
  const { stdout, status } = spawnSync(peer, [file], { encoding: 'utf8', timeout: 60_000 })
  const bytes = Number(stdout.split('\t')[1])
  return status === 0 && bytes > 0 ? bytes : undefined
}

/** TFLM's reference kernels need no scratch for what these files hold. */
function plannedHere(file: string): number {
  const { graph, dataType } = readModel(file)
  const elementBytes = dataType === 'int8' ? 1 : 4
  return planMemory(scheduleOf(graph), { elementBytes, alignmentBytes: 16, laterFirst: true }).peakRamBytes
}

const { peer, models, save } = values
if (peer === undefined || !existsSync(peer) || !existsSync(models)) {
  console.log(
    `skipped: ${existsSync(models) ? '--peer names no program: build scripts/tflm/arena.cc' : `no models in '${models}'`}`,
  )
} else {
  const files = readdirSync(models).filter((name) => name.endsWith('.tflite'))
  const lines: string[] = []
  let equal = 0
  let error = 0
  for (const name of files) {
    const file = path.join(models, name)
    const theirs = plannedByTflm(path.resolve(peer), file)
    if (theirs === undefined) {
      console.log(`not run by TFLM: ${name}`)
      continue
    }
    const ours = plannedHere(file)
    lines.push(`${name}\t${theirs}\n`)
    error += Math.abs(ours / theirs - 1)
    if (ours === theirs) equal++
    else console.log(`${name}: TFLM ${theirs} bytes, here ${ours}`)
  }
  console.log(
    `${files.length} files, ${lines.length} run by TFLM, ${equal} equal to the byte, mean error ${((100 * error) / Math.max(lines.length, 1)).toFixed(3)} %`,
  )
  if (save !== undefined) writeFileAtomic(save, lines.join(''))
}
