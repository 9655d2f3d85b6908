import type { BasisShares } from '../hardware-profiles/index.ts'
import { formatBytes, formatEnergy, formatLatency, formatNumber } from '../lib/units.ts'
import type { VerifiedAccuracy } from './verify.ts'

/** Everything the card says; written as `card.json`, and as prose in `README.md`. Deterministic: no dates, no paths. */
export interface ModelCard {
  readonly format: 'frugal-card/1'
  readonly frugalVersion: string
  readonly archId: string
  readonly trial: number
  readonly rule: string
  readonly device: { readonly id: string; readonly title: string; readonly runtime: string; readonly dataType: string }
  readonly data: {
    readonly name: string
    readonly digest: string
    readonly classNames: readonly string[]
    readonly trainSamples: number
    readonly validationSamples: number
    readonly testSamples: number
  }
  readonly input: { readonly shape: readonly number[]; readonly meaning: string }
  readonly output: { readonly shape: readonly number[]; readonly meaning: string }
  readonly training: {
    readonly engine: string
    readonly epochs: number
    readonly seed: number
    readonly recipe: Readonly<Record<string, unknown>>
  }
  readonly accuracy: {
    /** Measured on the exported file with onnxruntime on the whole test part. */
    readonly test: VerifiedAccuracy
    /** Validation accuracy after the final training, and in the search's short one. */
    readonly validation: number
    readonly searchValidation: number
  }
  readonly cost: {
    readonly macs: number
    readonly params: number
    readonly latencyMs: number
    readonly latencyLowMs: number
    readonly latencyHighMs: number
    readonly energyMj: number
    readonly peakRamBytes: number
    readonly flashBytes: number
    readonly basis: BasisShares
    readonly sources: readonly string[]
  }
  readonly search: {
    readonly trials: number
    readonly failures: number
    readonly cpuSeconds: number
    readonly settings: Readonly<Record<string, unknown>>
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

/** The card as Markdown. */
export function renderModelCard(card: ModelCard): string {
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
| test accuracy | **${percent(accuracy.test.accuracy)}** (95 % interval ${percent(low)} to ${percent(high)}; ${accuracy.test.correct} of ${accuracy.test.samples}, measured by running \`model.onnx\`) |
| validation accuracy | ${percent(accuracy.validation)} (${percent(accuracy.searchValidation)} after the search's short training) |
| latency | ${formatLatency(cost.latencyMs)} (90 % interval ${formatLatency(cost.latencyLowMs)} to ${formatLatency(cost.latencyHighMs)}), estimated |
| energy per inference | ${formatEnergy(cost.energyMj)}, estimated |
| peak RAM | ${formatBytes(cost.peakRamBytes)}, estimated |
| flash | ${formatBytes(cost.flashBytes)}, estimated |
| MACs, parameters | ${cost.macs}, ${cost.params} |

## Device

${device.title}; ${device.runtime}, ${device.dataType}. The estimates are for a network quantised to ${device.dataType}; \`model.onnx\` holds
float32 weights. Table answers behind the latency: ${basis}.

${cost.sources.map((source) => `- ${source}`).join('\n')}

## Input and output

- input \`input\`: float32 \`[batch, ${card.input.shape.join(', ')}]\`; ${card.input.meaning}
- output \`output\`: float32 \`[batch, ${card.output.shape.join(', ')}]\`; ${card.output.meaning}
- classes: ${data.classNames.join(', ')}

## Data and training

Data set \`${data.name}\` (SHA-256 ${data.digest}): ${data.trainSamples} training, ${data.validationSamples} validation and ${data.testSamples} test samples.
Trained for ${training.epochs} epochs with ${training.engine}, seed ${training.seed}:

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
