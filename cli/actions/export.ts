import path from 'node:path'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { weightsText } from '../../export/card-sections.ts'
import type { LabelOptions } from '../../export/energy-label.ts'
import { affordableCosts, exportNetwork as writeExport } from '../../export/export-network.ts'
import { checkText } from '../../export/formats/check.ts'
import type { ExportFormat } from '../../export/formats/format.ts'
import { defaultFormats, formatsFor, parseFormats, weightBitsFor } from '../../export/formats/index.ts'
import { type ExportedDevice, renderIndex } from '../../export/index-page.ts'
import type { ModelCard } from '../../export/model-card.ts'
import { WEIGHT_BITS_MODES, type WeightBitsMode } from '../../export/quantise/weight-bits.ts'
import { type Selection, selectTrial } from '../../export/select.ts'
import { createCostModel, loadProfile, type Profile } from '../../hardware-profiles/index.ts'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { pathInside, writeFileAtomic } from '../../lib/files.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { formatLatency } from '../../lib/units.ts'
import type { SearchEnergy } from '../../results/search-energy.ts'
import { openStore } from '../../results/sqlite/open.ts'
import type { Experiment, Front } from '../../results/store.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { SearchSpace } from '../../spaces/space.ts'
import { wholeNumber } from '../commands/shared.ts'
import { packageVersion } from '../package-version.ts'
import { energyOfPass, meterExport } from './export-energy.ts'
import { type LabelArguments, labelFlags, labelOptions, searchEnergyOf } from './export-label.ts'
import { checkOutFolder, type ExportTrainer, exportTrainer } from './export-training.ts'
import { deviceOf } from './inspect.ts'
import { interruptible } from './interruption.ts'
import { print } from './output.ts'
import { checkPreparation, type PreparationArguments, prepareNetwork } from './prepare-network.ts'
import { loadData } from './session.ts'
import { dataPathOf, readSettings, type SearchSettings } from './settings.ts'
import { checkSameData } from './trial-network.ts'

interface ExportArguments extends PreparationArguments, LabelArguments {
  readonly id: number | undefined
  readonly db: string
  readonly device: string | undefined
  readonly trial: number | undefined
  readonly knee: boolean
  readonly data: string | undefined
  readonly format: string | undefined
  readonly all: boolean
  readonly verify: boolean
  readonly name: string
  readonly 'weights-bits': string
}

/** Everything that the exports of one command share. */
interface Session {
  readonly args: ExportArguments
  readonly experiment: Experiment
  readonly settings: SearchSettings
  readonly trials: readonly TrialRecord[]
  readonly energy: SearchEnergy
  readonly label: LabelOptions
  readonly dataset: Dataset
  readonly space: SearchSpace
  readonly signal: AbortSignal
  readonly train: ExportTrainer
}

/** `frugal export` */
export async function exportNetwork(args: ExportArguments): Promise<void> {
  if (args.trial !== undefined) wholeNumber(args.trial, '--trial', 0, Number.MAX_SAFE_INTEGER)
  if (args.all && args.device !== undefined)
    throw new UserError('--all and --device exclude each other: give one of them')
  if (args.knee && args.trial !== undefined)
    throw new UserError('--knee and --trial exclude each other: give one of them')
  checkPreparation(args)
  checkOutFolder(args.out)
  const flags = labelFlags(args)
  const wantedBits = weightBitsMode(args['weights-bits'])
  const asked = formatsAsked(args)
  const { experiment, fronts, trials, energy } = readExperiment(args)
  const settings = readSettings(experiment.settings, experiment.id)
  for (const { device } of fronts) {
    const profile = profileOf(device, experiment, settings)
    weightBitsFor(wantedBits, chosenFormats(asked, profile, args), profile, { some: args.all })
  }
  if (args.qat === 'always') checkQuantises(fronts, asked, experiment, settings, args)
  const selections = fronts.map((front) => ({ front, selection: selectionOf(front, trials, args) }))
  const data = args.data ?? settings.data
  const dataset = await loadData(dataPathOf(data), settings.seed)
  checkSameData(dataset, data, experiment)
  const space = await loadSpace(settings.space)
  const work = async (signal: AbortSignal): Promise<void> => {
    const label = labelOptions(flags, energy)
    const shared = { args, experiment, settings, trials, energy, label, dataset, space }
    const session = { ...shared, signal, train: exportTrainer(args.out, signal) }
    let exported: readonly ExportedDevice[] = []
    await meterExport(settings, async () => {
      exported = await exportAll(session, selections)
    })
    checkVerified(exported, args.out)
  }
  await interruptible(work, () => {
    process.stderr.write('frugal: stopped; the same command goes on from there, whole epochs are kept\n')
  })
}

