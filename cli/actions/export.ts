import path from 'node:path'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { weightsText } from '../../export/card-sections.ts'
import type { LabelOptions } from '../../export/energy-label.ts'
import { affordableCosts, exportNetwork as writeExport } from '../../export/export-network.ts'
import { checkText } from '../../export/formats/check.ts'
import { type ExportedDevice, renderIndex } from '../../export/index-page.ts'
import type { ModelCard } from '../../export/model-card.ts'
import type { QatMode } from '../../export/quantise/qat-mode.ts'
import type { Selection } from '../../export/select.ts'
import { createCostModel } from '../../hardware-profiles/index.ts'
import { OperationalError, UserError } from '../../lib/errors.ts'
import { pathInside, writeFileAtomic } from '../../lib/files.ts'
import { formatAccuracy, formatLatency } from '../../lib/units.ts'
import type { SearchEnergy } from '../../results/search-energy.ts'
import type { TrialRecord } from '../../search/journal.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { SearchSpace } from '../../spaces/space.ts'
import { wholeNumber } from '../commands/shared.ts'
import { packageVersion } from '../package-version.ts'
import { exportCommand } from './export-command.ts'
import { type ExportEnergy, energyOfPass, exportEnergyText, meterExport } from './export-energy.ts'
import { type LabelArguments, labelFlags, labelOptions, searchEnergyOf } from './export-label.ts'
import { type DevicePlan, type PlanArguments, planExports, wantedFiles } from './export-plan.ts'
import { checkOutFolder, type ExportTrainer, exportTrainer } from './export-training.ts'
import { interruptible } from './interruption.ts'
import { messagesOf, printJson, say } from './output.ts'
import { checkPreparation, type PreparationArguments, prepareNetwork } from './prepare-network.ts'
import { deviceOf, reading } from './read-store.ts'
import { readSettings, type SearchSettings } from './settings.ts'
import { dataOfExperiment } from './trial-network.ts'

interface ExportArguments extends PreparationArguments, LabelArguments, PlanArguments {
  readonly id: number | undefined
  readonly db: string
  readonly device: string | undefined
  readonly data: string | undefined
  readonly verify: boolean
  readonly name: string
  readonly json: boolean
}

/** Everything that the exports of one command share. */
interface Session {
  readonly args: ExportArguments
  readonly experiment: number
  readonly qat: QatMode
  readonly settings: SearchSettings
  readonly trials: readonly TrialRecord[]
  readonly energy: SearchEnergy
  readonly label: LabelOptions
  readonly dataset: Dataset
  readonly space: SearchSpace
  readonly signal: AbortSignal
  readonly train: ExportTrainer
  readonly tell: (text: string) => void
}

/** `frugal export` */
export async function exportNetwork(args: ExportArguments): Promise<void> {
  if (args.trial !== undefined) wholeNumber(args.trial, '--trial', 0, Number.MAX_SAFE_INTEGER)
  if (args.all && args.device !== undefined)
    throw new UserError('--all and --device exclude each other: give one of them')
  if (args.knee && args.trial !== undefined)
    throw new UserError('--knee and --trial exclude each other: give one of them')
  const qat = checkPreparation(args)
  checkOutFolder(args.out)
  const flags = labelFlags(args)
  const wanted = wantedFiles(args)
  const { experiment, fronts, trials, energy } = readExperiment(args)
  const settings = readSettings(experiment.settings, experiment.id)
  const plans = planExports(args, { ...wanted, qat }, { experiment, fronts, trials, settings })
  const dataset = await dataOfExperiment(args.data, settings, experiment)
  const space = await loadSpace(settings.space)
  const work = async (signal: AbortSignal): Promise<void> => {
    const label = labelOptions(flags, energy)
    const shared = { args, experiment: experiment.id, qat, settings, trials, energy, label, dataset, space }
    const train = exportTrainer(args.out, signal, args.json ? 'text-beside-json' : 'text')
    const tell = (text: string): void => say(messagesOf(args.json), text)
    const session = { ...shared, signal, train, tell }
    let exported: readonly ExportedDevice[] = []
    const used = await meterExport(settings, async () => {
      exported = await exportAll(session, plans)
    })
    tell(exportEnergyText(used))
    if (args.json) printJson(exportJson(experiment.id, args, exported, used))
    checkVerified(exported, args.out)
  }
  await interruptible(work, () => {
    process.stderr.write('frugal: stopped; the same command goes on from there, whole epochs are kept\n')
  })
}

