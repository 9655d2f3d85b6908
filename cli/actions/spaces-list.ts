import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { formatNumber } from '../../lib/units.ts'
import { countMacs, countParams } from '../../network/measure.ts'
import { geneOperations } from '../../search/genes.ts'
import { listSpaces, loadSpace } from '../../spaces/discover.ts'
import type { GeneDescription } from '../../spaces/genome.ts'
import type { SearchSpace, Task } from '../../spaces/space.ts'
import { shownId, wholeNumber } from '../commands/shared.ts'
import { columns, counted, print, printJson } from './output.ts'

interface SpaceListArguments {
  readonly action: 'show' | undefined
  readonly id: string | undefined
  readonly json: boolean
  readonly input: string
  readonly classes: number
}

/** `frugal spaces` and `frugal spaces show ID`. */
export async function spaces(args: SpaceListArguments): Promise<void> {
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
