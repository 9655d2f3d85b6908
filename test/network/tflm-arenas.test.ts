import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { readModel } from '../../formats/read-model.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { arenaBytes } from '../../network/memory-plan.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { clashes } from './plan-checks.ts'

const MODELS = path.join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'hardware', 'tflite')
const run = existsSync(MODELS) ? test : test.skip

/** File and bytes of the arena that TensorFlow Lite Micro planned for it (node bench/tflm-arena.ts --save). */
const PLANNED = readFileSync(path.join(import.meta.dirname, 'tflm-arenas.tsv'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('\t'))
  .map(([file, bytes]) => [file!, Number(bytes)] as const)

run('arenas of model files are those of TensorFlow Lite Micro to the byte', (t) => {
  t.is(PLANNED.length, 111)
  for (const [file, bytes] of PLANNED) {
    const { graph, dataType } = readModel(path.join(MODELS, file))
    const elementBytes = dataType === 'int8' ? 1 : 4
    const options = { elementBytes, alignmentBytes: 16, laterFirst: true }
    t.is(arenaBytes(scheduleOf(graph), options), bytes, file)
  }
})

run('memory maps of model files: nothing overlaps, the end is the stated size, on runtimes of each kind', (t) => {
  const devices = ['nrf52832-tflm-cmsisnn', 'stm32h747-xcubeai10', 'stm32n6-neuralart', 'stm32f446-frugal-c']
  const models = devices.map((id) => createCostModel(loadProfile(id)))
  for (const [file] of PLANNED) {
    const { graph } = readModel(path.join(MODELS, file))
    for (const model of models) {
      const plan = model.memoryPlan(graph)
      t.deepEqual(clashes(plan), [], `${file} on ${model.profile.id}`)
      const end = Math.max(...plan.buffers.map(({ offset, bytes }) => offset + bytes))
      if (model.profile.memory.banks === undefined) t.is(end, plan.peakRamBytes)
      else t.true(end >= plan.peakRamBytes)
    }
  }
})
