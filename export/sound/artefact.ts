import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { SoundFrontEnd } from '../../evaluators/datasets/sound/front-end.ts'
import { createSpectrogram } from '../../evaluators/datasets/sound/spectrogram.ts'
import { randomStream } from '../../lib/random.ts'
import { sizeOf } from '../../network/shapes.ts'
import { LINKER_SCRIPT, START_SOURCE } from '../c/check-program.ts'
import { HOST_FLAGS } from '../c/toolchain.ts'
import { type CVerification, verifyC } from '../c/verify-c.ts'
import { BIT_FOR_BIT, toleranceText } from '../compare-outputs.ts'
import { notRun } from '../formats/check.ts'
import type { Artefact, ArtefactCheck, ExportContext } from '../formats/format.ts'
import { FRONT_END_FOLDER } from '../preparation.ts'
import { quantisedInputs } from '../quantise/input.ts'
import { checkClip } from './check-clips.ts'
import { frontEndCheck, frontEndCount, frontEndMain } from './front-end-check.ts'
import { type FrontEndSource, writeFrontEnd } from './front-end-source.ts'

const SOURCE = `${FRONT_END_FOLDER}/frontend.c`
/** Clips that are made, and test samples beside them, each run everywhere. */
const SAMPLES = 25

interface CheckFiles {
  readonly samples: number
  readonly inputs: Uint8Array
  readonly expected: Uint8Array
}

/** Clips with their features, and features of test samples with the network's input for them. */
function checkFiles(context: ExportContext, frontEnd: SoundFrontEnd): CheckFiles {
  const { dataset, int8 } = context
  const features = frontEnd.frames * frontEnd.bands
  const test = dataset.splits.test.subarray(0, SAMPLES)
  const prepared = int8 === undefined ? undefined : [...quantisedInputs(int8.network, dataset, test)]
  const sound = 2 * frontEnd.clipSamples
  const inputBytes = prepared?.[0]?.length ?? 0
  const inputs = new Uint8Array(test.length * (sound + features))
  const expected = new Uint8Array(test.length * (features + inputBytes))
  const spectrogram = createSpectrogram(frontEnd)
  for (const [n, index] of test.entries()) {
    const clip = checkClip(frontEnd, n, randomStream(1, 'front end', n))
    const view = new DataView(inputs.buffer, n * (sound + features))
    for (const [i, value] of clip.entries()) view.setInt16(2 * i, value, true)
    const given = dataset.samples.subarray(index * features, (index + 1) * features)
    inputs.set(given, n * (sound + features) + sound)
    spectrogram(clip, 0, expected, n * (features + inputBytes))
    if (prepared !== undefined) expected.set(new Uint8Array(prepared[n]!), n * (features + inputBytes) + features)
  }
  return { samples: test.length, inputs, expected }
}

const asSigned = (bytes: Uint8Array): Int8Array => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The front end of a data set of sound as C99; undefined for other data. */
export async function frontEndArtefact(context: ExportContext): Promise<Artefact | undefined> {
  const { dataset, int8, name, title, verify } = context
  const { frontEnd } = dataset
  if (frontEnd === undefined) return undefined
  const model = writeFrontEnd(frontEnd, { name, title, input: int8?.network })
  const inputBytes = int8 === undefined ? 0 : sizeOf(int8.network.tensors[int8.network.input]!.shape)
  const checked = { identifier: model.identifier, inputBytes }
  const files = new Map([
    ['frontend.c', model.source],
    ['frontend.h', model.header],
    ['main.c', frontEndMain(checked)],
    ['check.c', frontEndCheck(checked)],
    ['count.c', frontEndCount(checked)],
    ['start.c', START_SOURCE],
    ['link.ld', LINKER_SCRIPT],
  ])
  const { samples, inputs, expected } = checkFiles(context, frontEnd)
  const verification = verify
    ? await verifyC({
        files,
        inputs: asSigned(inputs),
        expected: asSigned(expected),
        samples,
        emulatedSamples: samples,
        sources: ['main.c', 'frontend.c'],
      })
    : undefined
  const [frame, prepare] = verification?.instructions ?? []
  return {
    files: new Map<string, string | Uint8Array>([
      ...[...files].map(([file, text]) => [`${FRONT_END_FOLDER}/${file}`, text] as const),
      [`${FRONT_END_FOLDER}/inputs.bin`, inputs],
      [`${FRONT_END_FOLDER}/expected.bin`, expected],
    ]),
    checks:
      verification === undefined ? [notRun(SOURCE, 'anywhere', 'not verified: --no-verify')] : checksOf(verification),
    instructions: instructions(model, dataset, inputBytes > 0),
    frontEnd: {
      workBytes: model.workBytes,
      featureBytes: frontEnd.frames * frontEnd.bands,
      constantBytes: model.constantBytes,
      stackBytes: verification?.stackBytes,
      flashBytes: verification?.flashBytes,
      instructions: frame === undefined || prepare === undefined ? undefined : { frame, prepare },
    },
  }
}

/** One check for each target. */
const checksOf = ({ runs }: CVerification): readonly ArtefactCheck[] =>
  runs.map(({ target, how, failed, samples }) => {
    const check = { artefact: SOURCE, where: target, verified: samples > 0, allowed: toleranceText(BIT_FOR_BIT) }
    if (failed) return { ...check, failed, detail: how }
    if (samples === 0) return notRun(SOURCE, target, how)
    const same = `the features of training bit for bit on ${samples} clips made for the check, and the network's input for ${samples} test samples`
    return { ...check, detail: `${same}; ${how}` }
  })

function instructions({ identifier }: FrontEndSource, { frontEnd }: Dataset, prepares: boolean): string {
  const { sampleRate, frameSamples, hopSamples, frames, clipSamples, bands } = frontEnd!
  const run = prepares
    ? `
uint8_t features[${frames} * ${bands}];
${identifier}_features(clip, features);                 /* ${clipSamples} samples of 16 bits at ${sampleRate} Hz */
${identifier}_prepare(features, ${identifier}_input());  /* with c/model.c; any int8 input of this network is filled so */
${identifier}_run(0, scores);
`
    : `
uint8_t features[${frames} * ${bands}];
${identifier}_features(clip, features);                 /* ${clipSamples} samples of 16 bits at ${sampleRate} Hz */
`
  return `**Sound.** The network reads spectrograms, which \`${SOURCE}\` and \`frontend.h\` make of samples, with the same results as in training. With sound that
goes on, call \`${identifier}_frame\` for the last ${frameSamples} samples after every ${hopSamples}, and keep ${frames} results.

\`\`\`c${run}\`\`\`

\`check.c\` runs it on \`inputs.bin\` and writes \`outputs.bin\`, which must equal \`expected.bin\`:

\`\`\`
cd ${FRONT_END_FOLDER}
cc ${HOST_FLAGS.join(' ')} check.c -o check && ./check && cmp outputs.bin expected.bin
\`\`\``
}
