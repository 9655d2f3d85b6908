/**
 * How much of the time cores train, by look-ahead: trainings whose processor times are spread like those of random
 * networks, told in the order of the asks (docs/searching.md).
 *
 *   node bench/look-ahead.ts [spread]
 *
 * The spread is the standard deviation of the logarithm of the times; 0.6 is that of `mobilenet` on the built-in data.
 */
import { randomStream } from '../lib/random.ts'
import { benchArguments } from './usage.ts'

const TRAININGS = 4000
const spread = Number(benchArguments('bench/look-ahead.ts [SPREAD]', {}, [0, 1]).positionals[0] ?? 0.6)

/** Share of the cores' time that is spent training. */
function busyShare(cores: number, lookAhead: number): number {
  const random = randomStream(1, 'look-ahead')
  const durations = Array.from({ length: TRAININGS }, () => Math.exp(spread * random.normal()))
  const ends = new Float64Array(TRAININGS).fill(Number.POSITIVE_INFINITY)
  const running: number[] = []
  let [now, told, begun] = [0, 0, 0]
  while (told < TRAININGS) {
    for (; begun < Math.min(TRAININGS, told + lookAhead) && running.length < cores; begun++) {
      ends[begun] = now + durations[begun]!
      running.push(begun)
    }
    const first = running.reduce((a, b) => (ends[b]! < ends[a]! ? b : a))
    running.splice(running.indexOf(first), 1)
    now = ends[first]!
    while (told < begun && ends[told]! <= now) told++
  }
  return durations.reduce((sum, duration) => sum + duration, 0) / (now * cores)
}

const TIMES = [1, 2, 4, 8]
console.log(`cores  ${TIMES.map((times) => `look-ahead ${times} x cores`).join('  ')}  (spread ${spread})`)
for (const cores of [2, 4, 8, 16, 64]) {
  const shares = TIMES.map((times) => `${(100 * busyShare(cores, times * cores)).toFixed(0)} %`.padStart(20))
  console.log(`${String(cores).padStart(5)}${shares.join('  ')}`)
}
