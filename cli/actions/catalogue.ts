import { listProfiles, loadProfile, type Profile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { formatBytes, formatNumber } from '../../lib/units.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { geneOperations } from '../../search/genes.ts'
import { listSpaces, loadSpace } from '../../spaces/discover.ts'
import type { GeneDescription } from '../../spaces/genome.ts'
import type { SearchSpace, Task } from '../../spaces/space.ts'
import { wholeNumber } from '../commands/shared.ts'
import { columns, counted, print, printJson } from './output.ts'

interface CatalogueArguments {
  readonly action: 'show' | undefined
  readonly id: string | undefined
  readonly json: boolean
}

/** @throws UserError when `show` has no id. */
function shownId(args: CatalogueArguments, what: string, example: string): string | undefined {
  if (args.action === 'show' && args.id === undefined)
    throw new UserError(`name the ${what} to show: for example frugal ${what}s show ${example}`)
  return args.id
}

/** `frugal devices` and `frugal devices show ID`. */
export async function devices(args: CatalogueArguments): Promise<void> {
  const id = shownId(args, 'device', 'stm32f446-tflm-cmsisnn')
  if (id !== undefined) {
    const profile = loadProfile(id)
    if (args.json) return printJson(profile)
    return print(describeProfile(profile))
  }
  const profiles = listProfiles().map((member) => loadProfile(member.id))
  if (args.json) {
    return printJson(
      profiles.map(({ id, title, family, runtime, dataType, ramBytes, flashBytes }) => ({
        id,
        title,
        family,
        runtime,
        dataType,
        ramBytes,
        flashBytes,
      })),
    )
  }
  const rows = profiles.map((profile) => [
    profile.id,
    profile.family,
    profile.dataType,
    formatBytes(profile.ramBytes),
    formatBytes(profile.flashBytes),
    latencyError(profile),
    profile.title,
  ])
  print(columns([['device', 'family', 'type', 'RAM', 'flash', 'latency error', 'what'], ...rows], [3, 4, 5]))
  print(
    "\nand 'host', this computer: measured with onnxruntime when it is first asked for (again: frugal devices bench host)",
  )
}

/** Mean error of the latency on left-out cases, whole models before single operators. */
function latencyError(profile: Profile): string {
  const checked =
    profile.validation.find(({ quantity }) => quantity === 'latency') ??
    profile.validation.find(({ quantity }) => quantity === 'operatorLatency')
  return checked === undefined ? 'not checked' : `${formatNumber(checked.mape * 100)} %`
}

function describeProfile(profile: Profile): string {
  const { energy, memory } = profile
  const supply = profile.supplyVolts === undefined ? '' : `, ${profile.supplyVolts} V`
  const lines = [
    `${profile.id}: ${profile.title}`,
    '',
    `family    ${profile.family}, ${profile.core}, ${formatNumber(profile.clockHz / 1e6)} MHz${supply}`,
    `runtime   ${profile.runtime}, ${profile.dataType}; fuses ${profile.fusedActivations.join(', ') || 'no activation'}`,
    `memory    RAM ${formatBytes(profile.ramBytes)}, flash ${formatBytes(profile.flashBytes)} (${memory.provenance.kind}: ${memory.provenance.source})`,
    `energy    ${formatNumber(energy.activePowerMw)} mW active, ${formatNumber(energy.idlePowerMw)} mW idle (${energy.provenance.kind}: ${energy.provenance.source})`,
    ...(profile.operatingPoints ?? []).map(
      ({ name, clockHz, volts, powerScale }) =>
        `point     ${name}: ${formatNumber(clockHz / 1e6)} MHz, ${volts} V, ${formatNumber(powerScale)} times the active power`,
    ),
    '',
    'Latency tables, with the 90 % error on left-out cases and the source',
    columns(
      profile.tables.flatMap((table) =>
        table.models.map((model) => [
          `  ${table.kernel}`,
          `±${formatNumber(model.error90 * 100)} %`,
          model.provenance.kind,
          `${model.fallback === true ? 'on the host core; ' : ''}${model.provenance.source}`,
        ]),
      ),
      [1],
    ),
  ]
  if (profile.validation.length > 0) {
    lines.push('', 'Checked on cases that were not fitted')
    for (const { name, quantity, method, cases, mape, within15, worst } of profile.validation) {
      lines.push(
        `  ${name} (${quantity}): ${cases} cases, mean error ${formatNumber(mape * 100)} %, ` +
          `${formatNumber(within15 * 100)} % within ±15 %, worst ${formatNumber(worst * 100)} %; ${method}`,
      )
    }
  }
  if (profile.notes.length > 0) lines.push('', 'Notes', ...profile.notes.map((note) => `  ${note}`))
  return lines.join('\n')
}

/** `frugal spaces` and `frugal spaces show ID`. */
export async function spaces(
  args: CatalogueArguments & { readonly input: string; readonly classes: number },
): Promise<void> {
  const id = shownId(args, 'space', 'mobilenet')
  if (id === undefined) {
    const known = await Promise.all(listSpaces().map((member) => loadSpace(member.id)))
    if (args.json)
      return printJson(known.map(({ id, version, title, description }) => ({ id, version, title, description })))
    return print(columns([['space', 'what'], ...known.map(({ id, title }) => [id, title])]))
  }
  const task = parseTask(args.input, args.classes)
  const space = await loadSpace(id)
  const genes = space.genes(task)
  if (args.json)
    return printJson({
      id: space.id,
      version: space.version,
      title: space.title,
      description: space.description,
      task,
      genes,
    })
  print(describeSpace(space, task, genes))
}

function parseTask(input: string, classes: number): Task {
  const match = /^(\d{1,4})[x×](\d{1,4})[x×](\d{1,3})$/.exec(input)
  if (match === null || match.slice(1).some((length) => Number(length) === 0)) {
    throw new UserError(`--input '${input}' is no shape: write height x width x channels, for example 32x32x3`)
  }
  return { inputShape: match.slice(1).map(Number), classCount: wholeNumber(classes, '--classes', 2, 100_000) }
}

const SAMPLED = 500

function describeSpace(space: SearchSpace, task: Task, genes: readonly GeneDescription[]): string {
  const operations = geneOperations(genes)
  const random = randomStream(1, 'spaces-show')
  const sampled = Array.from({ length: SAMPLED }, () => space.decode(operations.sample(random), task))
  const range = (values: readonly number[]) => {
    const sorted = [...values].sort((a, b) => a - b)
    const at = (share: number) => formatCount(sorted[Math.round(share * (sorted.length - 1))]!)
    return `${at(0)} to ${at(1)}, half of them ${at(0.25)} to ${at(0.75)}`
  }
  return [
    `${space.id} (version ${space.version}): ${space.title}`,
    '',
    ...(space.description === '' ? [] : [space.description, '']),
    `For samples of ${task.inputShape.join('×')} and ${task.classCount} classes: ${genes.length} genes, at most ${genomesText(genes)}.`,
    `Of ${SAMPLED} random ones: MACs ${range(sampled.map(countMacs))}; parameters ${range(sampled.map(countParams))}.`,
    '',
    columns([
      ['gene', 'kind', 'choices', 'matters when'],
      ...genes.map((gene) => [gene.name, gene.kind, gene.choices.join(' '), condition(gene, genes)]),
    ]),
  ].join('\n')
}

/** Genomes that can be written; inactive genes and equal networks make fewer of them. */
function genomesText(genes: readonly GeneDescription[]): string {
  const magnitude = genes.reduce((sum, gene) => sum + Math.log10(gene.choices.length), 0)
  return magnitude < 6 ? counted(Math.round(10 ** magnitude), 'network') : `10^${formatNumber(magnitude)} networks`
}

function condition(gene: GeneDescription, genes: readonly GeneDescription[]): string {
  if (gene.activeWhen === undefined) return 'always'
  const { gene: other, choices } = gene.activeWhen
  const names = genes.find(({ name }) => name === other)!.choices
  return `${other} is ${choices.map((index) => names[index]).join(' or ')}`
}

const formatCount = (count: number): string =>
  count >= 1e6 ? `${formatNumber(count / 1e6)} M` : count >= 1e3 ? `${formatNumber(count / 1e3)} k` : `${count}`
