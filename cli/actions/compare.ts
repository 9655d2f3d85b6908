import { canonicalJson } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'
import { formatNumber, formatPercent } from '../../lib/units.ts'
import { type ComparedGroup, type Comparison, compareGroups, type RunGroup } from '../../results/compare/compare.ts'
import { runOf, type Spending } from '../../results/compare/runs.ts'
import { comparisonSvg, MOST_GROUPS } from '../../results/report/comparison-svg.ts'
import { METRICS, type MetricName } from '../../results/report/metrics.ts'
import type { Experiment } from '../../results/store.ts'
import { parseCost } from '../../search/objectives.ts'
import { renderCurves } from '../render/curves.ts'
import { terminalOf } from '../render/terminal.ts'
import { columns, counted, print, printJson, writePicture } from './output.ts'
import { reading } from './read-store.ts'

interface CompareArguments {
  readonly runs: readonly string[]
  readonly db: string
  readonly device: string | undefined
  readonly x: string | undefined
  readonly over: 'trials' | 'cpu-seconds'
  readonly svg: string | undefined
  readonly json: boolean
}

interface NamedIds {
  readonly name: string
  readonly ids: readonly number[]
}

/** `frugal compare` */
export async function compare(args: CompareArguments): Promise<void> {
  const wanted = args.runs.map(parseGroup)
  checkGroups(wanted)
  const asked = args.x === undefined ? undefined : parseCost(args.x, '--x')
  const over: Spending = args.over === 'cpu-seconds' ? 'cpuSeconds' : 'trials'
  const { device, cost, groups } = reading(args.db, (store) => {
    const [first] = wanted
    const { devices, objectives } = store.experiment(first!.ids[0])
    const compared = args.device ?? devices[0]!
    const read = wanted.map(({ name, ids }): RunGroup => {
      const experiments = ids.map((id) => store.experiment(id))
      return {
        name,
        experiments,
        runs: experiments.map((one) => runOf(one, store.trials(one.id, compared), compared, over)),
      }
    })
    return { device: compared, cost: asked ?? objectives[1]!, groups: read }
  })
  const comparison = compareGroups(groups, device, { cost, over })
  const others = otherwiseDifferent(
    groups.flatMap(({ experiments }) => experiments),
    device,
  )
  if (others.length > 0) {
    process.stderr.write(
      `frugal: these experiments also differ in ${others.join(' and ')}: that is part of every difference below\n`,
    )
  }
  show(comparison, args)
}

/** What else than the way of searching makes accuracies and fronts differ. */
function otherwiseDifferent(experiments: readonly Experiment[], device: string): readonly string[] {
  const aspects: readonly (readonly [string, (experiment: Experiment) => unknown])[] = [
    ['the full training of a network (epochs, share of the data)', ({ settings }) => settings['fidelity']],
    ['the recipe of training', ({ settings }) => settings['recipe']],
    ['inherited weights', ({ settings }) => settings['inherit']],
    [
      'the limits of the device',
      ({ settings, devices }) => (settings['limits'] as readonly unknown[] | undefined)?.[devices.indexOf(device)],
    ],
  ]
  return aspects.flatMap(([name, of]) => {
    const values = experiments.map((experiment) => canonicalJson(of(experiment) ?? null))
    return values.every((value) => value === values[0]) ? [] : [name]
  })
}

/** Reads `3`, `3,4,5` or `NAME=3,4,5`. */
function parseGroup(text: string): NamedIds {
  const [, given, list] = /^(?:([^=]*)=)?(.*)$/s.exec(text)!
  const ids = list!.split(',').map((part) => {
    if (!/^[1-9]\d{0,14}$/.test(part.trim())) {
      throw new UserError(
        `'${text}' names no experiments: write an id such as 3, several such as 3,4,5, or NAME=3,4,5 (frugal list shows them)`,
      )
    }
    return Number(part)
  })
  if (given === '') throw new UserError(`'${text}' has an empty name: write for example frugal=3,4,5`)
  return { name: given ?? (ids.length === 1 ? `experiment ${ids[0]}` : `experiments ${ids.join(', ')}`), ids }
}

