import { formatBytes, formatEnergy, formatLatency, formatNumber } from '../lib/units.ts'
import type { ModelCard } from './model-card.ts'

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

/** Text that may hold anything, made to stay in its line and its table cell. */
const inline = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[|`<]/g, (c) => `\\${c}`)

function int8Rows({ int8, footprint, cost }: ModelCard): string {
  if (int8 === undefined) return ''
  const [low, high] = int8.test.interval
  const rows = [
    `| test accuracy in int8 | **${percent(int8.test.accuracy)}** (95 % interval ${percent(low)} to ${percent(high)}; ${int8.test.correct} of ${int8.test.samples}, integer reference), ${Math.abs(int8.dropPoints).toFixed(2)} points ${int8.dropPoints < 0 ? 'above' : 'below'} float |`,
  ]
  if (footprint !== undefined) {
    const { arenaBytes, arenaUsedBytes, constantBytes, flashBytes } = footprint
    const used = arenaUsedBytes === undefined ? '' : `, of which ${arenaUsedBytes} B were written to`
    const flash = flashBytes === undefined ? 'not measured here' : `${flashBytes} B for a Cortex-M4 (ELF sections)`
    rows.push(
      `| RAM of the C | arena ${arenaBytes} B${used}; the device profile's estimate for its own runtime is ${Math.round(cost.peakRamBytes)} B |`,
      `| flash of the C | ${flash}, of which ${constantBytes} B are weights and tables; the device profile's estimate with its own runtime is ${Math.round(cost.flashBytes)} B |`,
    )
  }
  return `${rows.join('\n')}\n`
}

function verificationSection({ verification, warnings, int8 }: ModelCard): string {
  const rows = verification.map(
    ({ artefact, where, verified, detail }) =>
      `| \`${artefact}\` | ${inline(where)} | ${verified ? 'yes' : '**no**'} | ${inline(detail)} |`,
  )
  const quantised =
    int8 === undefined
      ? ''
      : `\nQuantised after training with ranges from ${int8.calibrationSamples} training samples (${int8.calibration}; on ${int8.validationSamples} validation
samples, extremes give ${percent(int8.validation.minmax)} and percentiles ${percent(int8.validation.percentile)}).\n`
  const warned = warnings.map((warning) => `\n**Warning:** ${warning}\n`).join('')
  return `| file | run by | verified | |\n|---|---|---|---|\n${rows.join('\n')}\n${quantised}${warned}`
}

/** What goes in and what comes out, of each file. */
function interfaces({ files, input, output }: ModelCard): string {
  const lines: string[] = []
  if (files.includes('model.onnx')) {
    lines.push(
      `- \`model.onnx\`: input \`input\`, float32 \`[batch, ${input.shape.join(', ')}]\`, ${input.meaning}; output \`output\`, float32 \`[batch, ${output.shape.join(', ')}]\`, ${output.meaning}`,
    )
  }
  if (files.includes('c/model.h')) {
    lines.push(
      '- `c/model.c`: int8 in and out; `c/model.h` says how a sample becomes the input and what the outputs mean',
    )
  }
  return lines.join('\n')
}

/** The card as Markdown. @param instructions how to build and run each artefact. */
export function renderModelCard(card: ModelCard, instructions: readonly string[]): string {
  const { accuracy, cost, data, device, training } = card
  const [low, high] = accuracy.test.interval
  const basis = Object.entries(cost.basis)
    .filter(([, share]) => share > 0)
    .map(([kind, share]) => `${formatNumber(100 * share)} % ${kind}`)
    .join(', ')
  return `# Network ${card.archId} for ${device.id}

Found by Frugal ${card.frugalVersion}, trial ${card.trial} (${card.rule}).

| | |
|---|---|
| test accuracy in float | **${percent(accuracy.test.accuracy)}** (95 % interval ${percent(low)} to ${percent(high)}; ${accuracy.test.correct} of ${accuracy.test.samples}, measured on ${accuracy.measuredOn}) |
${int8Rows(card)}| validation accuracy | ${percent(accuracy.validation)} (${percent(accuracy.searchValidation)} after the search's short training) |
| latency | ${formatLatency(cost.latencyMs)} (90 % interval ${formatLatency(cost.latencyLowMs)} to ${formatLatency(cost.latencyHighMs)}), estimated |
| energy per inference | ${formatEnergy(cost.energyMj)}, estimated |
| peak RAM | ${formatBytes(cost.peakRamBytes)}, estimated |
| flash | ${formatBytes(cost.flashBytes)}, estimated |
| MACs, parameters | ${cost.macs}, ${cost.params} |

## Verification

${verificationSection(card)}
## Build and run

${instructions.join('\n\n')}

## Device

${device.title}; ${device.runtime}, ${device.dataType}. The estimates are for a network in ${device.dataType} under that runtime.
Table answers behind the latency: ${basis}.

${cost.sources.map((source) => `- ${source}`).join('\n')}

## Input and output

${interfaces(card)}
- classes: ${data.classNames.map(inline).join(', ')}

## Data and training

Data set ${inline(data.name)} (SHA-256 ${data.digest}): ${data.trainSamples} training, ${data.validationSamples} validation and ${data.testSamples} test samples.
Trained for ${training.epochsRun} of at most ${training.epochs} epochs with ${training.engine}, seed ${training.seed}; the weights are those of epoch
${training.bestEpoch}, the best on the validation part. Recipe:

\`\`\`json
${JSON.stringify(training.recipe, null, 2)}
\`\`\`

## Search

${card.search.trials} networks trained (${card.search.failures} failed), ${formatNumber(card.search.cpuSeconds)} s of processor time. To find it again:
the same version, data and settings give the same front.

\`\`\`json
${JSON.stringify(card.search.settings, null, 2)}
\`\`\`
`
}
