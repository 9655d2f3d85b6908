import type { Shape } from '../../network/types.ts'
import { checkProgram, LINKER_SCRIPT, mainProgram, START_SOURCE } from '../c/check-program.ts'
import { CMSIS_LINES } from '../c/cmsis-build.ts'
import { countProgram } from '../c/count-program.ts'
import { identifierOf } from '../c/identifiers.ts'
import { COUNT_BUILD, COUNT_RUN, MAIN_BUILD } from '../c/measure-c.ts'
import { BOARDS, boardBuild, boardRun, HOST_FLAGS } from '../c/toolchain.ts'
import { type CVerification, verifyC } from '../c/verify-c.ts'
import { type CModel, floatLiteral, writeCModel } from '../c/write-model.ts'
import { BIT_FOR_BIT, toleranceText } from '../compare-outputs.ts'
import { FRONT_END_FOLDER, resizingText } from '../preparation.ts'
import { checkSamples } from '../quantise/check-samples.ts'
import { quantisedSchedule } from '../quantise/quantise.ts'
import { notRun } from './check.ts'
import type { ArtefactCheck, ExportContext, ExportFormat } from './format.ts'

const FOLDER = 'c'
/** Samples that go with the C, and that run on emulated boards. */
const KEPT_SAMPLES = 100

/** The int8 network as C99 without a library. */
export const cFormat: ExportFormat = {
  id: 'c',
  description: 'int8 as C99 with one static arena, for microcontrollers',
  needsInt8: true,
  // A processor that compiles C99 is on every board with an NPU too, and on none of the GPUs.
  families: ['cortex-m', 'npu', 'cpu'],
  write: async (context) => {
    const int8 = context.int8!
    const model = writeCModel(int8.network, {
      name: context.name,
      schedule: quantisedSchedule(context.graph),
      alignmentBytes: context.profile.memory.alignmentBytes,
      title: context.title,
      classNames: context.dataset.classNames,
      sample: context.dataset.sampleMeaning,
      channelNames: context.dataset.channelNames,
      resizing: preparationText(context, int8.network.tensors[int8.network.input]!.shape),
    })
    const files = new Map([
      ['model.c', model.source],
      ['model.h', model.header],
      ['main.c', mainProgram(model)],
      ['check.c', checkProgram(model)],
      ['count.c', countProgram(model)],
      ['start.c', START_SOURCE],
      ['link.ld', LINKER_SCRIPT],
    ])
    const samples = checkSamples(context.dataset, int8)
    const kept = Math.min(KEPT_SAMPLES, samples.count)
    const job = { files, ...samples, samples: samples.count, emulatedSamples: kept }
    const verification = context.verify ? await verifyC(job) : undefined
    const golden = (values: Int8Array): Uint8Array =>
      Uint8Array.from(values.subarray(0, (values.length / samples.count) * kept))
    return {
      files: new Map<string, string | Uint8Array>([
        ...[...files].map(([name, text]) => [`${FOLDER}/${name}`, text] as const),
        [`${FOLDER}/inputs.bin`, golden(samples.inputs)],
        [`${FOLDER}/expected.bin`, golden(samples.expected)],
      ]),
      checks: verification === undefined ? UNVERIFIED : checksOf(verification, model),
      instructions: instructions(model, kept, sampleLines(context, model)),
      footprint: {
        arenaBytes: model.arenaBytes,
        arenaUsedBytes: largest(
          verification?.runs.map(({ samples, arenaBytes }) => (samples > 0 ? arenaBytes : undefined)),
        ),
        stackBytes: verification?.stackBytes,
        constantBytes: model.constantBytes,
        flashBytes: verification?.flashBytes,
        layers: verification?.instructions?.map((instructions, n) => ({ id: model.layers[n]!, instructions })),
      },
    }
  },
}

/** What is done to a sample before it is normalised; of sound, what the front end does all of. */
function preparationText({ dataset, name }: ExportContext, shape: Shape): string {
  const resizing = resizingText(dataset, shape)
  if (dataset.frontEnd === undefined) return resizing
  const resized = resizing === '' ? '' : `, ${resizing}`
  return `which are features of ${FRONT_END_FOLDER}/frontend.c${resized}; its ${identifierOf(name)}_prepare does all of this`
}

/** The largest of what was measured. */
const largest = (values: readonly (number | undefined)[] = []): number | undefined => {
  const measured = values.filter((value) => value !== undefined)
  return measured.length === 0 ? undefined : Math.max(...measured)
}

