import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import type { SoundFrontEnd } from '../../evaluators/datasets/sound/front-end.ts'
import { createSpectrogram } from '../../evaluators/datasets/sound/spectrogram.ts'
import { decodeMono, readWavFormat } from '../../evaluators/datasets/sound/wav.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { exportNetwork } from '../../export/export-network.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { cardSchema } from '../../export/model-card.ts'
import { checkClip } from '../../export/sound/check-clips.ts'
import { frameInstructions, frontEndCostModel, prepareInstructions } from '../../export/sound/front-end-cost.ts'
import { writeFrontEnd } from '../../export/sound/front-end-source.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { SPOKEN_DIGITS, spokenDigits, wav } from '../evaluators/sound-support.ts'
import { exportJob, subjectOf } from './jobs.ts'
import { EVIL, plausibleWeights } from './networks.ts'

const compiler = findTool('cc', 'gcc', 'clang')
const host = compiler === undefined ? test.skip : test
const emulated = findTool('arm-none-eabi-gcc') && findTool('qemu-system-arm') ? test : test.skip

function folderFor(t: Pick<ExecutionContext, 'teardown'>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-sound-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Recordings of three kinds of noise and tones, of lengths around 0.3 s. */
function madeRecordings(folder: string): void {
  const random = randomStream(1, 'recordings')
  for (let i = 0; i < 60; i++) {
    const length = 2000 + random.int(900)
    const step = [0.1, 0.7, 1.6][i % 3]!
    const values = Array.from({ length }, (_, n) => 0.3 * Math.sin(n * step) + 0.2 * (random.float() - 0.5))
    writeFileSync(path.join(folder, `${'abc'[i % 3]!}_${i}.wav`), wav(values))
  }
}

const realRecordings = (folder: string): void =>
  spokenDigits(folder, (name) => /_(theo|jackson|nicolas)_[0-4]\.wav$/.test(name))

/** Clips of a flat folder's recordings, in the order of the samples. */
function clipsOf(folder: string, { clipSamples }: SoundFrontEnd): readonly Int16Array[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.wav'))
    .sort()
  return names.map((name) => {
    const bytes = readFileSync(path.join(folder, name))
    const format = readWavFormat(bytes, bytes.length)!
    return decodeMono(bytes, format, Math.floor((format.length - clipSamples) / 2), clipSamples)
  })
}

/** Reads clips from standard input, and writes what `statements` make of each. */
const program = (includes: string, statements: string): string => `#include <stdio.h>
${includes}
static int16_t clip[MODEL_CLIP_SAMPLES];
static uint8_t features[MODEL_FRAMES * MODEL_BANDS];
int main(void) {
  while (fread(clip, sizeof clip, 1, stdin) == 1) {
    ${statements}
  }
  return 0;
}
`

function runClips(folder: string, args: readonly string[], clips: readonly Int16Array[]): Buffer {
  execFileSync(compiler!, ['-std=c99', '-O2', '-Wall', '-Wextra', '-Werror', ...args, '-o', 'run'], { cwd: folder })
  const input = Buffer.concat(clips.map((clip) => Buffer.from(clip.buffer, clip.byteOffset, clip.byteLength)))
  return execFileSync(path.join(folder, 'run'), { input, maxBuffer: 1 << 28 })
}

function networkFor(shape: readonly [number, number, number], classes: number): NetworkGraph {
  const g = new GraphBuilder()
  const x = g.activation(g.batchNorm(g.conv2d(g.input(shape), 8, { kernel: 3, stride: 2 })), 'relu6')
  return g.build(g.dense(g.globalAveragePool(x), classes))
}

const FRONT_ENDS: readonly SoundFrontEnd[] = [
  {
    sampleRate: 16_000,
    frames: 9,
    frameSamples: 512,
    hopSamples: 320,
    clipSamples: 3072,
    fftLength: 512,
    bands: 40,
    lowHz: 80,
    highHz: 7600,
  },
  {
    sampleRate: 16_000,
    frames: 7,
    frameSamples: 401,
    hopSamples: 160,
    clipSamples: 1361,
    fftLength: 512,
    bands: 20,
    lowHz: 0,
    highHz: 8000,
  },
  {
    sampleRate: 4000,
    frames: 5,
    frameSamples: 16,
    hopSamples: 4,
    clipSamples: 32,
    fftLength: 16,
    bands: 3,
    lowHz: 100,
    highHz: 1900,
  },
  {
    sampleRate: 44_100,
    frames: 4,
    frameSamples: 4000,
    hopSamples: 4410,
    clipSamples: 17_230,
    fftLength: 4096,
    bands: 128,
    lowHz: 50,
    highHz: 7600,
  },
]

for (const frontEnd of FRONT_ENDS) {
  host(`frames of ${frontEnd.frameSamples}: the C gives the features of training bit for bit`, (t) => {
    const folder = folderFor(t)
    const { header, source } = writeFrontEnd(frontEnd, { name: 'model', title: EVIL })
    writeFileSync(path.join(folder, 'frontend.h'), header)
    writeFileSync(path.join(folder, 'frontend.c'), source)
    const statements = 'model_features(clip, features); fwrite(features, sizeof features, 1, stdout);'
    writeFileSync(path.join(folder, 'run.c'), program('#include "frontend.h"', statements))
    const clips = Array.from({ length: 50 }, (_, n) => checkClip(frontEnd, n, randomStream(2, n)))
    clips.push(new Int16Array(frontEnd.clipSamples), new Int16Array(frontEnd.clipSamples).fill(-32768))
    const size = frontEnd.frames * frontEnd.bands
    const expected = new Uint8Array(clips.length * size)
    const spectrogram = createSpectrogram(frontEnd)
    for (const [n, clip] of clips.entries()) spectrogram(clip, 0, expected, n * size)
    t.true(runClips(folder, ['run.c', 'frontend.c'], clips).equals(expected))
    t.true(new Set(expected).size > 100)
  })
}

async function exported(
  t: ExecutionContext,
  dataset: Dataset,
  height: number,
  width: number,
  formats: string,
  verify = false,
) {
  const graph = networkFor([height, width, 1], dataset.classNames.length)
  const subject = await subjectOf(graph, plausibleWeights(graph, 1), dataset)
  const job = exportJob(t, subject, { formats: parseFormats(formats), name: 'model', verify })
  return { out: job.out, card: await exportNetwork(job) }
}

for (const [title, write, isThere] of [
  ['made recordings', madeRecordings, true],
  ['recordings of the Free Spoken Digit Dataset', realRecordings, existsSync(SPOKEN_DIGITS)],
] as const) {
  for (const scale of [1, 0.5]) {
    const run = isThere ? host : test.skip
    run(
      `${title}, network input of ${scale} times the size: classes from samples in C are the reference’s`,
      async (t) => {
        const folder = path.join(folderFor(t), 'recordings')
        mkdirSync(folder)
        write(folder)
        const dataset = await loadDataset(folder, { seed: 1 })
        const frontEnd = dataset.frontEnd!
        const [height, width] = [frontEnd.frames, frontEnd.bands].map((length) => Math.round(length * scale)) as [
          number,
          number,
        ]
        const { out } = await exported(t, dataset, height, width, 'c')
        const clips = clipsOf(folder, frontEnd)
        const build = path.join(out, 'c')

        const featureStatements = 'model_features(clip, features); fwrite(features, sizeof features, 1, stdout);'
        writeFileSync(path.join(build, 'features.c'), program('#include "../frontend/frontend.h"', featureStatements))
        const features = runClips(build, ['features.c', '../frontend/frontend.c'], clips)
        t.true(
          features.equals(new Uint8Array(dataset.samples.buffer, dataset.samples.byteOffset, dataset.samples.length)),
        )

        const statements = `model_features(clip, features);
    model_prepare(features, model_input());
    int8_t scores[MODEL_OUTPUT_BYTES];
    if (model_run(0, scores) != 0) return 1;
    fwrite(scores, sizeof scores, 1, stdout);`
        writeFileSync(
          path.join(build, 'classes.c'),
          program('#include "model.h"\n#include "../frontend/frontend.h"', statements),
        )
        const test = [...dataset.splits.test].slice(0, 100)
        const scores = runClips(
          build,
          ['classes.c', 'model.c', '../frontend/frontend.c'],
          test.map((index) => clips[index]!),
        )
        t.true(scores.equals(readFileSync(path.join(build, 'expected.bin'))))
        t.true(new Set(scores).size > 5)
      },
    )
  }
}

const madeDataset = (t: ExecutionContext): Promise<Dataset> => {
  const folder = path.join(folderFor(t), 'recordings')
  mkdirSync(folder)
  madeRecordings(folder)
  return loadDataset(folder, { seed: 1 })
}

test('an export of sound has its front end and says what it is and needs, whatever the format', async (t) => {
  const dataset = await madeDataset(t)
  const [height, width] = dataset.inputShape as [number, number, number]
  for (const [formats, prepares] of [
    ['onnx', false],
    ['tflite', true],
  ] as const) {
    const { out, card } = await exported(t, dataset, height, width, formats)
    t.true(cardSchema.safeParse(card).success)
    t.like(card.frontEnd, { ...dataset.frontEnd, workBytes: 1024, featureBytes: height * width })
    t.regex(card.input.meaning, /^features that frontend\/frontend\.c makes of sound, 0 to 255/)
    t.true(card.files.includes('frontend/frontend.c') && !card.files.includes('c/model.c'))
    t.is(/model_prepare/.test(readFileSync(path.join(out, 'frontend/frontend.h'), 'utf8')), prepares)
    const page = readFileSync(path.join(out, 'README.md'), 'utf8')
    t.regex(
      page,
      /^## Sound\n\nThe network reads spectrograms of sound\. \*\*Latency, energy, RAM and flash above are the network's alone\*\*/m,
    )
    t.is(/features of frontend\/frontend\.c \(0 to 255\)/.test(page), prepares)
    t.is(/model_run\(0, scores\)/.test(page), prepares)
    t.deepEqual(
      card.verification.filter(({ artefact }) => artefact === 'frontend/frontend.c').map(({ detail }) => detail),
      ['not verified: --no-verify'],
    )
  }
})

host('the front end is run where it can be, and its files run again as the README says', async (t) => {
  const { out, card } = await exported(t, await madeDataset(t), 12, 40, 'tflite', true)
  const checks = card.verification.filter(({ artefact }) => artefact === 'frontend/frontend.c')
  t.is(checks.length, 4)
  t.true(checks[0]!.verified, checks[0]!.detail)
  t.true(
    checks.every(({ failed }) => failed !== true),
    JSON.stringify(checks),
  )
  const folder = path.join(out, 'frontend')
  const [, lines] = /^cd frontend\n(cc .*)$/m.exec(readFileSync(path.join(out, 'README.md'), 'utf8'))!
  execFileSync('sh', ['-c', lines!.replace(/^cc/, compiler!)], { cwd: folder })
  t.true(readFileSync(path.join(folder, 'outputs.bin')).equals(readFileSync(path.join(folder, 'expected.bin'))))
})

emulated('on an emulated Cortex-M4: RAM, flash, stack and instructions are counted', async (t) => {
  const dataset = await madeDataset(t)
  const { card } = await exported(t, dataset, 12, 40, 'c', true)
  const checks = card.verification.filter(({ artefact, verified }) => artefact === 'frontend/frontend.c' && verified)
  t.is(checks.length, compiler === undefined ? 3 : 4)
  const { workBytes, stackBytes, flashBytes, constantBytes, instructionsPerFrame, instructionsToPrepare, latency } =
    card.frontEnd!
  t.is(workBytes, 1024)
  t.true(stackBytes! > 0 && stackBytes! < 400, `${stackBytes}`)
  t.true(flashBytes! > constantBytes && flashBytes! < constantBytes + 3000, `${flashBytes} ${constantBytes}`)
  t.true(instructionsPerFrame! > 20_000 && instructionsPerFrame! < 80_000, `${instructionsPerFrame}`)
  t.true(instructionsToPrepare! > 1000 && instructionsToPrepare! < 100_000, `${instructionsToPrepare}`)
  t.true(Math.abs(latency!.frameMs - (instructionsPerFrame! * 1.5) / 180_000) < 1e-9)
  const { frontEnd } = dataset
  const near = (predicted: number, measured: number, share: number) =>
    t.true(Math.abs(predicted / measured - 1) < share, `${predicted} instead of ${measured}`)
  near(frameInstructions(frontEnd!), instructionsPerFrame!, 0.04)
  near(prepareInstructions(frontEnd!, [12, 40]), instructionsToPrepare!, 0.15)
  const costs = frontEndCostModel(frontEnd!, 'clip', loadProfile('stm32f446-tflm-cmsisnn'))!([12, 40])
  near(costs.flashBytes, flashBytes!, 0.05)
  near(costs.latencyMs, latency!.clipMs, 0.04)
  t.is(costs.peakRamBytes, workBytes + card.frontEnd!.featureBytes)
})

test('a front end that does not fit beside the network is an error with the numbers', async (t) => {
  const dataset = await madeDataset(t)
  const graph = networkFor([dataset.inputShape[0]!, dataset.inputShape[1]!, 1], 3)
  const subject = await subjectOf(graph, plausibleWeights(graph, 1), dataset)
  const job = exportJob(t, subject, { formats: parseFormats('c'), name: 'model' })
  const { footprint, frontEnd } = await exportNetwork(job)
  const needed = footprint!.constantBytes + frontEnd!.constantBytes
  const { price, profile } = job.costModel
  const on = (flashBytes: number) =>
    exportNetwork({
      ...job,
      // Only what the C itself takes is to be looked at.
      costModel: {
        ...job.costModel,
        price: (graph, options) => ({ ...price(graph, options), flashBytes: 0 }),
        profile: { ...profile, flashBytes },
      },
    })
  await t.notThrowsAsync(on(needed))
  const message = `the C is over ${profile.id}: with what makes spectrograms of sound it takes ${needed} B of flash, the device has ${needed - 1} B`
  await t.throwsAsync(on(needed - 1), { instanceOf: UserError, message })
})