/** @returns what was exported for each device. */
async function exportAll(
  session: Session,
  selections: readonly { readonly front: Front; readonly selection: Selection | undefined }[],
): Promise<readonly ExportedDevice[]> {
  const { args } = session
  const exported: ExportedDevice[] = []
  for (const { front, selection } of selections) {
    const out = args.all ? pathInside(args.out, front.device) : args.out
    if (selection === undefined) print(`${front.device}: no trained network is within its limits`)
    exported.push({
      device: front.device,
      card: selection === undefined ? undefined : await exportOne(session, front, selection, out),
    })
  }
  if (!args.all) return exported
  writeFileAtomic(path.join(args.out, 'README.md'), renderIndex(exported))
  print(`${args.out}: README.md and a folder for each device`)
  return exported
}

/** @throws OperationalError when a file does something else than it should: it is written, but nobody should use it. */
function checkVerified(exported: readonly ExportedDevice[], out: string): void {
  const failed = exported.flatMap(({ device, card }) =>
    (card?.verification ?? []).filter((check) => check.failed).map((check) => ({ device, check })),
  )
  const [first] = failed
  if (first === undefined) return
  const others = failed
    .slice(1)
    .map(({ device, check: { artefact, where } }) => `${artefact} on ${where} for ${device}`)
  const rest = others.length === 0 ? '' : `; so did ${others.join(', ')}`
  throw new OperationalError(
    `verification failed for ${first.device}: ${checkText(first.check)}${rest}; the files are in '${out}', marked as failed: do not use them`,
  )
}

function readExperiment(args: ExportArguments) {
  const store = openStore(args.db, { write: false })
  try {
    const experiment = store.experiment(args.id)
    const devices = args.all ? experiment.devices : [deviceOf(experiment, args.device)]
    const fronts = devices.map((device) => store.front(experiment.id, device))
    return { experiment, fronts, trials: store.trials(experiment.id), energy: store.energy(experiment.id) }
  } finally {
    store.close()
  }
}

/** @throws UserError when fine-tuning is asked for, and nothing that is written would be quantised. */
function checkQuantises(
  fronts: readonly Front[],
  asked: readonly ExportFormat[] | undefined,
  experiment: Experiment,
  settings: SearchSettings,
  args: ExportArguments,
): void {
  const formats = fronts.flatMap(({ device }) => chosenFormats(asked, profileOf(device, experiment, settings), args))
  if (formats.some(({ needsInt8 }) => needsInt8)) return
  const ids = [...new Set(formats.map(({ id }) => id))].join(', ')
  throw new UserError(
    `--qat always fine-tunes quantised networks, but ${ids} holds none: choose --format of tflite, c, onnx-int8 or onnx-integer, or leave --qat out`,
  )
}

const profileOf = (device: string, { devices }: Experiment, settings: SearchSettings): Profile =>
  loadProfile(settings.devices[devices.indexOf(device)]!)

const formatsAsked = ({ format }: ExportArguments): readonly ExportFormat[] | undefined =>
  format === undefined ? undefined : parseFormats(format)