const MODEL = `${FOLDER}/model.c`
const UNVERIFIED: readonly ArtefactCheck[] = [notRun(MODEL, 'anywhere', 'not verified: --no-verify')]

/** One check for each target. */
const checksOf = ({ runs }: CVerification, { arenaBytes: planned }: CModel): readonly ArtefactCheck[] =>
  runs.map(({ target, how, failed, samples, arenaBytes }) => {
    const check = { artefact: MODEL, where: target, verified: samples > 0, allowed: toleranceText(BIT_FOR_BIT) }
    if (failed) return { ...check, failed, detail: how }
    if (samples === 0) return notRun(MODEL, target, how)
    const same = `the reference's outputs bit for bit on ${samples} test samples`
    return { ...check, detail: `${same}; arena ${arenaBytes} of ${planned} B used; ${how}` }
  })

/** From a sample to the number of its class, as a program does it; of sound the front end's lines say that. */
function sampleLines({ dataset, int8 }: ExportContext, { identifier }: CModel): string {
  if (dataset.frontEnd !== undefined) return ''
  const { network } = int8!
  const upper = identifier.toUpperCase()
  const { shape } = network.tensors[network.input]!
  const resizing = resizingText(dataset, shape)
  const { mean, standardDeviation } = network.normalisation
  const channel = mean.length === 1 ? '0' : `i % ${mean.length}`
  const list = (values: readonly number[]): string => values.map(floatLiteral).join(', ')
  return `
From a sample to its class, where the processor computes in floating point (\`sample\`: ${shape.join(' x ')} values${resizing === '' ? '' : `, ${resizing}`}; what they are
says \`model.h\`, and which class has which number):

\`\`\`c
#include <math.h>
#include "model.h"

static const float mean[] = {${list(mean)}};
static const float deviation[] = {${list(standardDeviation)}};

int classify(const float *sample) {
  int8_t *input = ${identifier}_input();
  for (int i = 0; i < ${upper}_INPUT_BYTES; i++) {
    const float real = (sample[i] - mean[${channel}]) / deviation[${channel}];
    const float q = roundf(real / ${upper}_INPUT_SCALE) + ${upper}_INPUT_ZERO_POINT;
    input[i] = (int8_t)fminf(fmaxf(q, -128.0f), 127.0f);
  }
  int8_t scores[${upper}_OUTPUT_BYTES];
  ${identifier}_run(0, scores);
  int best = 0;
  for (int i = 1; i < ${upper}_OUTPUT_BYTES; i++) if (scores[i] > scores[best]) best = i;
  return best;
}
\`\`\`
`
}

function instructions({ identifier }: CModel, kept: number, sample: string): string {
  const boards = BOARDS.map(
    (board) =>
      `arm-none-eabi-gcc ${boardBuild(board).join(' ')}\nqemu-system-arm ${boardRun(board).join(' ')} && cmp outputs.bin expected.bin`,
  ).join('\n')
  return `\`${FOLDER}/model.c\` and \`${FOLDER}/model.h\` are all that a project needs: add them and call \`${identifier}_run\`.
${sample}
\`check.c\` runs them on \`inputs.bin\` (${kept} test samples) and writes \`outputs.bin\`, which must equal \`expected.bin\`:

\`\`\`
cd ${FOLDER}
cc ${HOST_FLAGS.join(' ')} check.c -o check && ./check && cmp outputs.bin expected.bin
\`\`\`

On emulated boards (Debian: \`gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm\`):

\`\`\`
${boards}
\`\`\`

What the smallest program (\`main.c\`) takes of flash, and the instructions of each kernel in their order:

\`\`\`
arm-none-eabi-gcc ${MAIN_BUILD.join(' ')} && arm-none-eabi-size main.elf
arm-none-eabi-gcc ${COUNT_BUILD.join(' ')}
qemu-system-arm ${COUNT_RUN.join(' ')}
\`\`\`

With \`-DFRUGAL_USE_CMSIS_NN\` convolutions, dense kernels, pools and sums are done by CMSIS-NN, with the same results; the library
and \`model.c\` are both built with \`-DCMSIS_NN_USE_SINGLE_ROUNDING\`. The library is not part of this folder, and this network was not run
with it when it was exported (Frugal's own tests run networks with every kernel so). With its sources in the folder \`CMSIS_NN\`:

\`\`\`sh
${CMSIS_LINES}
\`\`\``
}
