import { UserError } from '../../lib/errors.ts'
import { wilcoxonSignedRank } from '../../lib/statistics.ts'
import { fromMinimised } from '../../search/objectives.ts'
import type { Experiment } from '../store.ts'
import { attainmentSurface } from './attainment.ts'
import { type CurvePoint, curvePlaces, hypervolumeCurve } from './curve.ts'
import { type FrontDifference, frontDifference, frontOfRuns } from './difference.ts'
import { type Run, type Spending, spentBy } from './runs.ts'

/** Runs that stand for one way of searching: the same settings but for the seed, or one run alone. */
export interface RunGroup {
  readonly name: string
  readonly experiments: readonly Experiment[]
  /** In the order of `experiments`. */
  readonly runs: readonly Run[]
}

export interface ComparedGroup {
  readonly name: string
  readonly experiments: readonly number[]
  /** The most that one of its runs spent. */
  readonly spent: number
  readonly curve: readonly CurvePoint[]
  /** Hypervolume at the end, per experiment. */
  readonly hypervolumes: readonly number[]
  /** Accuracy against the cost asked for that any, half, and every run attains. */
  readonly attainment: Readonly<
    Record<'any' | 'half' | 'every', readonly { readonly cost: number; readonly accuracy: number }[]>
  >
}

export interface ComparedPair extends FrontDifference {
  readonly a: string
  readonly b: string
  /** Of the means at the end, B minus A. */
  readonly hypervolumeDifference: number
  /** Wilcoxon signed-rank over runs of equal seeds; undefined where there are fewer than five such pairs. */
  readonly pValue: number | undefined
}

export interface Comparison {
  readonly device: string
  /** What the curves run over. */
  readonly over: Spending
  readonly objectives: readonly string[]
  /** In the unit of each objective (`accuracy` as an accuracy): in each, the worst that an experiment recorded. */
  readonly reference: readonly number[]
  /** Of the attainment surfaces. */
  readonly cost: string
  readonly groups: readonly ComparedGroup[]
  readonly pairs: readonly ComparedPair[]
}

/** The paired test has nothing to say below this. */
const LEAST_PAIRS = 5

/**
 * Compares groups of runs on one device. Everything is measured against one box, from the ideal point to the elementwise
 * worst of the references that the experiments recorded when they began: it does not move with what was found.
 * @throws UserError when the experiments differ in data, objectives or device, or the cost is not one of the objectives.
 */
export function compareGroups(
  groups: readonly RunGroup[],
  device: string,
  { cost, over }: { readonly cost: string; readonly over: Spending },
): Comparison {
  const experiments = groups.flatMap((group) => group.experiments)
  const [first] = experiments
  for (const experiment of experiments) checkComparable(first!, experiment, device)
  const { objectives } = first!
  const costIndex = objectives.indexOf(cost)
  if (costIndex < 1) {
    throw new UserError(`'${cost}' is not a cost of these experiments: choose one of ${objectives.slice(1).join(', ')}`)
  }
  const reference = objectives.map((_, i) => Math.max(...experiments.map(({ references }) => references[device]![i]!)))
  const most = Math.max(...groups.flatMap(({ runs }) => runs.map(spentBy)))
  if (most === 0 && over === 'cpuSeconds') {
    throw new UserError('no network of these experiments was trained: compare them over trials, or train more of them')
  }
  const places = curvePlaces(over === 'trials' ? Math.max(1, most) : most, over)
  const compared = groups.map(({ name, experiments: members, runs }): ComparedGroup => {
    const surface = (share: number) =>
      attainmentSurface(runs, costIndex, share).map(({ cost: at, error }) => ({ cost: at, accuracy: 1 - error }))
    return {
      name,
      experiments: members.map(({ id }) => id),
      spent: Math.max(...runs.map(spentBy)),
      curve: hypervolumeCurve(runs, places, reference),
      hypervolumes: runs.map((run) => hypervolumeCurve([run], [spentBy(run)], reference)[0]!.mean),
      attainment: { any: surface(0), half: surface(0.5), every: surface(1) },
    }
  })
  return {
    device,
    over,
    objectives,
    reference: reference.map((value, i) => Number(fromMinimised(objectives[i]!, value).toPrecision(15))),
    cost,
    groups: compared,
    pairs: pairsOf(groups, compared, objectives.length),
  }
}

function checkComparable(first: Experiment, other: Experiment, device: string): void {
  const what = `experiments ${first.id} and ${other.id} cannot be compared`
  if (!sameData(first, other)) throw new UserError(`${what}: they were run on different data`)
  if (other.objectives.join() !== first.objectives.join()) {
    throw new UserError(
      `${what}: one has the objectives ${first.objectives.join(', ')}, the other ${other.objectives.join(', ')}`,
    )
  }
  if (!other.devices.includes(device)) {
    throw new UserError(
      `experiment ${other.id} has no front for '${device}': name a device that all have, with --device (it has ${other.devices.join(', ')})`,
    )
  }
}

/** Another seed may put other samples of the same data aside for validation, and then has another digest. */
function sameData(a: Experiment, b: Experiment): boolean {
  if (a.datasetDigest === b.datasetDigest) return true
  return a.settings['data'] === b.settings['data'] && a.settings['seed'] !== b.settings['seed']
}

function pairsOf(
  groups: readonly RunGroup[],
  compared: readonly ComparedGroup[],
  dimensions: number,
): readonly ComparedPair[] {
  const fronts = groups.map(({ runs }) => frontOfRuns(runs, dimensions))
  const final = ({ curve }: ComparedGroup): number => curve.at(-1)!.mean
  return compared.flatMap((a, i) =>
    compared.slice(i + 1).map((b, offset): ComparedPair => {
      const j = i + 1 + offset
      return {
        a: a.name,
        b: b.name,
        hypervolumeDifference: final(b) - final(a),
        pValue: pairedTest(groups[i]!, a, groups[j]!, b),
        ...frontDifference(fronts[i]!, fronts[j]!),
      }
    }),
  )
}

/** Pairs runs by the seed of their settings: what differs then is the way of searching alone. */
function pairedTest(a: RunGroup, comparedA: ComparedGroup, b: RunGroup, comparedB: ComparedGroup): number | undefined {
  const bySeed = new Map(b.experiments.map(({ settings }, i) => [settings['seed'], comparedB.hypervolumes[i]!]))
  const pairs = a.experiments.flatMap(({ settings }, i) => {
    const other = bySeed.get(settings['seed'])
    return other === undefined ? [] : [[comparedA.hypervolumes[i]!, other] as const]
  })
  if (pairs.length < LEAST_PAIRS) return undefined
  return wilcoxonSignedRank(
    pairs.map(([x]) => x),
    pairs.map(([, y]) => y),
  )
}
