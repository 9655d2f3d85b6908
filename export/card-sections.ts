import { formatAccuracy, formatBytes, formatEnergy, formatGrams, formatLatency, formatNumber } from '../lib/units.ts'
import type { Int8Card, ModelCard } from './model-card.ts'

/** Text that may hold anything, made to stay in its line and its table cell. */
export const inline = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[|`<]/g, (c) => `\\${c}`)

const formatJoules = (joules: number): string =>
  joules >= 1000 ? `${formatNumber(joules / 1000)} kJ` : `${formatNumber(joules)} J`

/** A row for each file in float that is not `model.onnx`. */
export const floatRows = ({ floatFiles = [] }: ModelCard): string =>
  floatFiles
    .map(
      ({ file, test, largestDeviation, largestOutput }) =>
        `| test accuracy of \`${file}\` | **${formatAccuracy(test.accuracy)}** (${test.correct} of ${test.samples}); outputs at most ${largestDeviation.toPrecision(2)} off, the largest is ${largestOutput.toPrecision(3)} |\n`,
    )
    .join('')

/** Which weights have 4 bits, what they take and what they cost, in one sentence. */
export function weightsText({ mode, bytes, bytesIn8Bits, validation, validationIn8Bits, layers }: Int8Card['weights']) {
  const four = layers.filter(({ bits }) => bits === 4)
  return (
    `${four.length} of ${layers.length} layers have 4 bits (${mode}), ${bytes} B instead of ${bytesIn8Bits} B; ` +
    `on the validation sample ${formatAccuracy(validation)}, with 8 bits ${formatAccuracy(validationIn8Bits)}`
  )
}

/** Rows about the network in int8 and about what its C needs. */
export function int8Rows({ int8, footprint, costOfC }: ModelCard): string {
  if (int8 === undefined) return ''
  const [low, high] = int8.test.interval
  const four = int8.weights.layers.filter(({ bits }) => bits === 4).map(({ id }) => inline(id))
  const rows = [
    `| test accuracy in int8${four.length === 0 ? '' : ' with 4-bit weights'} | **${formatAccuracy(int8.test.accuracy)}** (95 % interval ${formatAccuracy(low)} to ${formatAccuracy(high)}; ${int8.test.correct} of ${int8.test.samples}, integer reference), ${Math.abs(int8.dropPoints).toFixed(2)} points ${int8.dropPoints < 0 ? 'above' : 'below'} float |`,
  ]
  if (int8.weights.mode !== '8') {
    rows.push(`| 4-bit weights | ${weightsText(int8.weights)}${four.length === 0 ? '' : `: ${four.join(', ')}`} |`)
  }
  if (footprint !== undefined) {
    const { arenaBytes, arenaUsedBytes, stackBytes, constantBytes, flashBytes } = footprint
    const used = arenaUsedBytes === undefined ? '' : `, of which ${arenaUsedBytes} B were written to`
    const stack = stackBytes === undefined ? 'stack not measured here' : `stack ${stackBytes} B`
    const flash = flashBytes === undefined ? 'not measured here' : `${flashBytes} B linked for a Cortex-M4`
    const predicted = (bytes: number | undefined): string =>
      bytes === undefined ? '' : `; predicted ${Math.round(bytes)} B`
    rows.push(
      `| RAM of the C | arena ${arenaBytes} B${used}; ${stack}${predicted(costOfC?.peakRamBytes)} |`,
      `| flash of the C | ${flash}, of which ${constantBytes} B are weights and tables${predicted(costOfC?.flashBytes)} |`,
    )
  }
  return `${rows.join('\n')}\n`
}

/** What pruning took out and cost; nothing where there was none. */
export function pruningText({ pruning }: ModelCard): string {
  if (pruning === undefined) return ''
  const { sparsity, fromArchId, channels, params, macs, testAccuracy, fineTuning } = pruning
  const less = ({ before, after }: { readonly before: number; readonly after: number }): string =>
    `${before} to ${after} (${(100 * (1 - after / before)).toFixed(0)} % less)`
  return `
That was network ${fromArchId}. It was then pruned, ${formatAccuracy(sparsity)} of the channels asked for: channels ${less(channels)},
parameters ${less(params)}, MACs ${less(macs)}; and trained on for ${fineTuning.epochs} epochs at a rate of up to ${formatNumber(fineTuning.learningRate)}.
Test accuracy in float was ${formatAccuracy(testAccuracy.before)} before and ${formatAccuracy(testAccuracy.after)} after.
`
}

/** What became of fine-tuning with fake quantisation, in a few sentences. */
export function fineTuningText({ fineTuning, validationSamples }: Int8Card): string {
  const { mode, thresholdPoints, validationDropBefore, testDropBefore, training } = fineTuning
  const before = `Without fine-tuning quantisation costs ${validationDropBefore.toFixed(2)} points of accuracy on ${validationSamples} validation samples`
  if (training === undefined) {
    const why =
      mode === 'auto'
        ? `not more than the ${thresholdPoints} point from which there would be fine-tuning`
        : 'fine-tuning was not asked for'
    return `${before}; ${why}.`
  }
  const { epochs, keptEpoch, learningRate, fourBitLayers, validationDropAfter, testDropAfter, kept } = training
  const bits = fourBitLayers === 0 ? '' : ` of 4 bits in ${fourBitLayers} layers`
  return (
    `${before}, with fine-tuning ${validationDropAfter.toFixed(2)} (${epochs} epochs with fake quantisation${bits} at up to ${formatNumber(learningRate)}; ` +
    `the weights are those of epoch ${keptEpoch}): ` +
    `${kept ? 'the fine-tuned weights are the ones exported' : 'the weights from before are the ones exported'}. ` +
    `On the test part, which decided nothing, ${testDropBefore.toFixed(2)} without and ${testDropAfter.toFixed(2)} with it.`
  )
}

