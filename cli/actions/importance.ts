import { loadProfile } from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { randomStream } from '../../lib/random.ts'
import { formatNumber, formatPercent } from '../../lib/units.ts'
import { importanceSvg } from '../../results/report/importance-svg.ts'
import { METRICS } from '../../results/report/metrics.ts'
import type { TrialOutcome } from '../../results/search-energy.ts'
import type { Experiment } from '../../results/store.ts'
import { geneOperations } from '../../search/genes.ts'
import { type GeneEffect, type GeneEffects, geneEffects, type Sample } from '../../search/importance/gene-effects.ts'
import { type ObjectiveName, parseCost } from '../../search/objectives.ts'
import { priceGenome } from '../../search/pricing.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { wholeNumber } from '../commands/shared.ts'
import { columns, counted, print, printJson, writePicture } from './output.ts'
import { deviceOf, reading } from './read-store.ts'
import { searchDevice, taskOf } from './session.ts'
import { readSettings } from './settings.ts'
import { dataOfExperiment } from './trial-network.ts'

interface ImportanceArguments {
  readonly id: number | undefined
  readonly db: string
  readonly device: string | undefined
  readonly samples: number
  readonly genes: number
  readonly x: string | undefined
  readonly svg: string | undefined
  readonly data: string | undefined
  readonly json: boolean
}

type CostName = Exclude<ObjectiveName, 'accuracy'>

interface Importance {
  readonly experiment: number
  readonly device: string
  /** The rung of the ladder whose trainings tell of the accuracy. */
  readonly rung: number
  /** Effects on the accuracy are differences of accuracies. */
  readonly accuracy: GeneEffects
  /** Effects on costs are natural logarithms of ratios. */
  readonly costs: Readonly<Partial<Record<CostName, GeneEffects>>>
}

/** Fewer trained networks than this say nothing about two dozen genes. */
const LEAST_TRIALS = 8

/** `frugal importance` */
export async function importance(args: ImportanceArguments): Promise<void> {
  wholeNumber(args.samples, '--samples', 100, 100_000)
  wholeNumber(args.genes, '--genes', 1, 1000)
  const asked = args.x === undefined ? undefined : parseCost(args.x, '--x')
  const { experiment, trials, device } = readExperiment(args)
  const cost = asked ?? (experiment.objectives[1] as CostName)
  if (!experiment.objectives.includes(cost)) {
    const known = experiment.objectives.slice(1).join(', ')
    throw new UserError(`'${args.x}' is no objective of experiment ${experiment.id}: choose one of ${known}`)
  }
  const found = await analyse(args, experiment, trials, device)
  if (args.svg !== undefined) writePicture(args.svg, picture(found, cost, args.genes))
  if (args.json) {
    printJson(found)
    return
  }
  print(text(found, args.genes))
  if (args.svg !== undefined) print(`wrote ${args.svg}`)
}

const readExperiment = (args: ImportanceArguments) =>
  reading(args.db, (store) => {
    const experiment = store.experiment(args.id)
    return { experiment, trials: store.outcomes(experiment.id), device: deviceOf(experiment, args.device) }
  })

async function analyse(
  args: ImportanceArguments,
  experiment: Experiment,
  trials: readonly TrialOutcome[],
  device: string,
): Promise<Importance> {
  const settings = readSettings(experiment.settings, experiment.id)
  const rung = busiestRung(trials, experiment.rungs)
  const trained = trials.flatMap((trial): Sample[] =>
    trial.result.ok && trial.rung === rung ? [{ genome: trial.genome, value: trial.result.accuracy }] : [],
  )
  if (trained.length < LEAST_TRIALS) {
    throw new UserError(
      `experiment ${experiment.id} has ${counted(trained.length, 'trained network')}: at least ${LEAST_TRIALS} are needed to tell which genes matter`,
    )
  }
  const space = await loadSpace(settings.space)
  const { space: then } = settings.fingerprints
  if (`${space.id}@${space.version}` !== then) {
    throw new UserError(
      `the space '${settings.space}' is ${space.id}@${space.version} now and was ${then} when experiment ${experiment.id} began: its genes may mean something else now; put the old one back`,
    )
  }
  const dataset = await dataOfExperiment(args.data, settings, experiment)
  const task = taskOf(dataset)
  const genes = space.genes(task)
  const operations = geneOperations(genes)
  const random = randomStream(settings.seed, 'importance')
  const genomes = Array.from({ length: args.samples }, () => operations.sample(random))
  const priced = searchDevice(loadProfile(settings.devices[experiment.devices.indexOf(device)]!), {})
  const prices = genomes.map((genome) => {
    const {
      prices: [price],
      macs,
    } = priceGenome(space, task, [priced], genome)
    return { ...price!, macs }
  })
  const costs: Partial<Record<CostName, GeneEffects>> = {}
  for (const name of experiment.objectives.slice(1) as CostName[]) {
    const samples = genomes.map((genome, i) => ({ genome, value: Math.log(Math.max(prices[i]![name], 1e-12)) }))
    costs[name] = geneEffects(genes, samples, genomes, random)
  }
  return { experiment: experiment.id, device, rung, accuracy: geneEffects(genes, trained, genomes, random), costs }
}