/** The folder of one device's files. */
function folderOf({ all, out }: ExportArguments, device: string): string {
  if (!all) return out
  pathInside(out, device)
  return path.join(out, device)
}

/** What `--json` prints; `card` has the schema `card.schema.json`. */
const exportJson = (
  experiment: number,
  args: ExportArguments,
  exported: readonly ExportedDevice[],
  energy: ExportEnergy,
): unknown => ({
  experiment,
  devices: exported.map(({ device, card }) =>
    card === undefined
      ? { device, out: null, files: [], card: null }
      : { device, out: folderOf(args, device), files: filesOf(card), card },
  ),
  energy,
})

/** Every file of an export, relative to its folder. */
const filesOf = (card: ModelCard): readonly string[] => [
  ...card.files,
  'architecture.json',
  'weights.safetensors',
  'card.json',
  'card.schema.json',
  'README.md',
]

/** @returns what was exported for each device. */
async function exportAll(session: Session, plans: readonly DevicePlan[]): Promise<readonly ExportedDevice[]> {
  const { args, tell } = session
  const exported: ExportedDevice[] = []
  for (const plan of plans) {
    const { device, selection } = plan
    const out = folderOf(args, device)
    if (selection === undefined) tell(`${device}: no trained network is within its limits`)
    exported.push({ device, card: selection && (await exportOne(session, plan, selection, out)) })
  }
  if (!args.all) return exported
  writeFileAtomic(path.join(args.out, 'README.md'), renderIndex(exported))
  tell(`${args.out}: README.md and a folder for each device`)
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

const readExperiment = (args: ExportArguments) =>
  reading(args.db, (store) => {
    const experiment = store.experiment(args.id)
    const devices = args.all ? experiment.devices : [deviceOf(experiment, args.device)]
    const fronts = devices.map((device) => store.front(experiment.id, device))
    return { experiment, fronts, trials: store.trials(experiment.id), energy: store.energy(experiment.id) }
  })

async function exportOne(session: Session, plan: DevicePlan, selection: Selection, out: string): Promise<ModelCard> {
  const { args, settings, trials, dataset, space, signal, tell } = session
  const costModel = createCostModel(plan.profile)
  for (const note of plan.notes) tell(`${plan.device}: ${note}`)
  const prepared = await prepareNetwork(session, selection.record, (graph) => void affordableCosts(costModel, graph))
  const card = await writeExport({
    ...prepared,
    selection,
    command: exportCommand(args, session.experiment, plan),
    space: { id: space.id, version: space.version },
    dataset,
    costModel,
    formats: plan.formats,
    weightBits: plan.weightBits,
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
  report(card, out, tell)
  return card
}

/** A file that was not run: the card's words for it, without saying twice that it was not. */
const notRunText = (check: ModelCard['verification'][number]): string =>
  `NOT verified: ${checkText(check)
    .replace(' on anywhere:', ':')
    .replace(/: not verified(?: here)?: /, ': ')}`

/** What was written and what came of running it. */
function report(card: ModelCard, out: string, print: (text: string) => void): void {
  const { test, measuredOn } = card.accuracy
  print(
    `${out}: ${filesOf(card).join(', ')}; test accuracy ${formatAccuracy(test.accuracy)} ` +
      `(${test.correct} of ${test.samples}, measured on ${measuredOn}), ${formatLatency(card.cost.latencyMs)} on ${card.device.id}`,
  )
  for (const { file, test, largestDeviation } of card.floatFiles ?? []) {
    print(
      `${file}: test accuracy ${formatAccuracy(test.accuracy)}, outputs at most ${largestDeviation.toPrecision(2)} off`,
    )
  }
  if (card.int8 !== undefined) {
    const { test: int8, dropPoints, weights } = card.int8
    const bits = weights.layers.some((layer) => layer.bits === 4) ? 'int8 with 4-bit weights' : 'int8'
    print(
      `${bits}: test accuracy ${formatAccuracy(int8.accuracy)} (${int8.correct} of ${int8.samples}), drop ${dropPoints.toFixed(2)} points`,
    )
    if (weights.mode !== '8') print(`weights: ${weightsText(weights)}`)
  }
  for (const check of card.verification) {
    print(
      check.verified || check.failed
        ? `${check.failed ? 'FAILED' : 'verified'}: ${checkText(check)}`
        : notRunText(check),
    )
  }
  for (const warning of card.warnings) print(`warning: ${warning}`)
}