function checkGroups(groups: readonly NamedIds[]): void {
  if (groups.length < 2) throw new UserError('name at least two experiments to compare: for example frugal compare 1 2')
  if (groups.length > MOST_GROUPS) {
    throw new UserError(`${groups.length} groups are too many to tell apart: compare at most ${MOST_GROUPS} at a time`)
  }
  const ids = groups.flatMap((group) => group.ids)
  const twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined) throw new UserError(`experiment ${twice} is named twice: name each once`)
  const names = groups.map(({ name }) => name)
  const doubled = names.find((name, i) => names.indexOf(name) !== i)
  if (doubled !== undefined) throw new UserError(`two groups are called '${doubled}': give each its own name`)
}

function show(comparison: Comparison, { json, svg }: CompareArguments): void {
  if (svg !== undefined) writePicture(svg, comparisonSvg(comparison))
  if (json) {
    printJson(comparison)
    return
  }
  const { device, objectives, reference, groups, pairs } = comparison
  const terminal = terminalOf(process.stdout)
  const box = objectives.map((name, i) => {
    const { heading, format } = METRICS[name as MetricName]
    return `${heading} ${format(reference[i]!)}`
  })
  print(`On ${device}; hypervolume is the dominated share of the box whose worst corner is ${box.join(', ')}.`)
  print(renderCurves(groups, UNITS[comparison.over], terminal))
  print(curveTable(comparison))
  print('')
  print(pairTable(comparison))
  for (const { a, b, pValue } of pairs) {
    if (pValue !== undefined)
      print(`${b} against ${a} over runs of equal seeds: p = ${formatNumber(pValue)} (Wilcoxon)`)
  }
  if (svg !== undefined) print(`wrote ${svg}`)
}

/** Shares of the longest run at which the table gives the hypervolume. */
const SHOWN_SHARES = [0.1, 0.25, 0.5, 0.75, 1]

const UNITS: Readonly<Record<Spending, string>> = { trials: 'trials', cpuSeconds: 'processor seconds' }

function curveTable({ groups, over }: Comparison): string {
  const { curve } = groups[0]!
  const shown = [...new Set(SHOWN_SHARES.map((share) => Math.max(0, Math.ceil(share * curve.length) - 1)))]
  const figure = (group: ComparedGroup, place: number): string => {
    const { mean, least, greatest } = group.curve[place]!
    if (group.experiments.length === 1) return mean.toFixed(4)
    return `${mean.toFixed(4)} (${least.toFixed(4)} to ${greatest.toFixed(4)})`
  }
  const rows = groups.map((group) => [group.name, ...shown.map((place) => figure(group, place))])
  const headings = [
    'hypervolume after',
    ...shown.map((place) =>
      over === 'trials' ? counted(curve[place]!.spent, 'trial') : `${formatNumber(curve[place]!.spent)} ${UNITS[over]}`,
    ),
  ]
  return columns(
    [headings, ...rows],
    shown.map((_, i) => i + 1),
  )
}

function pairTable({ pairs }: Comparison): string {
  const rows = pairs.map(({ a, b, merged, ...pair }) => [
    a,
    b,
    `${pair.hypervolumeDifference < 0 ? '' : '+'}${pair.hypervolumeDifference.toFixed(4)}`,
    formatPercent(pair.aCoversB),
    formatPercent(pair.bCoversA),
    formatPercent(pair.aFallsShort),
    formatPercent(pair.bFallsShort),
    `${merged.onlyA} / ${merged.onlyB} / ${merged.both}`,
  ])
  const headings = [
    'A',
    'B',
    'B − A',
    'A covers B',
    'B covers A',
    'A short by',
    'B short by',
    'merged front: A / B / both',
  ]
  return columns([headings, ...rows], [2, 3, 4, 5, 6, 7])
}