/** The rung on which most networks were trained, of equals the highest: accuracies of several rungs do not mix. */
function busiestRung(trials: readonly TrialOutcome[], rungs: number): number {
  const counts = Array.from({ length: rungs }, (_, rung) => trials.filter((trial) => trial.rung === rung).length)
  return counts.lastIndexOf(Math.max(...counts))
}

const byGene = (effects: GeneEffects): ReadonlyMap<string, GeneEffect> =>
  new Map(effects.genes.map((effect) => [effect.gene, effect]))

/** The choice with the greatest effect, among those that were tried. */
const bestChoice = ({ choices }: GeneEffect, sign: 1 | -1) =>
  choices.filter(({ samples }) => samples > 0).reduce((a, b) => (sign * b.effect > sign * a.effect ? b : a))

function text({ experiment, device, accuracy, costs }: Importance, shown: number): string {
  const names = Object.keys(costs) as CostName[]
  const costEffects = names.map((name) => byGene(costs[name]!))
  const rows = accuracy.genes.slice(0, shown).map((effect) => {
    const best = bestChoice(effect, 1)
    const cheapest = bestChoice(costEffects[0]!.get(effect.gene)!, -1)
    return [
      effect.gene,
      formatPercent(effect.share),
      `${formatPercent(effect.shareLow)} to ${formatPercent(effect.shareHigh)}`,
      ...costEffects.map((effects) => formatPercent(effects.get(effect.gene)!.share)),
      `${best.choice} (${best.effect < 0 ? '' : '+'}${formatNumber(100 * best.effect)} points)`,
      `${cheapest.choice} (× ${formatNumber(Math.exp(cheapest.effect))})`,
    ]
  })
  const headings = [
    'gene',
    'accuracy',
    '90 % interval',
    ...names.map((name) => METRICS[name].heading),
    'best for accuracy',
    `cheapest in ${METRICS[names[0]!].heading}`,
  ]
  const trust =
    accuracy.explained > 0
      ? `Genes one by one explain ${formatPercent(accuracy.explained)} of the accuracy of a network not seen, by ${accuracy.samples} trained ones,`
      : `The ${accuracy.samples} trained networks do not show which genes move the accuracy: train more of them. Genes one by one explain`
  const fits = names.map((name) => `${formatPercent(costs[name]!.explained)} of the ${METRICS[name].heading}`)
  return [
    `Experiment ${experiment} on ${device}: the share of each gene in the variance over the space.`,
    trust,
    `${accuracy.explained > 0 ? 'and ' : ''}${fits.join(', ')} by ${costs[names[0]!]!.samples} random ones (as ratios).`,
    '',
    columns([headings, ...rows], [1, 2, ...names.map((_, i) => i + 3)]),
  ].join('\n')
}

function picture({ experiment, device, accuracy, costs }: Importance, cost: CostName, shown: number): string {
  const ofCost = byGene(costs[cost]!)
  return importanceSvg(
    accuracy.genes
      .slice(0, shown)
      .map((effect) => ({ gene: effect.gene, accuracy: effect, cost: ofCost.get(effect.gene)! })),
    {
      id: `importance-${experiment}-${device.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`,
      title: `What moves accuracy and ${METRICS[cost].heading} on ${device}`,
      subtitle: `Experiment ${experiment} · ${accuracy.samples} trained networks; genes one by one explain ${formatPercent(Math.max(0, accuracy.explained))} of the accuracy`,
      cost: METRICS[cost].heading,
    },
  )
}