/** Estimates for the device's own runtime, beside those for the exported C where there is one. */
export function costRows({ cost, costOfC, device }: ModelCard): string {
  // A device that is this C has one column.
  const ofC = costOfC?.profile === device.id ? undefined : costOfC
  const columns = [cost, ...(ofC === undefined ? [] : [ofC])]
  const row = (title: string, cell: (costs: typeof cost | NonNullable<typeof costOfC>) => string): string =>
    `| ${title} | ${columns.map(cell).join(' | ')} |`
  return [
    `| estimated | with ${inline(device.runtime)} |${ofC === undefined ? '' : ' with the exported C |'}`,
    `|---|${'---|'.repeat(columns.length)}`,
    row('latency', ({ latencyMs }) => formatLatency(latencyMs)),
    row(
      'its 90 % interval',
      ({ latencyLowMs, latencyHighMs }) => `${formatLatency(latencyLowMs)} to ${formatLatency(latencyHighMs)}`,
    ),
    row('energy per inference', ({ energyMj }) => formatEnergy(energyMj)),
    row('peak RAM', ({ peakRamBytes }) => formatBytes(peakRamBytes)),
    row('flash', ({ flashBytes }) => formatBytes(flashBytes)),
    ...derivedNote(costOfC),
  ].join('\n')
}

/** That nobody timed the C: its interval says how sure its author is, not what was seen. */
function derivedNote(costOfC: ModelCard['costOfC']): readonly string[] {
  if (costOfC === undefined || !costOfC.sources.some((source) => source.startsWith('latency, derived'))) return []
  const share = Math.round(100 * (costOfC.latencyHighMs / costOfC.latencyMs - 1))
  return [
    '',
    `The latency of the exported C, and with it its energy, is **derived** from its instructions and was never measured on a board: its interval is a stated ±${share} %, not a statistic.`,
  ]
}

/** The energy label: one inference, a watt-hour, a day, and their carbon where a grid factor was given. */
export function energySection({ energy }: ModelCard): string {
  const { duty, gramsPerKwh, gramsCo2ePerMillionInferences: perMillion } = energy
  const every = `one inference every ${formatNumber(duty.periodSeconds)} s`
  const [micro, low, high] = [energy.microjoulesPerInference, energy.microjoulesLow, energy.microjoulesHigh].map(
    formatNumber,
  )
  const rows = [
    `| energy per inference | **${micro} µJ** (${low} to ${high} µJ, by the latency's interval) |`,
    `| inferences per watt-hour | ${formatNumber(energy.inferencesPerWattHour)} |`,
    duty.joulesPerDay === null
      ? `| energy per day | ${every}: one takes longer than that |`
      : `| energy per day, ${every} | ${formatJoules(duty.joulesPerDay)}, idle time included |`,
  ]
  if (perMillion !== undefined) {
    rows.push(`| carbon of a million inferences at ${gramsPerKwh} g/kWh | ${formatGrams(perMillion)} |`)
  }
  if (duty.gramsCo2ePerYear !== undefined) {
    rows.push(`| carbon of a year, ${every} | ${formatGrams(duty.gramsCo2ePerYear)} |`)
  }
  return `| | |\n|---|---|\n${rows.join('\n')}\n\nEstimated with the device's own runtime; ${inline(energy.source)}.`
}

/** What the search itself used, in one sentence. */
export function searchEnergyText({ search }: ModelCard): string {
  const { wattHours, measuredWattHours, basis, sources, gramsPerKwh, gramsCo2e } = search.energy
  const carbon = gramsCo2e === undefined ? '' : `, ${formatGrams(gramsCo2e)} at ${gramsPerKwh} g/kWh`
  const how =
    basis === 'partly measured' ? `${formatNumber(measuredWattHours)} Wh of it measured, the rest estimated` : basis
  return `The search used ${formatNumber(wattHours)} Wh (${how}${carbon}); ${sources.map(inline).join('; ')}.`
}

/** What training the network took after the search, in one sentence; nothing where it is not known. */
export function trainingEnergyText({ training: { energy } }: ModelCard): string {
  if (energy === undefined) return ''
  const { wattHours, passes, basis, source, gramsPerKwh, gramsCo2e } = energy
  const carbon = gramsCo2e === undefined ? '' : `, ${formatGrams(gramsCo2e)} at ${gramsPerKwh} g/kWh`
  return `The training used about ${formatNumber(wattHours)} Wh (${basis}${carbon}): ${formatNumber(passes)} ${passes === 1 ? 'pass' : 'passes'} over the training part; ${inline(source)}.\n`
}

/** Each kernel: what was predicted, and what the emulator counted. */
export function layersSection({ layers, footprint }: ModelCard): string {
  if (layers === undefined) return ''
  const counted = footprint?.layers !== undefined
  const rows = layers.map(
    ({ id, kind, macs, cycles, cyclesOfC, instructionsOfC }) =>
      `| ${inline(id)} | ${kind} | ${macs} | ${cycles ?? ''} | ${cyclesOfC ?? ''} | ${instructionsOfC ?? 'not measured here'} |`,
  )
  const note = counted
    ? 'Instructions of the C were counted on an emulated Cortex-M4, for the first test sample.'
    : 'Instructions of the C were not measured here: that needs arm-none-eabi-gcc, qemu-system-arm and verification.'
  return `## Layers

${note} The cycles are predictions.

| kernel | kind | MACs | cycles, device's runtime | cycles, this C | instructions, this C |
|---|---|---|---|---|---|
${rows.join('\n')}

`
}
