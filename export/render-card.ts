import { formatAccuracy, formatNumber } from '../lib/units.ts'
import {
  costRows,
  energySection,
  fineTuningText,
  floatRows,
  inline,
  int8Rows,
  layersSection,
  pruningText,
  searchEnergyText,
  trainingEnergyText,
} from './card-sections.ts'
import type { ModelCard } from './model-card.ts'
import { frontEndSection } from './sound/front-end-card.ts'

function verificationSection({ verification, warnings, int8 }: ModelCard): string {
  const rows = verification.map(
    ({ artefact, where, verified, failed, allowed = '', detail }) =>
      `| \`${artefact}\` | ${inline(where)} | ${failed ? '**FAILED**' : verified ? 'yes' : '**no**'} | ${allowed} | ${inline(detail)} |`,
  )
  const quantised =
    int8 === undefined
      ? ''
      : `\nQuantised after training with ranges from ${int8.calibrationSamples} training samples (${int8.calibration}; on ${int8.validationSamples} validation
samples, extremes give ${formatAccuracy(int8.validation.minmax)} and percentiles ${formatAccuracy(int8.validation.percentile)}).\n${fineTuningText(int8)}\n`
  const warned = warnings.map((warning) => `\n**Warning:** ${warning}\n`).join('')
  return `| file | run by | verified | allowed | |\n|---|---|---|---|---|\n${rows.join('\n')}\n${quantised}${warned}`
}

/** What goes in and what comes out, of each file. */
function interfaces({ files, input, output }: ModelCard): string {
  const lines: string[] = []
  if (files.includes('model.onnx')) {
    lines.push(
      `- \`model.onnx\`: input \`input\`, float32 \`[batch, ${input.shape.join(', ')}]\`, ${inline(input.meaning)}; output \`output\`, float32 \`[batch, ${output.shape.join(', ')}]\`, ${output.meaning}`,
    )
  }
  if (files.includes('model_float16.onnx')) {
    lines.push('- `model_float16.onnx`: as `model.onnx`, in float16 between its ends, which stay float32')
  }
  for (const file of ['model_float16.tflite', 'model_float32.tflite']) {
    if (files.includes(file))
      lines.push(`- \`${file}\`: float32 in and out; reads normalised samples, see "Build and run"`)
  }
  if (files.includes('model_int8.onnx')) {
    lines.push('- `model_int8.onnx`: as `model.onnx`, in int8 between its ends')
  }
  if (files.includes('model_integer.onnx')) {
    lines.push('- `model_integer.onnx`: as `model_int8.onnx`, in integer operators')
  }
  if (files.includes('model.tflite')) {
    lines.push(
      '- `model.tflite`: int8 in and out; `model_float_io.tflite`: float32 in and out; both read normalised samples, see "Build and run"',
    )
  }
  if (files.includes('c/model.h')) {
    lines.push(
      '- `c/model.c`: int8 in and out; `c/model.h` says how a sample becomes the input and what the outputs mean',
    )
  }
  if (files.includes('frontend/frontend.c')) {
    lines.push('- `frontend/frontend.c`: 16-bit samples in, features out; see "Sound"')
  }
  return lines.join('\n')
}

/** Says at the top which files are not to be used. */
function failedNote({ verification }: ModelCard): string {
  const files = new Set(verification.flatMap(({ artefact, failed }) => (failed ? [artefact] : [])))
  if (files.size === 0) return ''
  const names = [...files].map((file) => `\`${file}\``).join(', ')
  return `\n**Verification failed: do not use ${names}.** What differed is in the table under [Verification](#verification).\n`
}

/** What the estimates leave out where weights have 4 bits. */
const fourBitNote = ({ int8 }: ModelCard): string =>
  int8?.weights.layers.some(({ bits }) => bits === 4)
    ? 'Latency, energy and RAM of that runtime are for 8-bit weights: it has not been measured with 4-bit ones. Flash is for what is stored.\n'
    : ''

/** The card as Markdown. @param instructions how to build and run each artefact. */
export function renderModelCard(card: ModelCard, instructions: readonly string[]): string {
  const { accuracy, cost, data, device, training } = card
  const [low, high] = accuracy.test.interval
  const basis = Object.entries(cost.basis)
    .filter(([, share]) => share > 0)
    .map(([kind, share]) => `${formatNumber(100 * share)} % ${kind}`)
    .join(', ')
  const sources = [...cost.sources, ...(card.costOfC?.sources ?? []).map((source) => `with the exported C: ${source}`)]
  return `# Network ${card.archId} for ${device.id}

Found by Frugal ${card.frugalVersion}, trial ${card.trial} (${card.rule}).
${failedNote(card)}
| | |
|---|---|
| test accuracy in float | **${formatAccuracy(accuracy.test.accuracy)}** (95 % interval ${formatAccuracy(low)} to ${formatAccuracy(high)}; ${accuracy.test.correct} of ${accuracy.test.samples}, measured on ${accuracy.measuredOn}) |
${floatRows(card)}${int8Rows(card)}| validation accuracy | ${formatAccuracy(accuracy.validation)} (${formatAccuracy(accuracy.searchValidation)} after the search's short training) |
| MACs, parameters | ${cost.macs}, ${cost.params} |

${costRows(card)}

${frontEndSection(card)}## Energy

${energySection(card)}

## Verification

${verificationSection(card)}
## Build and run

${instructions.join('\n\n')}

## Device

${device.title}; ${device.runtime}, ${device.dataType}. The estimates are for a network in ${device.dataType} under that runtime.
${fourBitNote(card)}Table answers behind the latency: ${basis}.

${sources.map((source) => `- ${source}`).join('\n')}

${layersSection(card)}
## Input and output

${interfaces(card)}
- classes: ${data.classNames.map(inline).join(', ')}

## Data and training

Data set ${inline(data.name)} (SHA-256 ${data.digest}): ${data.trainSamples} training, ${data.validationSamples} validation and ${data.testSamples} test samples.
Trained for ${training.epochsRun} of at most ${training.epochs} epochs with ${training.engine}, seed ${training.seed}; the weights are those of epoch
${training.keptEpoch}, the last one within a standard error of the best on the validation part. Recipe:

\`\`\`json
${JSON.stringify(training.recipe, null, 2)}
\`\`\`
${pruningText(card)}
${trainingEnergyText(card)}
## Search

${card.search.trials} networks trained (${card.search.failures} failed), ${formatNumber(card.search.cpuSeconds)} s of processor time. ${searchEnergyText(card)}

The same version, data and settings give the same front. In the folder that it was made in, this command makes the same export again:

\`\`\`sh
${card.command.replace(/\p{Cc}+/gu, ' ')}
\`\`\`

Settings of the search:

\`\`\`json
${JSON.stringify(card.search.settings, null, 2)}
\`\`\`
`
}
