/**
 * What ladders would have found among networks that `frugal bench proxy --keep FOLDER` has trained:
 *
 *   node bench/ladder-draws.ts FOLDER --full epochs=6,data=0.3 --ladder "epochs=1,data=0.1" \
 *     --ladder "epochs=1,data=0.1>epochs=1,data=0.2" [--reduction 3] [--networks 27] [--draws 4000]
 *
 * Every draw takes some of the networks. Each stage passes one in so many on, by validation cross entropy as in a search, or
 * by accuracy with --by accuracy; those that are left are trained fully, from the start, which counts in full. Printed for
 * each ladder: its cost as a share of training all of the draw fully, and its loss, the test accuracy of the best network of
 * the draw minus that of the best one it trained fully. Beside it: the loss of training as many networks of the draw as the
 * same cost allows. Nothing is trained.
 */
import path from 'node:path'
import type { Measurement } from '../evaluators/evaluator.ts'
import { type KeptMeasurement, keptMeasurements } from '../evaluators/proxy/measurement-store.ts'
import { parseFidelity, parseLadder, plainFidelity } from '../evaluators/proxy/proxy-fidelity.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { randomStream } from '../lib/random.ts'
import { mean } from '../lib/statistics.ts'
import { benchArguments } from './usage.ts'

const { values: flags, positionals } = benchArguments(
  'bench/ladder-draws.ts FOLDER --full epochs=6,data=0.3 --ladder "epochs=1,data=0.1"... [--reduction 3] ' +
    '[--networks 27] [--draws 4000] [--by entropy|accuracy]',
  {
    full: { type: 'string', default: 'epochs=10' },
    ladder: { type: 'string', multiple: true, default: [] },
    reduction: { type: 'string', default: '3' },
    networks: { type: 'string', default: '27' },
    draws: { type: 'string', default: '4000' },
    by: { type: 'string', default: 'entropy' },
  },
  [1, 1],
)
const [folder = ''] = positionals
const [reduction, size, draws] = [flags.reduction, flags.networks, flags.draws].map(Number) as [number, number, number]
const WHOLE = { epochs: 10, dataFraction: 1, resolution: 1 }
const full = parseFidelity(flags.full, '--full', WHOLE)
const kept = keptMeasurements(path.join(folder, 'measurements.jsonl')).filter(({ what }) => !what.inheritFrom)

/** By network, the measurement after these stages; of several the one of the largest or the smallest seed. */
function measured(stages: readonly object[], seed: 'largest' | 'smallest'): ReadonlyMap<string, Measurement> {
  const wanted = canonicalJson(stages)
  const found = new Map<string, KeptMeasurement>()
  for (const one of kept) {
    const { archId, earlier, fidelity, seed: own } = one.what
    if (canonicalJson([...earlier, fidelity]) !== wanted) continue
    const other = found.get(archId)?.what.seed ?? own
    if (seed === 'largest' ? own >= other : own <= other) found.set(archId, one)
  }
  return new Map([...found].map(([archId, { measurement }]) => [archId, measurement]))
}

// The truth has seeds one above those of the cheap trainings, and of a second full training (--ceiling).
const truth = measured([plainFidelity(full)], 'largest')
const ladders = flags.ladder.map((text) => {
  const stages = parseLadder(text, '--ladder', full).map(plainFidelity)
  return { text, rungs: stages.map((_, i) => measured(stages.slice(0, i + 1), 'smallest')) }
})
const networks = [...truth.keys()].filter((archId) => ladders.every(({ rungs }) => rungs.every((r) => r.has(archId))))
if (networks.length < size) throw new Error(`only ${networks.length} networks have all these measurements, not ${size}`)

const accuracy = (archId: string): number => truth.get(archId)!.testAccuracy!
const best = (archIds: readonly string[]): number => Math.max(...archIds.map(accuracy))
const cost = (archIds: readonly string[], of: ReadonlyMap<string, Measurement>): number =>
  archIds.reduce((sum, archId) => sum + of.get(archId)!.cpuSeconds, 0)

const score = ({ accuracy, crossEntropy }: Measurement): number =>
  flags.by === 'accuracy' || crossEntropy === undefined ? accuracy : -crossEntropy

function climb(drawn: readonly string[], rungs: (typeof ladders)[number]['rungs']) {
  let left = drawn
  let spent = 0
  for (const rung of rungs) {
    spent += cost(left, rung)
    const ranked = left.toSorted((a, b) => score(rung.get(b)!) - score(rung.get(a)!))
    left = ranked.slice(0, Math.ceil(left.length / reduction))
  }
  return { share: (spent + cost(left, truth)) / cost(drawn, truth), loss: best(drawn) - best(left) }
}

const random = randomStream(1, 'ladder-draws')
const drawn = Array.from({ length: draws }, () => [...random.permutation(networks.length)].slice(0, size))
const points = (losses: readonly number[]): string => (100 * mean(losses)).toFixed(1)
console.log(`${draws} draws of ${size} of ${networks.length} networks, one in ${reduction} goes on`)
for (const { text, rungs } of ladders) {
  const results = drawn.map((places) =>
    climb(
      places.map((place) => networks[place]!),
      rungs,
    ),
  )
  const share = mean(results.map((result) => result.share))
  const affordable = Math.max(1, Math.round(share * size))
  const plain = drawn.map((places) => {
    const archIds = places.map((place) => networks[place]!)
    return best(archIds) - best(archIds.slice(0, affordable))
  })
  console.log(
    `${text}>full: ${(100 * share).toFixed(0)} % of the cost, ${points(results.map(({ loss }) => loss))} points lost; ` +
      `${affordable} trained fully at once: ${points(plain)}`,
  )
}