/** @throws UserError for anything but the three ways. */
function weightBitsMode(text: string): WeightBitsMode {
  const mode = WEIGHT_BITS_MODES.find((name) => name === text)
  if (mode === undefined) throw new UserError(unknownName('--weights-bits', text, WEIGHT_BITS_MODES))
  return mode
}

/** What is written for a device: with `--all`, of the formats asked for those that it runs. */
const chosenFormats = (
  asked: readonly ExportFormat[] | undefined,
  profile: Profile,
  { all }: Pick<ExportArguments, 'all'>,
): readonly ExportFormat[] =>
  asked === undefined ? defaultFormats(profile.family) : formatsFor(asked, profile, { some: all })

/** With `--all` a device without any network is left out; alone it is an error. */
const selectionOf = (front: Front, trials: readonly TrialRecord[], { all, trial, knee }: ExportArguments) =>
  all && trial === undefined && front.points.length === 0 ? undefined : selectTrial(front, trials, { trial, knee })

async function exportOne(session: Session, front: Front, selection: Selection, out: string): Promise<ModelCard> {
  const { args, experiment, settings, trials, dataset, space, signal } = session
  const costModel = createCostModel(profileOf(front.device, experiment, settings))
  const asked = formatsAsked(args)
  const formats = chosenFormats(asked, costModel.profile, args)
  const left = (asked ?? []).filter((format) => !formats.includes(format)).map(({ id }) => id)
  const wanted = weightBitsMode(args['weights-bits'])
  const weightBits = weightBitsFor(wanted, formats, costModel.profile, { some: args.all })
  if (weightBits !== wanted) print(`${front.device}: weights have 8 bits, which is what its runtime takes`)
  if (left.length > 0) print(`${front.device}: without ${left.join(', ')}, which its runtime does not open`)
  const prepared = await prepareNetwork(session, selection.record, (graph) => void affordableCosts(costModel, graph))
  const card = await writeExport({
    ...prepared,
    selection,
    space: { id: space.id, version: space.version },
    dataset,
    costModel,
    formats,
    weightBits,
    verify: args.verify,
    name: args.name,
    search: {
      trials: trials.length,
      failures: trials.filter(({ result }) => !result.ok).length,
      cpuSeconds: trials.reduce((sum, { result }) => sum + (result.ok ? result.cpuSeconds : 0), 0),
      energy: searchEnergyOf(session.energy, session.label),
      settings: { ...settings, data: dataset.name },
    },
    label: session.label,
    passEnergy: energyOfPass(session, selection.record.archId),
    frugalVersion: packageVersion(),
    out,
    signal,
  })
  report(card, out)
  return card
}

/** What was written and what came of running it. */
function report(card: ModelCard, out: string): void {
  const { test, measuredOn } = card.accuracy
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
  print(
    `${out}: ${[...card.files, 'architecture.json', 'weights.safetensors', 'card.json', 'card.schema.json', 'README.md'].join(', ')}; test accuracy ${percent(test.accuracy)} ` +
      `(${test.correct} of ${test.samples}, measured on ${measuredOn}), ${formatLatency(card.cost.latencyMs)} on ${card.device.id}`,
  )
  for (const { file, test, largestDeviation } of card.floatFiles ?? []) {
    print(`${file}: test accuracy ${percent(test.accuracy)}, outputs at most ${largestDeviation.toPrecision(2)} off`)
  }
  if (card.int8 !== undefined) {
    const { test: int8, dropPoints, weights } = card.int8
    const bits = weights.layers.some((layer) => layer.bits === 4) ? 'int8 with 4-bit weights' : 'int8'
    print(
      `${bits}: test accuracy ${percent(int8.accuracy)} (${int8.correct} of ${int8.samples}), drop ${dropPoints.toFixed(2)} points`,
    )
    if (weights.mode !== '8') print(`weights: ${weightsText(weights)}`)
  }
  for (const check of card.verification) {
    print(`${check.failed ? 'FAILED' : check.verified ? 'verified' : 'NOT verified'}: ${checkText(check)}`)
  }
  for (const warning of card.warnings) print(`warning: ${warning}`)
}
