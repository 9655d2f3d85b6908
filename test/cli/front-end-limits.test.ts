import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { costsNote, frontEndNotes } from '../../cli/actions/search-notes.ts'
import { searchDevice } from '../../cli/actions/session.ts'
import type { CountedFrontEnd } from '../../cli/actions/settings.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import { wav } from '../evaluators/sound-support.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

const FRONT_END = {
  sampleRate: 16_000,
  clipSamples: 15_872,
  frames: 49,
  frameSamples: 512,
  hopSamples: 320,
  fftLength: 512,
  bands: 40,
  lowHz: 80,
  highHz: 7600,
}
const clip: CountedFrontEnd = { counted: 'clip', ...FRONT_END }
const stream: CountedFrontEnd = { counted: 'stream', ...FRONT_END }

function network() {
  const g = new GraphBuilder()
  const x = g.conv2d(g.input([49, 40, 1]), 2, { kernel: 3, stride: 4 })
  return g.build(g.dense(g.globalAveragePool(x), 4))
}

test('limits count the front end of sound; costs stay the network’s alone', (t) => {
  const profile = loadProfile('stm32f446-tflm-cmsisnn')
  const graph = network()
  const alone = searchDevice(profile, {}).price(graph)
  t.deepEqual(alone.violations, [])
  t.true(alone.latencyMs < 5)
  const limits = { maxLatencyMs: 30, maxEnergyMj: 4, maxRamBytes: 7000, maxFlashBytes: alone.flashBytes + 3000 }
  t.deepEqual(searchDevice(profile, limits).price(graph), alone)
  const asClip = searchDevice(profile, limits, clip).price(graph)
  t.deepEqual({ ...asClip, violations: [] }, alone)
  const found = Object.fromEntries(asClip.violations.map(({ limit, value }) => [limit, value]))
  // 49 frames of 80,433 instructions, as counted, at 1.5 cycles and 180 MHz take 32.8 ms, and 164 mW of them 5.4 mJ.
  const latency = found['latency with the front end of sound (ms)']!
  t.true(Math.abs(latency - alone.latencyMs - 32.8) < 0.7, `${latency}`)
  const energy = found['energy with the front end of sound (mJ)']!
  t.true(Math.abs(energy - alone.energyMj - 5.4) < 0.2, `${energy}`)
  const ram = found['RAM with the front end of sound (bytes)']
  t.is(ram, alone.peakRamBytes > 7000 - 4008 ? alone.peakRamBytes + 2048 + 1960 : undefined)
  const flash = found['flash with the front end of sound (bytes)']!
  t.true(Math.abs(flash - alone.flashBytes - 3524) < 60, `${flash}`)
  const asStream = searchDevice(profile, { maxLatencyMs: 30 }, stream).price(graph)
  t.deepEqual(asStream.violations, [], 'the last frame takes 0.7 ms')
})

test('of an accelerator memory is counted and no time, of a GPU nothing; a note says so', (t) => {
  const graph = network()
  const [npu, gpu] = [loadProfile('stm32n6-neuralart'), loadProfile('titan-rtx')]
  const tight = { maxLatencyMs: 5, maxRamBytes: 3000 }
  t.deepEqual(
    searchDevice(npu, tight, clip)
      .price(graph)
      .violations.map(({ limit }) => limit),
    ['RAM with the front end of sound (bytes)'],
  )
  t.deepEqual(searchDevice(gpu, { maxLatencyMs: 20 }, clip).price(graph).violations, [])
  t.deepEqual(frontEndNotes({ frontEnd: clip }, [gpu]), [])
  t.deepEqual(frontEndNotes({}, [npu]), [])
  const [note, ...more] = frontEndNotes({ frontEnd: clip }, [loadProfile('stm32f446-tflm-cmsisnn'), npu, gpu])
  t.regex(
    note!,
    /^limits count the front end of sound beside the network, all 49 frames of a clip: 32\.\d ms and 5\.\d+ mJ \(derived\), 3\.91 KB of RAM and 3\.\d+ KB of flash on stm32f446-tflm-cmsisnn; [^;]* on stm32n6-neuralart \(its time is not known there\); /,
  )
  t.deepEqual(more, [])
})

test('front and trials say that costs leave out the front end of sound, and only of sound', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(path.join(folder, 'words'))
  for (let i = 0; i < 40; i++) {
    const tone = Array.from({ length: 2000 }, (_, n) => 0.3 * Math.sin(n * (i % 2 === 0 ? 0.1 : 0.8)))
    writeFileSync(path.join(folder, 'words', `${'ab'[i % 2]!}_${i}.wav`), wav(tone))
  }
  const searched = await frugal(folder, 'search', '--data', './words', '--trials', '1', '--epochs', '1')
  t.is(searched.code, 0, searched.stderr)
  const note =
    /^Costs are the networks' alone, without the front end of sound, of which limits count all \d+ frames of a clip\.$/m
  for (const command of ['front', 'trials']) {
    const shown = await frugal(folder, command)
    t.regex(shown.stdout, note, command)
    const forMachines = await frugal(folder, command, '--json')
    t.notRegex(forMachines.stdout, /front end/, command)
  }
  t.is(costsNote(undefined), '')
})
